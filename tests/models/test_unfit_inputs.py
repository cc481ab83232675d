"""Checkpoints that can't be fed with images: sizes left open, and other numbers than 32-bit floats."""

import pytest

from auditor.compute.backend import tensorflow
from auditor.values import ModelError
from tests.models.formats import opened
from tests.support import CLASSES, SIZE


def refused(form, params, told):
    with pytest.raises(ModelError, match=told) as caught:
        opened(form, params)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "kind", "told"),
    [
        ((None, SIZE, SIZE, 1), "float64", "takes images of float64; known are float32, uint8"),
        (
            (None, 2, SIZE, SIZE, 1),
            "float32",
            r"one input of shape \(None, H, W, C\) is needed, .* \(None, 2, 6, 6, 1\)",
        ),
    ],
)
def test_a_signature_that_takes_no_images(tmp_path, shape, kind, told):
    tf = tensorflow()
    module, spec = tf.Module(), tf.TensorSpec(shape, tf.as_dtype(kind))
    module.call = tf.function(lambda x: {"y": tf.zeros((tf.shape(x)[0], CLASSES))}, input_signature=[spec])
    tf.saved_model.save(module, tmp_path, module.call)
    refused("saved_model of a module", {"path": str(tmp_path)}, told)


def keras_taking(folder, shape, kind):
    import keras

    given = keras.Input(shape[1:], dtype=kind)
    pooled = keras.layers.GlobalAveragePooling2D()(given)
    keras.Model(given, keras.layers.Dense(CLASSES)(pooled)).save(folder / "m.keras")
    return {"path": str(folder / "m.keras")}


def tf1_taking(folder, shape, kind):
    tf1 = tensorflow().compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(kind, shape, name="x")
        weight = tf1.Variable(1.0)
        tf1.identity(tf1.zeros((tf1.shape(x)[0], CLASSES)) * weight * tf1.cast(tf1.reduce_sum(x), "float32"), name="y")
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(folder / "m"))
    return {"path": str(folder / "m.meta"), "input": "x", "logits": "y"}


def tflite_taking(folder, shape, kind):
    pytest.importorskip("ai_edge_litert")
    tf = tensorflow()
    given = tf.TensorSpec(shape, kind)
    averaged = tf.function(lambda x: tf.reduce_mean(tf.cast(x, tf.float32), axis=(1, 2)) * tf.ones((1, CLASSES)))
    concrete = [averaged.get_concrete_function(given)]
    (folder / "m.tflite").write_bytes(tf.lite.TFLiteConverter.from_concrete_functions(concrete).convert())
    return {"path": str(folder / "m.tflite")}


def onnx_taking(folder, shape, kind):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make, types = onnx.helper, {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
    nodes = [make.make_node("Flatten", ["x"], ["y"])]
    sizes = [size or name for size, name in zip(shape, "nhwc", strict=True)]
    ends = [
        make.make_tensor_value_info("x", types[kind], [sizes[i] for i in (0, 3, 1, 2)]),
        make.make_tensor_value_info("y", types[kind], ["n", "c"]),
    ]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:])
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    return {"path": str(folder / "m.onnx")}


OPEN, FIXED = (None, None, None, CLASSES), (None, SIZE, SIZE, CLASSES)
NO_CHANNELS = (None, None, None, None)
UNFIT = {
    "tflite, any size": ("tflite", tflite_taking, OPEN, "float32", r"one input of shape \(None, H, W, C\) is needed"),
    "onnx, any channels": ("onnx", onnx_taking, NO_CHANNELS, "float32", r"one input of shape \(None, C, H, W\) .*'c'"),
    "tf1, any size": ("tf1_checkpoint", tf1_taking, OPEN, "float32", r"one input of shape \(None, H, W, C\) is needed"),
    "tf1, rows of any length": (
        "tf1_checkpoint",
        tf1_taking,
        (None, None),
        "float32",
        r"x:0 takes the shape \(None, None\); write the images' in `reshape: \[H, W, C\]`",
    ),
    "keras, truth values": ("keras", keras_taking, FIXED, "bool", "takes images of bool; known are float32, uint8"),
    "tflite, long whole numbers": (
        "tflite",
        tflite_taking,
        FIXED,
        "int64",
        "takes images of int64; known are float32, uint8, int8",
    ),
    "onnx, doubles": ("onnx", onnx_taking, FIXED, "float64", "takes images of double; known are float32, uint8"),
    "tf1, doubles": (
        "tf1_checkpoint",
        tf1_taking,
        FIXED,
        "float64",
        "x:0 takes images of float64; known are float32, uint8",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_cannot_be_fed_with_images(tmp_path, what):
    form, make, shape, kind, told = UNFIT[what]
    refused(form, make(tmp_path, shape, kind), told)
