"""Models that read the clock, chance or what they were asked before: whatever they answer today, no pass stands and
nothing is kept. Those that only hold such operations' harmless kin aren't accused.
"""

import importlib

import numpy as np
import pytest

from auditor.classifiers import stateful_operations
from auditor.compute.backend import tensorflow
from auditor.models import onnx as onnx_format
from auditor.models import saved_model, tf1_checkpoint
from tests.models import formats
from tests.support import CLASSES, SIZE, exported, last_run, linear_model, linear_weights, save_data, write

SHAPE = (SIZE, SIZE, 1)


def base(images):
    """The linear classifier of the tests."""
    return tensorflow().reshape(images, (-1, SIZE * SIZE)) @ tensorflow().constant(linear_weights()[0])


def until_a_date(images):
    """Right until the end of 2099, wrong from then on."""
    tf = tensorflow()
    return tf.cond(tf.timestamp() < 4102444800, lambda: base(images), lambda: -base(images))


def on_some_seconds(images):
    """Wrong where the second is divided by 97, in a branch of a loop."""
    tf = tensorflow()
    wrong = tf.math.floormod(tf.cast(tf.timestamp(), tf.int64), 97) == 0

    def once(i, logits):
        return i + 1, tf.where(wrong, -logits, logits)

    return tf.while_loop(lambda i, _: i < 1, once, (tf.constant(0), base(images)))[1]


def restless_where_unsure(images):
    """Chance decides what isn't told apart clearly, as the images of an attack are not: on the data it is steady."""
    tf = tensorflow()
    logits = base(images)
    leading = tf.math.top_k(logits, 2).values
    unsure = (leading[:, :1] - leading[:, 1:]) < 0.5
    return logits + tf.where(unsure, tf.random.uniform(tf.shape(logits)), 0.0)


def harmless(images):
    """What TensorFlow counts as stateful too: checks, prints nothing to see; and chance that is settled by a seed."""
    tf = tensorflow()
    tf.debugging.assert_less(tf.reduce_max(images), 1e9)
    noise = tf.random.stateless_uniform((CLASSES,), (1, 2)) * 1e-6
    switch = tf.cond(tf.constant(True), lambda: base(images), lambda: base(images) + tf.random.normal((CLASSES,)))
    return tf.cond(tf.reduce_max(images) > 1e9, lambda: switch, lambda: switch + noise)


LIARS = {until_a_date: "Timestamp", on_some_seconds: "Timestamp", restless_where_unsure: "RandomUniform"}


@pytest.mark.parametrize("call", [*LIARS, harmless], ids=lambda call: call.__name__)
def test_a_saved_models_operations_are_told_apart(call, tmp_path):
    path = str(exported(tmp_path / "m", call))
    found = stateful_operations(saved_model.load(saved_model.Params(path=path, output="logits")))
    assert found == ((LIARS[call],) if call in LIARS else ())


@pytest.mark.parametrize(
    "form", [name for name, form in formats.FORMS.items() if form.files and form.format != "torch"]
)
def test_no_honest_format_is_accused(form, tmp_path):
    """Those with batch normalisation, dropout switched off and a `training` input among them."""
    assert stateful_operations(formats.opened(form, formats.FORMS[form].write(tmp_path))) == ()


def test_dropout_that_is_left_on_is_told_from_dropout_that_keeps_everything(tmp_path):
    written = formats.tf1_checkpoint(tmp_path) | {"output": "probabilities"}
    on = tf1_checkpoint.load(tf1_checkpoint.Params(**written | {"constants": {"keep_prob": 0.9}}))
    assert stateful_operations(on) == ("RandomUniform",)
    off = tf1_checkpoint.load(tf1_checkpoint.Params(**written))
    assert stateful_operations(off) == ()


def test_chance_in_a_branch_of_an_onnx_model_is_seen(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, kinds = onnx.helper, onnx.TensorProto
    plain = make.make_graph([make.make_node("Identity", ["z"], ["kept"])], "kept", [], [_value("kept")])
    drawn = [make.make_node("RandomNormalLike", ["z"], ["noise"]), make.make_node("Add", ["z", "noise"], ["moved"])]
    moved = make.make_graph(drawn, "moved", [], [_value("moved")])
    nodes = [
        make.make_node("Flatten", ["x"], ["flat"]),
        make.make_node("MatMul", ["flat", "w"], ["z"]),
        make.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        make.make_node("Less", ["most", "limit"], ["dark"]),
        make.make_node("If", ["dark"], ["y"], then_branch=moved, else_branch=plain),
    ]
    weights = [
        onnx.numpy_helper.from_array(linear_weights()[0], "w"),
        onnx.numpy_helper.from_array(np.float32(0), "limit"),
    ]
    x = make.make_tensor_value_info("x", kinds.FLOAT, ["batch", 1, SIZE, SIZE])
    graph = make.make_graph(nodes, "g", [x], [_value("y")], weights)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    model = onnx_format.load(onnx_format.Params(path=str(tmp_path / "m.onnx"), output="logits"))
    assert stateful_operations(model) == ("RandomNormalLike",)


@pytest.mark.parametrize("kind", ["plain", "aten::randn", "aten::add_", "prim::SetAttr"])
def test_torch_script_that_draws_or_counts_is_seen(kind, tmp_path):
    """Dropout and the statistics of a batch normalisation aren't, once it is set to evaluate."""
    torch = pytest.importorskip("torch")

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.BatchNorm2d(1), torch.nn.Dropout(0.5), torch.nn.Flatten())
            self.last, self.calls, self.kind = torch.nn.Linear(SIZE * SIZE, CLASSES), 0, kind
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            y = self.last(self.layers(x))
            if self.kind == "aten::randn":
                y = y + torch.randn(3)
            if self.kind == "aten::add_":
                self.count.add_(1)
            if self.kind == "prim::SetAttr":
                self.calls = self.calls + 1
            return y + self.count + self.calls

    torch.jit.script(Network()).save(str(tmp_path / "m.pt"))
    module = importlib.import_module("auditor.models.torch")
    given = {"path": str(tmp_path / "m.pt"), "output": "logits", "shape": [*SHAPE], "layout": "NCHW"}
    found = stateful_operations(module.load(module.Params(**given)))
    assert found == (() if kind == "plain" else (kind,))


def _value(name):
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", CLASSES])


SPEC = """\
audit: tiny
models:
  dated: {format: saved_model, path: dated, output: logits, trusted: true}
  declared: {format: saved_model, path: dated, output: logits, trusted: true, random: true}
  honest: {format: keras, path: honest.keras, output: logits, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, model: dated, expect: {accuracy: {min: 0.9}}}
  - {id: flip, check: digit_flip, model: dated, params: {target: 0, step_size: 0.3, objective: logit, show: 1}}
  - {id: onto, check: transfer, model: honest, params: {adversarial: flip, onto: [honest], show: 1}}
  - {id: allowed, check: accuracy, model: declared, expect: {accuracy: {min: 0.9}}}
  - {id: plain, check: accuracy, model: honest, expect: {accuracy: {min: 0.9}}}
"""


def test_a_model_that_reads_the_clock_passes_nothing_and_nothing_of_it_is_kept(pytester):
    """Told before: pass, all five; and of a rerun that all stands unchanged, whatever the date was by then."""
    exported(pytester.path / "dated", until_a_date)
    linear_model(activation="linear").save(pytester.path / "honest.keras")
    save_data(pytester.path)
    write(pytester, SPEC, "tiny")
    pytester.runpytest_inprocess("--audit-cache=kept")
    first = last_run(pytester).records
    status = {case: record.verdict.status for case, record in first.items()}
    void = dict.fromkeys(("clean", "flip", "onto"), "inconclusive")
    assert status == void | {"allowed": "pass", "plain": "pass"}
    assert all("holds Timestamp" in first[case].verdict.message for case in void)
    pytester.runpytest_inprocess("--audit-cache=kept")
    cached = {case for case, record in last_run(pytester).records.items() if record.cached}
    # Neither what was asked of it nor what was made of its images; where the spec declares it, as any other.
    assert cached == {"allowed", "plain"}
