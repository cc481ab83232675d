"""A Keras 3 checkpoint: a `.keras` file, or a legacy `.h5` file.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Attacks need logits: the gradient of a saturated float32 softmax is exactly zero. A softmax at the end
    is taken off where it can be seen, and inverted through the logarithm where it can't.

How to read it
    `output` says what the file's own last layer gives. It is tried on real images: `probabilities` whose
    rows don't sum to 1, and `logits` whose rows all do, are refused. Files are opened in Keras's safe mode,
    which runs no code from them; with `--audit-allow-code` they aren't, and Lambda layers work.

References
    Keras, "Whole model saving & loading".
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017 (why logits).
"""

from functools import partial
from typing import Any

import numpy as np

from auditor.backend import tensorflow
from auditor.core import Classifier, Layer
from auditor.errors import ModelError
from auditor.fields import FilePath, Parameters
from auditor.models._common import LOGARITHM, OWN_OUTPUT, Loaded, Output, file_at, image_shape, reason


class Params(Parameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `.keras` or `.h5` file."""
    output: Output
    """What the last layer gives: `logits`, or `probabilities` (a softmax)."""


def load(params: Params) -> Classifier:
    """Open the checkpoint in safe mode; raise ModelError if it can't be opened or isn't a classifier."""
    return _load(params, safe_mode=True)


def load_with_code(params: Params) -> Classifier:
    """Open the checkpoint and run the code of its Lambda layers; raise ModelError as `load` does."""
    return _load(params, safe_mode=False)


def _load(params: Params, safe_mode: bool) -> Classifier:
    tensorflow()
    import keras

    path = str(file_at(params.path))
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=safe_mode)
    except Exception as error:  # h5py, zipfile, JSON and every layer's own errors: all mean the same here
        raise ModelError(f"{path} can't be opened as a Keras checkpoint: {reason(error)}") from error
    shape_out = model.output_shape
    shape_in = image_shape(model.input_shape, path)
    if not (isinstance(shape_out, tuple) and len(shape_out) == 2 and (shape_out[1] or 0) >= 2):
        raise ModelError(f"{path}: one output of shape (None, classes ≥ 2) is needed, this gives {shape_out}")
    logits, logits_from = _logits_model(model, params.output)
    run, run_logits = partial(model, training=False), partial(logits, training=False)
    return Loaded(path, params.output, shape_in, shape_out[1], run, run_logits, logits_from, partial(_layers, model))


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


def _layers(model: Any) -> tuple[Layer, ...]:
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        convolution = isinstance(layer, keras.layers.Conv2D)
        kernel = np.asarray(layer.kernel, dtype=np.float32) if convolution else None
        activations = keras.Model(model.inputs[0], layer.output)
        found.append(Layer(layer.name, type(layer).__name__, convolution, kernel, activations))
    return tuple(found)
