"""Networks as people have them: of any size, of whole numbers, with several outputs; held against plain calls."""

import warnings
from functools import cache

import numpy as np
import pytest

from auditor import catalog
from auditor.checks import accuracy, robust_accuracy
from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.compute.backend import tensorflow
from auditor.loading.fitting import check_fit
from auditor.values import CheckError, ModelError
from tests.support import CLASSES, SIZE, context, linear_model, samples

BOX = (0.0, 1.0)


@cache
def of_any_size(kind: str = "float32"):
    """Two convolutions and a mean over all places, which take images of every size."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(3)
    given = keras.Input((None, None, 1), dtype=kind)
    x = given if kind == "float32" else keras.layers.Rescaling(1 / 255)(given)
    x = keras.layers.Conv2D(6, 3, activation="relu")(x)
    x = keras.layers.Conv2D(8, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(given, keras.layers.Dense(CLASSES, activation="softmax")(x))


def keras_form(folder, model):
    model.save(folder / "m.keras")
    return "keras", {"path": str(folder / "m.keras")}


def saved_model_form(folder, model):
    model.export(folder / "exported", verbose=False)
    return "saved_model", {"path": str(folder / "exported")}


def onnx_form(folder, model):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, whole = onnx.helper, model.inputs[0].dtype == "uint8"
    weights = [np.asarray(w) for w in model.get_weights()]
    kernels = [np.ascontiguousarray(w.transpose(3, 2, 0, 1)) for w in weights[:4:2]]
    parts = [kernels[0], weights[1], kernels[1], weights[3], weights[4], weights[5], np.float32(1 / 255)]
    nodes = [
        make.make_node("Cast", ["x"], ["f"], to=onnx.TensorProto.FLOAT),
        *([make.make_node("Mul", ["f", "w6"], ["s"])] if whole else [make.make_node("Identity", ["f"], ["s"])]),
        make.make_node("Conv", ["s", "w0", "w1"], ["a"]),
        make.make_node("Relu", ["a"], ["b"]),
        make.make_node("Conv", ["b", "w2", "w3"], ["c"]),
        make.make_node("Relu", ["c"], ["d"]),
        make.make_node("GlobalAveragePool", ["d"], ["e"]),
        make.make_node("Flatten", ["e"], ["r"]),
        make.make_node("Gemm", ["r", "w4", "w5"], ["g"]),
        make.make_node("Softmax", ["g"], ["y"], axis=1),
    ]
    kind = onnx.TensorProto.UINT8 if whole else onnx.TensorProto.FLOAT
    ends = [
        make.make_tensor_value_info("x", kind, ["n", 1, "height", "width"]),
        make.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", CLASSES]),
    ]
    kept = [onnx.numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(parts)]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], kept)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    return "onnx", {"path": str(folder / "m.onnx")}


def torch_network(model, ending="softmax"):
    torch = pytest.importorskip("torch")
    weights = [torch.tensor(np.asarray(w)) for w in model.get_weights()]

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(1, 6, 3), torch.nn.Conv2d(6, 8, 3)
            self.last = torch.nn.Linear(8, CLASSES)
            with torch.no_grad():
                for layer, kernel, bias in zip((self.first, self.second), weights[:4:2], weights[1:4:2], strict=True):
                    layer.weight.copy_(kernel.permute(3, 2, 0, 1))
                    layer.bias.copy_(bias)
                self.last.weight.copy_(weights[4].T)
                self.last.bias.copy_(weights[5])

        def forward(self, x):
            x = torch.relu(self.second(torch.relu(self.first(x))))
            # What people write, and what needs the strides that PyTorch itself makes.
            return torch.softmax(self.last(x.view(x.shape[0], -1).view(x.shape[0], 8, -1).mean(2)), 1)

    return Network().eval()


def from_bytes():
    torch = pytest.importorskip("torch")

    class FromBytes(torch.nn.Module):
        def forward(self, x):
            return x.to(torch.float32) / 255

    return FromBytes()


def torch_form(folder, model):
    torch = pytest.importorskip("torch")
    kind = model.inputs[0].dtype
    network = torch_network(model)
    if kind == "uint8":
        network = torch.nn.Sequential(from_bytes(), network)
    given = torch.zeros(1, 1, 9, 9, dtype=getattr(torch, kind))
    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.trace(network, given).save(folder / "m.pt")
    return "torch", {"path": str(folder / "m.pt"), "shape": ["any", "any", 1], "dtype": kind}


def concrete(model):
    spec = tensorflow().TensorSpec((None, SIZE, SIZE, 1), model.inputs[0].dtype, "x")
    return tensorflow().function(lambda x: model(x)).get_concrete_function(spec)


def tflite_form(folder, model):
    pytest.importorskip("ai_edge_litert")
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    fixed = convert_variables_to_constants_v2(concrete(model))
    converter = tensorflow().lite.TFLiteConverter.from_concrete_functions([fixed])
    (folder / "m.tflite").write_bytes(converter.convert())
    return "tflite", {"path": str(folder / "m.tflite")}


def frozen_form(folder, model):
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    fixed = convert_variables_to_constants_v2(concrete(model))
    tensorflow().io.write_graph(fixed.graph.as_graph_def(), str(folder), "m.pb", as_text=False)
    return "frozen_graph", {"path": str(folder / "m.pb"), "input": "x", "logits": fixed.outputs[0].name}


def opened(form, params):
    module = catalog.load("models", form)
    return module.load(module.Params(**{"output": "probabilities", **params}))


@pytest.mark.parametrize("form", [keras_form, saved_model_form, onnx_form, torch_form])
def test_a_network_of_any_size_takes_the_size_of_its_samples_or_that_of_a_resize(tmp_path, form):
    model, given = of_any_size(), samples(20).images
    base = opened(*form(tmp_path, model))
    assert base.input_shape == (224, 224, 1)
    for steps, size in ((None, SIZE), (Preprocessing(resize=[8, 8]), 8)):
        classifier = prepared("m", base, steps, (SIZE, SIZE, 1), BOX)
        assert classifier.input_shape == (SIZE, SIZE, 1)
        images = tensorflow().image.resize(given, (size, size))
        expected = np.asarray(model(images))
        np.testing.assert_allclose(classifier.answers(given), expected, atol=1e-5)
        logits = np.asarray(classifier.predict(given), np.float64)
        found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    whole = base.as_given
    if whole is not None:
        assert prepared("m", whole, None, (SIZE, SIZE, 1), BOX).as_given is None, "nothing is taken off again"
    check_fit("m", prepared("m", base, None, (SIZE, SIZE, 1), BOX), samples(20))


@pytest.mark.parametrize("form", [keras_form, saved_model_form, onnx_form, torch_form, tflite_form, frozen_form])
def test_a_network_of_whole_numbers_is_measured_and_searched_without_gradients(tmp_path, form):
    model, given = of_any_size("uint8"), samples(20)
    base = opened(*form(tmp_path, model))
    with pytest.raises(
        ModelError,
        match=r"whole numbers, but is given values from 0.0026 to 1, of which .*`preprocessing: \{scale: 255",
    ):
        check_fit("m", prepared("m", base, None, (SIZE, SIZE, 1), BOX), given)
    classifier = prepared("m", base, Preprocessing(scale=255), (SIZE, SIZE, 1), BOX)
    check_fit("m", classifier, given)
    expected = np.asarray(model(np.round(given.images * 255).astype(np.uint8)))
    np.testing.assert_allclose(classifier.answers(given.images), expected, atol=1e-5)
    np.testing.assert_array_equal(classifier.predict(given.images).argmax(axis=1), expected.argmax(axis=1))
    metrics = accuracy.run(context(classifier, given), accuracy.Params()).metrics
    assert metrics["accuracy"].successes == (expected.argmax(axis=1) == given.labels).sum()
    square = robust_accuracy.Params(eps=0.2, samples=10, attacks=[{"attack": "square", "steps": 20}])
    found = robust_accuracy.run(context(classifier, given), square)
    fooling = found.adversarial.images[found.adversarial.fooled]
    again = np.asarray(model(np.round(fooling * 255).astype(np.uint8))).argmax(axis=1)
    assert (again != found.adversarial.labels[found.adversarial.fooled]).all()
    following = robust_accuracy.Params(eps=0.2, samples=10, attacks=[{"attack": "apgd", "steps": 2}])
    with pytest.raises(CheckError, match="attacks that need none"):
        robust_accuracy.run(context(classifier, given), following)


def with_outputs(kind):
    import keras

    inner = linear_model("linear")
    logits = inner.outputs[0]
    ends = {
        "classes": keras.layers.Dense(CLASSES, activation="softmax", name="last")(logits),
        "bounds": keras.layers.Dense(4, name="bounds")(logits),
    }
    return keras.Model(inner.inputs[0], ends if kind == "dictionary" else [ends["bounds"], ends["classes"]])


@pytest.mark.parametrize(("kind", "name", "at"), [("dictionary", "classes", "classes"), ("list", "last", 1)])
def test_one_of_several_outputs_is_chosen_by_name(tmp_path, kind, name, at):
    model, given = with_outputs(kind), samples(20).images
    form, params = keras_form(tmp_path, model)
    with pytest.raises(ModelError, match=rf"choose one by `output_name`: bounds \(any, 4\), {name} \(any, {CLASSES}\)"):
        opened(form, params)
    with pytest.raises(ModelError, match=f"has no output_name 'clases'; nearest: {name}"):
        opened(form, {**params, "output_name": "clases"})
    classifier = opened(form, {**params, "output_name": name})
    expected = np.asarray(model(given)[at])
    np.testing.assert_allclose(classifier.answers(given), expected, atol=1e-6)
    assert classifier.logits_from == "the softmax of the final dense layer was taken off"
    found = np.exp(classifier.predict(given))
    np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), expected, atol=1e-5)
    assert [layer.name for layer in classifier.layers()][-1] == "last"


@pytest.mark.parametrize("name", ["softmax", "sigmoid"])
@pytest.mark.parametrize("of", ["ops", "activations"])
def test_an_operation_at_the_end_is_taken_off_as_a_layer_is(tmp_path, name, of):
    import keras

    inner = linear_model("linear", scale=40.0)  # so sure that float32 has no gradient left behind the operation
    model = keras.Model(inner.inputs[0], getattr(getattr(keras, of), name)(inner.outputs[0]))
    form, params = keras_form(tmp_path, model)
    classifier = opened(form, {**params, "output": "probabilities" if name == "softmax" else "sigmoid"})
    given = samples(20).images
    np.testing.assert_allclose(classifier.predict(given), np.asarray(inner(given)), rtol=1e-5)
    np.testing.assert_allclose(classifier.answers(given), np.asarray(model(given)), atol=1e-6)


def test_several_inputs_are_refused_in_one_line(tmp_path):
    import keras

    image, other = keras.Input((SIZE, SIZE, 1), name="left"), keras.Input((SIZE, SIZE, 1), name="right")
    both = keras.layers.Concatenate()([image, other])
    model = keras.Model([image, other], keras.layers.Dense(CLASSES)(keras.layers.Flatten()(both)))
    told = r"takes 2 inputs \(left: \(None, 6, 6, 1\), right: .*\), where an image is one; save a model of one input"
    with pytest.raises(ModelError, match=told):
        opened(*keras_form(tmp_path, model))


@pytest.mark.parametrize(("kind", "name"), [("dictionary", "classes"), ("tuple", "1")])
def test_torch_gives_one_of_several_outputs(tmp_path, kind, name):
    torch = pytest.importorskip("torch")

    class Several(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch_network(of_any_size())

        def forward(self, x):
            found = self.inner(x)
            return {"bounds": x.mean((1, 2, 3)), "classes": found} if kind == "dictionary" else (x.mean(), found)

    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        torch.jit.trace(Several(), torch.zeros(1, 1, 9, 9), strict=False).save(tmp_path / "m.pt")
    params = {"path": str(tmp_path / "m.pt"), "shape": [SIZE, SIZE, 1]}
    with pytest.raises(ModelError, match="choose one by `output_name`: "):
        opened("torch", params)
    given = samples(20).images
    classifier = opened("torch", {**params, "output_name": name})
    np.testing.assert_allclose(classifier.answers(given), np.asarray(of_any_size()(given)), atol=1e-5)
    tf, images = tensorflow(), tensorflow().constant(given)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = classifier.forward(images)[:, 1]
    assert np.abs(tape.gradient(value, images)).max() > 0, "PyTorch's own gradient, through `view`"
