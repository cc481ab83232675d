"""Scores in other shapes than rows: one number an image, and convolutional heads. Held against NumPy."""

import numpy as np
import pytest

from auditor import catalog
from auditor.classifiers.common import classifier
from auditor.classifiers.heads import scores_told
from auditor.compute.backend import tensorflow
from auditor.loading.fitting import unfaithful
from auditor.search import gives_gradient
from auditor.values import ModelError
from tests.models.test_onnx_operators import make, runtime, written
from tests.support import CLASSES, SIZE, linear_weights, samples

SHAPES = {(2,): 1, (None, 3): 3, (2, 3, 1, 1): 3, (2, 1, 1, 3): 3, (2, 1, 1, 1): 1, (2, 1): 1}
NO_ROWS = [(), (2, 3, 4), (2, 3, 4, 4), (2, 3, None, None), (2, 0), (2, None)]


def test_which_shapes_are_rows_of_scores():
    assert {shape: scores_told(shape) for shape in SHAPES} == SHAPES
    assert [scores_told(shape) for shape in NO_ROWS] == [None] * len(NO_ROWS)


def rows(count, seed=0):
    """Images, and the logits (N, count) of a linear network of them, by NumPy."""
    images = samples(40).images
    kernel = np.random.default_rng(seed).normal(0, 0.5, (SIZE * SIZE, count)).astype(np.float32)
    return images, kernel, images.reshape(len(images), -1) @ kernel


def onnx_of(folder, kernel, *ending):
    last = ending[-1][2][0]
    nodes = [make.make_node("Flatten", ["x"], ["f"]), make.make_node("Gemm", ["f", "w"], ["g"])]
    nodes += [make.make_node(kind, taken, gives, **more) for kind, taken, gives, more in ending]
    nodes += [make.make_node("Identity", [last], ["y"])]
    shapes = {"one": np.array([1]), "row": np.array([-1])}
    (folder / "m.onnx").write_bytes(written(nodes, {"w": kernel, **shapes}, (SIZE, SIZE, 1)))
    return folder / "m.onnx"


def opened(path, output, form="onnx", **more):
    module = catalog.load("models", form)
    return module.load(module.Params(path=str(path), output=output, **more))


SIGMOID = ("Sigmoid", ["g"], ["s"], {})
ENDS = {
    "sigmoid, squeezed": ("sigmoid", [SIGMOID, ("Squeeze", ["s", "one"], ["z"], {})]),
    "sigmoid, as view(-1)": ("sigmoid", [SIGMOID, ("Reshape", ["s", "row"], ["z"], {})]),
    "a logit, squeezed": ("logits", [("Squeeze", ["g", "one"], ["z"], {})]),
}


@pytest.mark.parametrize("how", ENDS)
def test_one_number_an_image_is_two_classes(tmp_path, how):
    output, ending = ENDS[how]
    images, kernel, logits = rows(1)
    path = onnx_of(tmp_path, kernel, *ending)
    (own,) = runtime.InferenceSession(path).run(None, {"x": images})
    assert own.shape == (len(images),)
    model = opened(path, output)
    z = logits[:, 0].astype(np.float64)
    p = 1 / (1 + np.exp(-z))
    if output == "sigmoid":
        np.testing.assert_allclose(model.answers(images), np.stack([1 - p, p], 1), atol=1e-6)
        np.testing.assert_array_equal(model.answers(images)[:, 1], own)
    np.testing.assert_allclose(model.predict(images), np.stack([np.zeros_like(z), z], 1), atol=1e-5)
    np.testing.assert_array_equal(model.predict(images).argmax(1), z > 0)
    assert len(set(model.predict(images).argmax(1).tolist())) == 2
    assert model.class_count == 2
    assert unfaithful(model, samples(40)) == ""
    assert gives_gradient(model, images[:1])


def test_a_convolutional_head_gives_a_row_of_scores(tmp_path):
    kernel, _ = linear_weights()
    images = samples(40).images
    four = np.array([0, 3, 1, 1])
    nodes = [
        make.make_node("Flatten", ["x"], ["f"]),
        make.make_node("Gemm", ["f", "w"], ["g"]),
        make.make_node("Reshape", ["g", "four"], ["h"]),
        make.make_node("Softmax", ["h"], ["y"], axis=1),
    ]
    (tmp_path / "m.onnx").write_bytes(written(nodes, {"w": kernel, "four": four}, (SIZE, SIZE, 1)))
    (own,) = runtime.InferenceSession(tmp_path / "m.onnx").run(None, {"x": images})
    assert own.shape == (40, CLASSES, 1, 1)
    model = opened(tmp_path / "m.onnx", "probabilities")
    np.testing.assert_allclose(model.answers(images), own[:, :, 0, 0], atol=1e-6)
    np.testing.assert_allclose(model.predict(images), images.reshape(40, -1) @ kernel, atol=1e-5)
    assert gives_gradient(model, images[:1])


FORMS = ["keras", "saved_model", "tflite", "torch"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("head", ["one", "maps"])
def test_other_formats_too(tmp_path, form, head):
    images, kernel, logits = rows(1 if head == "one" else CLASSES)
    path, more = _written(tmp_path, form, kernel, head), {}
    if form == "torch":
        more = {"shape": [SIZE, SIZE, 1]}
    model = opened(path, "logits", form, **more)
    wanted = np.concatenate([np.zeros_like(logits), logits], axis=1) if head == "one" else logits
    np.testing.assert_allclose(model.predict(images), wanted, atol=1e-5)
    np.testing.assert_allclose(model.answers(images), wanted, atol=1e-5)


def _written(folder, form, kernel, head):
    shape = (-1,) if head == "one" else (-1, 1, 1, CLASSES)
    if form == "torch":
        torch = pytest.importorskip("torch")

        class Network(torch.nn.Module):
            def forward(self, x):
                found = x.reshape(x.shape[0], -1) @ torch.tensor(kernel)
                return found.squeeze(1) if head == "one" else found.reshape(-1, CLASSES, 1, 1)

        with torch.no_grad():
            torch.jit.trace(Network(), torch.zeros(3, 1, SIZE, SIZE)).save(folder / "m.pt")
        return folder / "m.pt"
    tf = tensorflow()
    taken = [tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)]

    class Module(tf.Module):
        @tf.function(input_signature=taken)
        def __call__(self, x):
            return tf.reshape(tf.reshape(x, (-1, SIZE * SIZE)) @ tf.constant(kernel), shape)

    module = Module()
    if form == "saved_model":
        tf.saved_model.save(module, folder / "m", signatures=module.__call__)
        return folder / "m"
    if form == "tflite":
        pytest.importorskip("ai_edge_litert")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([module.__call__.get_concrete_function()], module)
        (folder / "m.tflite").write_bytes(converter.convert())
        return folder / "m.tflite"
    import keras

    given = keras.Input((SIZE, SIZE, 1))
    dense = keras.layers.Dense(kernel.shape[1], use_bias=False)
    found = dense(keras.layers.Flatten()(given))
    end = keras.ops.squeeze(found, 1) if head == "one" else keras.layers.Reshape(shape[1:])(found)
    dense.set_weights([kernel])
    keras.Model(given, end).save(folder / "m.keras")
    return folder / "m.keras"


def test_what_is_no_row_of_scores_is_refused_with_what_to_do():
    tf = tensorflow()
    with pytest.raises(ModelError, match=r"gives float32 of shape \(2, 6, 6, 1\); average over places, or flatten"):
        classifier("m", "logits", (SIZE, SIZE, 1), tf.identity)
    # As many numbers as there are images and classes, but for other images: never in other rows.
    with pytest.raises(ModelError, match="for 2 images this gives"):
        classifier("m", "logits", (SIZE, SIZE, 1), lambda images: tf.zeros((2 * len(images),)))
