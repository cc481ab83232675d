"""How a network takes images, found from its shape and theirs: channels first or last, none, or rows."""

import numpy as np
import pytest

from auditor import catalog
from auditor.classifiers import order_told
from auditor.classifiers.preparing import prepared
from auditor.loading.fitting import check_fit
from auditor.values import ModelError
from tests.models import formats
from tests.models.formats import opened
from tests.support import CLASSES, SIZE, samples

BOX = (0.0, 1.0)


@pytest.mark.parametrize(
    ("given", "layout"),
    [
        (("n", 3, 224, 224), "NCHW"),
        (("n", 224, 224, 3), "NHWC"),
        ((1, 1, 28, 28), "NCHW"),
        ((None, 28, 28, 1), "NHWC"),
        (("n", 3, "h", "w"), "NCHW"),
        (("n", "h", "w", 3), "NHWC"),
        (("n", 1, 3, 4), "NHWC"),  # as it stands: pictures of 1 x 3 have four channels, or the data won't fit
        (("n", 12, 32, 32), "NHWC"),
        (("n", None, None, None), "NCHW"),
    ],
)
def test_a_shape_tells_at_which_end_channels_are(given, layout):
    assert order_told(given, "m.onnx") == layout


def linear_onnx(folder, weights, *sizes, first=None):
    """Rows of numbers, however images are laid out, times weights (n, classes), as probabilities."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, kind = onnx.helper, onnx.TensorProto.FLOAT
    order = make.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1] if first else list(range(len(sizes) + 1)))
    rest = [
        make.make_node("Flatten", ["t"], ["f"]),
        make.make_node("MatMul", ["f", "w"], ["g"]),
        make.make_node("Softmax", ["g"], ["y"]),
    ]
    ends = [make.make_tensor_value_info("x", kind, ["n", *sizes]), make.make_tensor_value_info("y", kind, ["n", 3])]
    kept = [onnx.numpy_helper.from_array(weights, "w")]
    graph = make.make_graph([order, *rest], "net", ends[:1], ends[1:], kept)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    return {"path": str(folder / "m.onnx")}


@pytest.mark.parametrize(
    ("shape", "sizes", "told"),
    [
        ((4, 6, 1), (1, 4, 6), ""),
        ((4, 6, 1), (4, 6, 1), ""),
        ((4, 6, 1), (4, 6), ""),
        ((4, 6, 1), (24,), "images laid out flat, as shapes tell"),
        ((5, 6, 12), (12, 5, 6), "images laid out nchw, as shapes tell"),
        ((5, 6, 12), (5, 6, 12), ""),
        ((5, 3, 3), (3, 5, 3), "images laid out nchw, as shapes tell"),
    ],
)
def test_an_onnx_file_takes_images_as_its_shape_tells(tmp_path, shape, sizes, told):
    random = np.random.default_rng(0)
    images, weights = random.random((5, *shape), np.float32), random.normal(0, 1, (np.prod(shape), 3))
    first = sizes != shape and len(sizes) == 3
    base = opened("onnx", linear_onnx(tmp_path, weights.astype(np.float32), *sizes, first=first))
    model = prepared("m", base, None, shape, BOX)
    assert model.input_shape == shape
    assert model.logits_from.partition("; ")[2] == told
    scores = np.exp(images.reshape(5, -1).astype(np.float64) @ weights)
    np.testing.assert_allclose(model.answers(images), scores / scores.sum(axis=1, keepdims=True), rtol=1e-4)
    found = np.exp(model.predict(images).astype(np.float64))
    np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), model.answers(images), rtol=1e-4)


def test_where_all_sizes_are_the_same_the_order_has_to_be_said(tmp_path):
    written = linear_onnx(tmp_path, np.ones((27, 3), np.float32), 3, 3, 3)
    with pytest.raises(ModelError, match=r"may have its channels first or last.*write `layout: NCHW`"):
        opened("onnx", written)
    assert opened("onnx", {**written, "layout": "NHWC"}).input_shape == (3, 3, 3)


def load(form, **params):
    module = catalog.load("models", form)
    return module.load(module.Params(output="probabilities", **params))


@pytest.mark.parametrize("form", ["keras", "saved_model", "tflite", "frozen_graph"])
def test_grey_images_without_a_place_for_channels_are_taken_in_any_format(tmp_path, form):
    """As the beginners' networks of many tutorials take them: `Flatten(input_shape=(28, 28))`."""
    import keras
    import tensorflow as tf

    given = keras.Input((SIZE, SIZE))
    network = keras.Model(given, formats.network()(keras.ops.expand_dims(given, -1)))
    path = tmp_path / "m.keras"
    if form == "keras":
        network.save(path)
    elif form == "saved_model":
        path = tmp_path / "m"
        network.export(path, verbose=False)
    else:
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        called = tf.function(lambda x: network(x)).get_concrete_function(tf.TensorSpec((None, SIZE, SIZE), name="x"))
        frozen = convert_variables_to_constants_v2(called)
        path = tmp_path / "m.pb"
        path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        if form == "tflite":
            pytest.importorskip("ai_edge_litert")
            path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())
    more = {"input": "x", "logits": frozen.outputs[0].name} if form == "frozen_graph" else {}
    found = samples(20)
    model = prepared("m", load(form, path=str(path), **more), None, (SIZE, SIZE, 1), BOX)
    check_fit("m", model, found)
    expected = np.asarray(formats.network()(found.images))
    assert expected.shape == (20, CLASSES)
    np.testing.assert_allclose(model.answers(found.images), expected, atol=1e-5)
    np.testing.assert_array_equal(model.predict(found.images).argmax(axis=1), expected.argmax(axis=1))
