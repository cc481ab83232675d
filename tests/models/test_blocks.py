"""Networks of a fixed batch, and of floats of 16 bits: every answer is the runtime's own, of a plain call."""

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.loading.fitting import unfaithful
from auditor.search import gives_gradient
from auditor.values import ModelError
from tests.models import formats
from tests.support import CLASSES, SIZE, linear_weights, samples

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
make = onnx.helper


def by_hand(call, images, block):
    """Answers to images in blocks that begin at every place, so that each image has others beside it."""
    whole = np.concatenate([images, images[:block]])
    return np.stack([call(whole[start : start + block])[0] for start in range(len(images))])


@pytest.mark.parametrize("block", [2, 3])
def test_onnx_of_a_fixed_batch_is_run_in_blocks(tmp_path, block):
    params = formats.onnx(tmp_path, block)
    session = runtime.InferenceSession(params["path"])
    images = samples(11).images
    wanted = by_hand(lambda part: session.run(None, {"x": part.transpose(0, 3, 1, 2)})[0], images, block)
    model = formats.opened("onnx", params)
    np.testing.assert_allclose(model.answers(images), wanted, atol=1e-6)
    np.testing.assert_array_equal(model.predict(images).argmax(1), wanted.argmax(1))
    assert model.logits_from == "the final softmax was taken off"
    assert gives_gradient(model, images[:1])
    assert unfaithful(model, samples(11)) == ""


def test_tflite_of_a_fixed_batch_is_run_in_blocks(tmp_path):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    params = formats.tflite(tmp_path, batch=2)
    plain = litert.Interpreter(params["path"])
    plain.allocate_tensors()
    source, target = plain.get_input_details()[0]["index"], plain.get_output_details()[0]["index"]

    def call(part):
        plain.set_tensor(source, part)
        plain.invoke()
        return plain.get_tensor(target).copy()

    images = samples(11).images
    np.testing.assert_allclose(formats.opened("tflite", params).answers(images), by_hand(call, images, 2), atol=1e-6)


def linear_onnx(folder, *before, kind="FLOAT", batch=2, after=("g", "y")):
    """The linear classifier behind some nodes, which make `c` of the images `x`."""
    kernel, bias = linear_weights()
    dtype = {"FLOAT": np.float32, "FLOAT16": np.float16}[kind]
    number = getattr(onnx.TensorProto, kind)
    nodes = [make.make_node(operator, taken, gives, **more) for operator, taken, gives, more in before]
    nodes += [make.make_node("Flatten", ["c"], ["f"]), make.make_node("Gemm", ["f", "w", "b"], ["g"])]
    nodes += [make.make_node("Softmax", ["g"], ["y"], axis=-1)]
    weights = {"w": kernel.astype(dtype), "b": bias.astype(dtype)}
    kept = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    ends = [
        make.make_tensor_value_info("x", number, [batch, SIZE, SIZE, 1]),
        make.make_tensor_value_info("y", number, [batch, CLASSES]),
    ]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], kept)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    return str(folder / "m.onnx")


def loaded(path, output="probabilities"):
    module = catalog.load("models", "onnx")
    return module.load(module.Params(path=path, output=output))


def test_a_block_whose_images_depend_on_each_other_is_refused(tmp_path):
    """As of a batch normalisation that was exported in training."""
    mean = [("ReduceMean", ["x"], ["m"], {"axes": [0], "keepdims": 1}), ("Sub", ["x", "m"], ["c"], {})]
    told = "takes 2 images at a time, and what it answers to one depends on the others; export it for any number"
    with pytest.raises(ModelError, match=told):
        loaded(linear_onnx(tmp_path, *mean))


def test_floats_of_16_bits_are_what_the_runtime_is_given(tmp_path):
    path = linear_onnx(tmp_path, ("Identity", ["x"], ["c"], {}), kind="FLOAT16", batch="n")
    images = samples(30).images
    (own,) = runtime.InferenceSession(path).run(None, {"x": images.astype(np.float16)})
    assert own.dtype == np.float16
    model = loaded(path)
    answers = model.answers(images)
    np.testing.assert_array_equal(answers, own.astype(np.float32))
    np.testing.assert_array_equal(model.predict(images).argmax(1), own.argmax(1))
    model.check_declaration(images)
    assert unfaithful(model, samples(30)) == ""
    assert not gives_gradient(model, images[:1])
    assert "rounded to floats of 16 bits" in model.note
    assert "no gradients: it takes numbers of 16 bits" in model.logits_from


@pytest.mark.parametrize("block", [1, 2])
def test_a_graph_of_tensorflow_for_a_fixed_batch_is_refused_with_what_to_do(tmp_path, block):
    tf = tensorflow()

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((block, SIZE, SIZE, 1), tf.float32)])
        def __call__(self, x):
            return tf.reshape(x, (block, SIZE * SIZE)) @ tf.constant(linear_weights()[0])

    module = Module()
    tf.saved_model.save(module, tmp_path / "saved", signatures=module.__call__)
    form = catalog.load("models", "saved_model")
    with pytest.raises(ModelError, match=f"takes {block} images? at a time, .*; save it for any number, with None in"):
        form.load(form.Params(path=str(tmp_path / "saved"), output="logits"))
