"""A Keras model as a classifier: what `keras` and `weights` have in common."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from auditor.core import Classifier, Layer, Tensor
from auditor.errors import ModelError
from auditor.models._common import LOGARITHM, OWN_OUTPUT, Loaded, Output, fitting, image_shape, of_rows

_Function = Callable[[Tensor], Tensor]


def keras_classifier(model: Any, path: str, output: Output) -> Classifier:
    """Make a classifier of a Keras model, without its softmax; raise ModelError if it isn't one.

    path: where it is from, for errors. output: what its last layer gives.
    """
    shape_out = model.output_shape
    shape_in = image_shape(model.input_shape, path)
    kind = str(model.inputs[0].dtype)
    if "float" not in kind:  # Keras would cast images to it, and say nothing
        raise ModelError(f"{path} takes images of {kind}; only floats can be attacked")
    if not (isinstance(shape_out, tuple) and len(shape_out) == 2 and (shape_out[1] or 0) >= 2):
        raise ModelError(f"{path}: one output of shape (None, classes ≥ 2) is needed, this gives {shape_out}")
    logits, logits_from = _logits_model(model, output)
    taken = of_rows if len(model.input_shape) == 2 else _unchanged
    run, run_logits = taken(partial(model, training=False)), taken(partial(logits, training=False))
    layers = partial(_layers, model, taken)
    return Loaded(path, output, shape_in, shape_out[1], run, run_logits, logits_from, layers, fitting(shape_in))


def _unchanged(function: _Function) -> _Function:
    return function


def _logits_model(model: Any, output: str) -> tuple[Any, str]:
    """A model that gives logits (or, failing that, probabilities), and how it was got."""
    import keras

    if output == "logits":
        return model, OWN_OUTPUT
    last = model.layers[-1]
    softmax = keras.activations.softmax
    if getattr(last, "activation", softmax if isinstance(last, keras.layers.Softmax) else None) is not softmax:
        return model, LOGARITHM
    body = keras.Model(model.inputs[0], last.input)
    if isinstance(last, keras.layers.Softmax | keras.layers.Activation):
        return body, "the final softmax layer was taken off"
    if isinstance(last, keras.layers.Dense):
        linear = keras.layers.Dense.from_config(last.get_config() | {"activation": "linear"})
        logits = keras.Model(body.inputs[0], linear(body.output))
        linear.set_weights(last.get_weights())
        return logits, "the softmax of the final dense layer was taken off"
    return model, LOGARITHM


def _layers(model: Any, taken: Callable[[_Function], _Function]) -> tuple[Layer, ...]:
    """All layers but the input; activations have their channels last, however the layer orders them."""
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        convolution = isinstance(layer, keras.layers.Conv2D)
        kernel = np.asarray(layer.kernel, dtype=np.float32) if convolution else None
        last = layer.output
        if convolution and layer.data_format == "channels_first":
            last = keras.ops.transpose(last, (0, 2, 3, 1))
        activations = taken(keras.Model(model.inputs[0], last))
        found.append(Layer(layer.name, type(layer).__name__, convolution, kernel, activations))
    return tuple(found)
