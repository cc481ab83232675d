"""A Keras network computed in lower precision, on a copy: in bfloat16 or float16, or in 8-bit integers.

In bfloat16 and float16 weights and activations are of that type, by Keras's own dtype policy. In int8, they are 8-bit
integers, as TensorFlow Lite's converter makes them: ranges of activations come from example images, and what has no
8-bit kernel stays in float32 (Jacob et al., CVPR 2018).
"""

import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from auditor.classifiers.opening import needed
from auditor.compute import silenced, tensorflow
from auditor.telling.reason import reason
from auditor.values import FloatArray, ModelError, Precision


def in_float(model: Any, path: str, precision: Precision) -> Any:
    """A copy of a Keras model that computes in bfloat16 or float16; raise ModelError where a layer can't."""
    import keras

    def copied(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "dtype": precision})

    try:
        copy = keras.models.clone_model(model, clone_function=copied, recursive=True)
        copy.set_weights(model.get_weights())
        left = [weight.path for weight in copy.weights if str(weight.dtype) == "float32"]
    except Exception as error:  # every layer's own errors: all mean the same here
        raise ModelError(f"{path} can't be computed in {precision}: {reason(error)}") from error
    if left:
        raise ModelError(f"{path} can't be computed in {precision}: {left[0]} stays in float32")
    return copy


def in_int8(model: Any, path: str, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """From images, as the network takes them, to its outputs in 8-bit integers; raise ModelError where it can't be.

    examples: images, as it takes them, that ranges of activations are taken from. Raises ModelError too where the
    runtime that runs it isn't installed.
    """
    tf, runtime = tensorflow(), needed("ai_edge_litert.interpreter", "tflite")
    try:
        with silenced(), warnings.catch_warnings(action="ignore"):  # of inputs and outputs that stay float32
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image[None]] for image in examples)
            interpreter = runtime.Interpreter(model_content=converter.convert())
    except Exception as error:  # the converter raises whatever its parts do
        raise ModelError(f"{path} can't be computed in int8: {reason(error)}") from error
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    lock = Lock()  # it keeps its tensors between calls

    def run(images: FloatArray) -> FloatArray:
        with lock:
            interpreter.resize_tensor_input(source, images.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(source, np.ascontiguousarray(images, np.float32))
            interpreter.invoke()
            found: FloatArray = interpreter.get_tensor(target)
            return found

    return run
