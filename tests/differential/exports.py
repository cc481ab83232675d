"""A Keras network written in other formats, each with its own plain call: no code of the auditor takes part."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.differential.registry import Array

Plain = Callable[[Array], Array]


def saved_model(model: Any, stem: Path) -> tuple[dict[str, Any], Plain]:
    model.export(stem, verbose=False)
    served = tf.saved_model.load(stem)  # kept: its variables live as long as it does
    return {"path": stem.name}, lambda images: np.asarray(served.serve(tf.constant(images)))


def weights(model: Any, stem: Path) -> tuple[dict[str, Any], Plain]:
    architecture, path = stem.with_suffix(".json"), stem.with_suffix(".weights.h5")
    architecture.write_text(model.to_json())
    model.save_weights(path)
    again = keras.models.model_from_json(architecture.read_text())
    again.load_weights(path)
    return {"architecture": architecture.name, "path": path.name}, lambda images: again.predict(
        images, batch_size=len(images), verbose=0
    )


def tflite(model: Any, stem: Path) -> tuple[dict[str, Any], Plain]:
    path = stem.with_suffix(".tflite")
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    interpreter = tf.lite.Interpreter(str(path))
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def plain(images: Array) -> Array:
        interpreter.resize_tensor_input(taken["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], images)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(given["index"]))

    return {"path": path.name}, plain


def onnx(model: Any, stem: Path) -> tuple[dict[str, Any], Plain]:
    """One convolution, one dense softmax: written node by node, with channels last."""
    import onnx
    import onnxruntime

    make, path = onnx.helper, stem.with_suffix(".onnx")
    kernel, bias, dense, offset = model.get_weights()
    nodes = [
        make.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        make.make_node("Conv", ["a", "w0", "w1"], ["b"]),
        make.make_node("Relu", ["b"], ["c"]),
        make.make_node("Transpose", ["c"], ["d"], perm=[0, 2, 3, 1]),
        make.make_node("Flatten", ["d"], ["e"]),
        make.make_node("Gemm", ["e", "w2", "w3"], ["f"]),
        make.make_node("Softmax", ["f"], ["y"], axis=1),
    ]
    parts = (kernel.transpose(3, 2, 0, 1), bias, dense, offset)
    kept = [onnx.numpy_helper.from_array(np.ascontiguousarray(w), f"w{i}") for i, w in enumerate(parts)]
    ends = [
        make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *shape[1:]])
        for name, shape in (("x", model.input_shape), ("y", model.output_shape))
    ]
    graph = make.make_graph(nodes, "net", ends[:1], ends[1:], kept)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9), path)
    session = onnxruntime.InferenceSession(path)
    return {"path": path.name, "layout": "NHWC"}, lambda images: session.run(None, {"x": images})[0]


FORMATS: dict[str, Callable[[Any, Path], tuple[dict[str, Any], Plain]]] = {
    "saved_model": saved_model,
    "weights": weights,
    "tflite": tflite,
    "onnx": onnx,
}
SIGHTED = ("keras", "saved_model", "weights")  # those that give gradients
