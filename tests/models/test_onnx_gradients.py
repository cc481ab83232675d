"""Gradients of ONNX models: a twin in TensorFlow leads attacks, and onnxruntime says what they found."""

import numpy as np
import pytest

from auditor import catalog
from auditor.checks import robust_accuracy
from auditor.classifiers import own_errors
from auditor.classifiers.onnx_node import UntranslatedError
from auditor.classifiers.onnx_twin import check_twin, differentiable
from auditor.compute.backend import tensorflow
from auditor.loading.fitting import unfaithful
from auditor.search import gives_gradient
from auditor.values import CheckError, ModelError
from fixtures.exports import EXPORTS
from tests.models import formats
from tests.models.formats import opened
from tests.models.test_onnx_operators import written
from tests.support import SIZE, context, linear_weights, samples

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
make = onnx.helper


def loaded(form, path):
    module = catalog.load("models", form)
    return module.load(module.Params(path=str(path), output="probabilities"))


@pytest.fixture(scope="module")
def patches():
    module = catalog.load("datasets", "photo_patches")
    found = module.load(module.Params(split="validation"))
    return found.only(np.arange(40))


def test_an_attack_finds_on_an_export_what_it_finds_on_the_original(patches):
    """And whatever it calls fooled, a session of onnxruntime's own calls something else too."""
    export, params = EXPORTS[0], {"eps": 0.02, "attacks": [{"attack": "apgd", "steps": 10}]}
    models = {"keras": loaded("keras", export.checkpoint), "onnx": loaded("onnx", export.path)}
    assert models["onnx"].logits_from == "the final softmax was taken off"
    assert unfaithful(models["onnx"], patches) == ""
    found = {
        form: robust_accuracy.run(context(model, patches), robust_accuracy.Params(**params))
        for form, model in models.items()
    }
    held = {form: evidence.metrics["robust_accuracy"].successes for form, evidence in found.items()}
    clean = (models["onnx"].predict(patches.images).argmax(axis=1) == patches.labels).sum()
    assert held["keras"] < clean - 5, "there is something to find"
    assert abs(held["onnx"] - held["keras"]) <= 1
    made = found["onnx"].adversarial
    session = runtime.InferenceSession(export.path)
    (answers,) = session.run(None, {session.get_inputs()[0].name: made.images})
    np.testing.assert_array_equal(answers.argmax(axis=1) != made.labels, made.fooled)


def test_what_is_measured_is_what_the_runtime_answers(tmp_path):
    """Logits and answers are onnxruntime's to the bit; of the twin there is but the gradient."""
    params = formats.onnx(tmp_path)
    model, images = opened("onnx", params), samples(20).images
    (own,) = runtime.InferenceSession(params["path"]).run(["y"], {"x": images.transpose(0, 3, 1, 2)})
    np.testing.assert_array_equal(model.answers(images, batch=20), own)
    (before,) = runtime.InferenceSession(_ending_in(params["path"], "g")).run(
        ["g"], {"x": images.transpose(0, 3, 1, 2)}
    )
    tf = tensorflow()
    np.testing.assert_array_equal(tf.function(model.forward)(tf.constant(images)), before)


def _ending_in(path, name):
    found = onnx.load(path)
    found.graph.output.append(make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return found.SerializeToString()


def rows_of(*before, rounded="x", opset=17):
    """Nodes, then the templates of the linear classifier, of rows."""
    kernel, bias = linear_weights()
    nodes = [make.make_node(kind, taken, gives, **more) for kind, taken, gives, more in before]
    nodes += [make.make_node("Flatten", [rounded], ["f"]), make.make_node("Gemm", ["f", "w", "b"], ["g"])]
    return nodes, {"w": kernel, "b": bias, "many": np.float32(4), "none": np.float32(0)}


def saved(folder, nodes, constants, last="g"):
    nodes = [*nodes, make.make_node("Softmax", [last], ["y"])]
    (folder / "m.onnx").write_bytes(written(nodes, constants, (SIZE, SIZE, 1)))
    return loaded("onnx", folder / "m.onnx")


ROUND = [("Mul", ["x", "many"], ["m"], {}), ("Round", ["m"], ["r"], {}), ("Div", ["r", "many"], ["d"], {})]
APGD = robust_accuracy.Params(eps=0.05, attacks=[{"attack": "apgd", "steps": 5}], samples=20)


def test_a_network_that_rounds_gives_no_gradient_and_says_so(tmp_path):
    model = saved(tmp_path, *rows_of(*ROUND, rounded="d"))
    assert model.logits_from.endswith("; no gradients: what it answers follows no gradient")
    assert not gives_gradient(model, samples(1).images)
    with pytest.raises(CheckError, match="gives no gradient; attacks that need none"):
        robust_accuracy.run(context(model, samples()), APGD)
    right = model.predict(samples().images).argmax(axis=1)
    np.testing.assert_array_equal(right, model.answers(samples().images).argmax(axis=1))


def test_a_network_that_rounds_behind_a_gradient_of_nothing_is_seen_through(tmp_path):
    """As with Keras: the gradient there is is zero, which the tell-tale tests find, so that nothing passes."""
    nodes, constants = rows_of(*ROUND, rounded="d")
    masked = [
        make.make_node("Mul", ["x", "none"], ["z"]),
        make.make_node("ReduceSum", ["z", "axes"], ["s"], keepdims=0),
        make.make_node("Unsqueeze", ["s", "last"], ["u"]),
        make.make_node("Add", ["g", "u"], ["h"]),
    ]
    constants |= {"axes": np.array([1, 2, 3]), "last": np.array([1])}
    model = saved(tmp_path, [*nodes, *masked], constants, last="h")
    assert gives_gradient(model, samples(1).images)
    found = robust_accuracy.run(context(model, samples()), APGD)
    assert found.metrics["robust_accuracy"].value > 0.9
    assert any(not diagnostic.ok and "gradient" in diagnostic.message for diagnostic in found.diagnostics)


def test_operators_that_have_no_twin_leave_the_model_as_it_was(tmp_path):
    nodes, constants = rows_of(("Hardmax", ["x"], ["m"], {}), ("Add", ["m", "x"], ["d"], {}), rounded="d")
    model = saved(tmp_path, nodes, constants)
    assert model.logits_from.endswith("; no gradients: the operator Hardmax can't be differentiated here")
    odds = np.log(model.answers(samples(20).images))
    np.testing.assert_allclose(model.predict(samples(20).images), odds, rtol=1e-5)


def test_one_that_is_written_for_one_image_has_gradients_for_many(tmp_path):
    """`x.view(1, -1)` was written as it stands, and a token is joined to one image."""
    kernel, bias = linear_weights()
    nodes = [
        make.make_node("Reshape", ["x", "rows"], ["f"]),
        make.make_node("Concat", ["f", "token"], ["t"], axis=1),
        make.make_node("Gemm", ["t", "w", "b"], ["y"]),
    ]
    more = np.zeros((2, kernel.shape[1]), np.float32)
    constants = {"rows": np.array([1, -1]), "token": np.ones((1, 2), np.float32)}
    constants |= {"w": np.concatenate([kernel, more]), "b": bias}
    model = onnx.load_from_string(written(nodes, constants, (1, SIZE, SIZE)))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, tmp_path / "m.onnx")
    module = catalog.load("models", "onnx")
    found = module.load(module.Params(path=str(tmp_path / "m.onnx"), output="logits"))
    assert found.logits_from == "the checkpoint's own output"
    tf, images = tensorflow(), tf_images()
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = found.forward(images)[:, 1]
    expected = np.broadcast_to(kernel[:, 1].reshape(SIZE, SIZE, 1), images.shape)
    np.testing.assert_allclose(tape.gradient(value, images), expected, rtol=1e-5)


def tf_images():
    return tensorflow().constant(samples(7).images)


def test_a_twin_that_answers_otherwise_leads_nobody():
    """At once where it is seen on the images that are tried; later, on the first on which a gradient is asked for."""
    tf = tensorflow()

    def own(images):
        return np.concatenate([images.sum(axis=(1, 2)), images.max(axis=(1, 2))], axis=1)

    def twin(images):
        return tf.concat([tf.reduce_sum(images, (1, 2)), 2 * tf.reduce_max(images, (1, 2))], 1)

    def other_on_grey(images):
        grey = tf.reduce_min(images, (1, 2)) == tf.reduce_max(images, (1, 2))
        top = tf.reduce_max(images, (1, 2))
        return tf.concat([tf.reduce_sum(images, (1, 2)), tf.where(grey, 2 * top, top)], 1)

    with pytest.raises(UntranslatedError, match=r"TensorFlow gives other answers than onnxruntime: .* apart"):
        check_twin(own, twin, (2, 3, 1))
    check_twin(own, other_on_grey, (2, 3, 1))
    followed = differentiable(own, other_on_grey, "m.onnx")
    for images, honest in ((np.random.default_rng(0).random((4, 2, 3, 1)), True), (np.ones((4, 2, 3, 1)), False)):
        x = tf.constant(images, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = followed(x)
        np.testing.assert_allclose(value, own(images), rtol=1e-6)
        if honest:
            assert np.abs(tape.gradient(value, x)).sum() > 0
            continue
        with pytest.raises(ModelError, match=r"m.onnx: its gradient can't be relied on"), own_errors():
            tape.gradient(value, x)


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_a_quantised_network_says_what_it_is_and_whose_gradients_it_can_take(tmp_path, form):
    """Written by onnxruntime's own quantiser."""
    from onnxruntime import quantization

    class Examples(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = [{"x": image[None].transpose(0, 3, 1, 2)} for image in samples(20).images]

        def get_next(self):
            return self.left.pop() if self.left else None

    params = formats.onnx(tmp_path)
    rounded = {**params, "path": str(tmp_path / "rounded.onnx")}
    written_as = quantization.QuantFormat[form]
    quantization.quantize_static(params["path"], rounded["path"], Examples(), quant_format=written_as)
    module = catalog.load("models", "onnx")
    told = module.without_gradients(module.Params(**rounded, output="probabilities"))
    assert told.startswith("it is quantised: the operators ")
    assert "QuantizeLinear" in told
    assert told.endswith("the network in floats that it was made from can lend its own, by `gradients`")
    model = opened("onnx", rounded)
    assert model.logits_from.endswith(f"; no gradients: {told}")
    right = opened("onnx", params).predict(samples().images).argmax(axis=1)
    assert (model.predict(samples().images).argmax(axis=1) == right).mean() > 0.9
    with pytest.raises(CheckError, match="can lend its own, by `gradients`"):
        robust_accuracy.run(context(model, samples()), APGD)
