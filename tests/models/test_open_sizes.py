"""Networks that leave sizes open and work at one alone: opened for the samples, whatever size is tried first."""

import numpy as np
import pytest

from auditor.compute.backend import tensorflow
from auditor.loading.resources import Resources
from auditor.search import gives_gradient
from auditor.spec.plan import make_plan
from auditor.starting.looking import look
from auditor.values import ModelError, SizeError
from tests.models import formats
from tests.support import CLASSES, SIZE, save_data

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
make = onnx.helper

WIDE = 8
SPEC = f"""\
audit: sizes
models:
  open: {{format: onnx, path: open.onnx, output: probabilities}}
  all: {{format: onnx, path: all.onnx, output: probabilities}}
  resized: {{format: onnx, path: wide.onnx, output: logits, preprocessing: {{resize: [{WIDE}, {WIDE}]}}}}
  saved: {{format: saved_model, path: saved, output: logits}}
  never: {{format: onnx, path: wide.onnx, output: logits}}
data: {{dataset: npz, path: data.npz}}
checks:
  - {{id: c, check: accuracy}}
"""


def leaving_open(path, target, *sizes):
    model = onnx.load(path)
    for place, size in zip(model.graph.input[0].type.tensor_type.shape.dim, sizes, strict=True):
        if isinstance(size, str):
            place.dim_param = size
    onnx.save(model, target)


def linear(folder, kernel):
    nodes = [make.make_node("Flatten", ["x"], ["f"]), make.make_node("MatMul", ["f", "w"], ["y"])]
    ends = [
        make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", "c", "h", "w"]),
        make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", CLASSES]),
    ]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], [onnx.numpy_helper.from_array(kernel, "w")])
    whole = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
    onnx.save(whole, folder / "wide.onnx")


def saved(folder, kernel):
    tf = tensorflow()

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, None), tf.float32)])
        def __call__(self, x):
            return tf.reshape(x, (tf.shape(x)[0], SIZE * SIZE)) @ tf.constant(kernel)

    module = Module()
    tf.saved_model.save(module, folder / "saved", signatures=module.__call__)


def test_a_network_of_open_sizes_is_opened_for_its_samples(tmp_path):
    """As PyTorch's `dynamic_axes` on everything leaves them, before a layer that takes one size alone."""
    rng = np.random.default_rng(0)
    wide, narrow = (rng.normal(0, 0.3, (side * side, CLASSES)).astype(np.float32) for side in (WIDE, SIZE))
    path = formats.onnx(tmp_path)["path"]
    leaving_open(path, tmp_path / "open.onnx", "n", 1, "h", "w")
    leaving_open(path, tmp_path / "all.onnx", "n", "c", "h", "w")
    linear(tmp_path, wide)
    saved(tmp_path, narrow)
    save_data(tmp_path)
    (tmp_path / "a.audit.yaml").write_text(SPEC)
    plan, resources = make_plan(tmp_path / "a.audit.yaml"), Resources()
    images = resources.samples(plan).images[:40]
    own = runtime.InferenceSession(path).run(None, {"x": images.transpose(0, 3, 1, 2)})[0]
    larger = np.asarray(tensorflow().image.resize(images, (WIDE, WIDE)))
    wanted = {
        "open": own,
        "all": own,
        "resized": larger.reshape(40, -1) @ wide,
        "saved": images.reshape(40, -1) @ narrow,
    }
    for name, answers in wanted.items():
        model = resources.classifier(plan, name)
        assert model.input_shape == (SIZE, SIZE, 1), name
        np.testing.assert_allclose(model.answers(images), answers, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(model.predict(images).argmax(1), answers.argmax(1), err_msg=name)
        assert gives_gradient(model, images[:1]), name
        assert resources.source_of(model).given == ((WIDE, WIDE, 1) if name == "resized" else (SIZE, SIZE, 1))
    with pytest.raises(ModelError, match=r"never|wide\.onnx can't be run on images of 6 × 6 × 1"):
        resources.classifier(plan, "never")
    with pytest.raises(SizeError, match="it leaves sizes open and was tried at 224 × 224, before the samples' size is"):
        resources.let_in(plan, "never")
    for name in ("open", "all"):  # and from the file alone, as for a first spec
        found = look(str(tmp_path / f"{name}.onnx"), tmp_path / "data.npz", lambda _, likely, __: likely, [].append)
        assert (found.model["format"], found.output, found.logits.shape[1]) == ("onnx", "probabilities", CLASSES), name
        assert found.samples.images.shape[1:] == (SIZE, SIZE, 1)
