"""A Keras 3 checkpoint: a `.keras` file, or a legacy `.h5` file.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Attacks need logits: the gradient of a saturated float32 softmax is exactly zero. A softmax at the end
    is taken off where it can be seen, and inverted through the logarithm where it can't.

How to read it
    `output` says what the file's own last layer gives. It is tried on real images: `probabilities` whose
    rows don't sum to 1, and `logits` whose rows all do, are refused. Files are opened in Keras's safe mode,
    which runs no code from them.

References
    Keras, "Whole model saving & loading".
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017 (why logits).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from auditor.backend import tensorflow
from auditor.core import Classifier, FloatArray, Layer, Tensor
from auditor.errors import ModelError
from auditor.fields import FilePath, Parameters
from auditor.models._common import declared_output_problem, finite_logits

_BATCH = 200
_OWN_OUTPUT = "the checkpoint's own output"
_LOGARITHM = "the logarithm of the checkpoint's probabilities"
_LEAST_PROBABILITY = 1.2e-38  # the smallest normal float32: less is flushed to 0, and its logarithm is -inf


class Params(Parameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `.keras` or `.h5` file."""
    output: Literal["logits", "probabilities"]
    """What the last layer gives: `logits`, or `probabilities` (a softmax)."""


def load(params: Params) -> Classifier:
    """Open the checkpoint in safe mode; raise ModelError if it can't be opened or isn't a classifier."""
    tensorflow()
    import keras

    try:
        model = keras.saving.load_model(params.path, compile=False, safe_mode=True)
    except Exception as error:  # h5py, zipfile, JSON and every layer's own errors: all mean the same here
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{params.path} can't be opened as a Keras checkpoint: {reason}") from error
    shape_in, shape_out = model.input_shape, model.output_shape
    if not (isinstance(shape_in, tuple) and len(shape_in) == 4 and all(shape_in[1:])):
        raise ModelError(f"{params.path}: one input of shape (None, H, W, C) is needed, this takes {shape_in}")
    if not (isinstance(shape_out, tuple) and len(shape_out) == 2 and (shape_out[1] or 0) >= 2):
        message = f"{params.path}: one output of shape (None, classes ≥ 2) is needed, this gives {shape_out}"
        raise ModelError(message)
    logits, logits_from = _logits_model(model, params.output)
    return KerasClassifier(model, logits, logits_from, params.output, params.path)


def _logits_model(model: Any, output: str) -> tuple[Any, str]:
    """A model that gives logits (or, failing that, probabilities), and how it was got."""
    import keras

    if output == "logits":
        return model, _OWN_OUTPUT
    last = model.layers[-1]
    softmax = keras.activations.softmax
    if getattr(last, "activation", softmax if isinstance(last, keras.layers.Softmax) else None) is not softmax:
        return model, _LOGARITHM
    body = keras.Model(model.inputs[0], last.input)
    if isinstance(last, keras.layers.Softmax | keras.layers.Activation):
        return body, "the final softmax layer was taken off"
    if isinstance(last, keras.layers.Dense):
        linear = keras.layers.Dense.from_config(last.get_config() | {"activation": "linear"})
        logits = keras.Model(body.inputs[0], linear(body.output))
        linear.set_weights(last.get_weights())
        return logits, "the softmax of the final dense layer was taken off"
    return model, _LOGARITHM


@dataclass(frozen=True)
class KerasClassifier:
    """A loaded Keras model; see `auditor.core.Classifier` for what each part means."""

    model: Any
    logits_model: Any
    logits_from: str
    output: Literal["logits", "probabilities"]
    path: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        height, width, channels = self.model.input_shape[1:]
        return int(height), int(width), int(channels)

    @property
    def class_count(self) -> int:
        """How many classes the classifier tells apart."""
        return int(self.model.output_shape[1])

    def forward(self, images: Tensor) -> Tensor:
        """Map an image tensor (N, H, W, C) float32 to logits (N, classes) float32, differentiably."""
        tf = tensorflow()
        given = tf.cast(self.logits_model(images, training=False), tf.float32)
        if self.logits_from is _LOGARITHM:
            return tf.math.log(tf.maximum(given, _LEAST_PROBABILITY))
        return given

    @cached_property
    def _compiled(self) -> Any:
        return tensorflow().function(self.forward, autograph=False)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to logits (N, classes) float32, the same whatever N is."""
        return finite_logits(self._compiled, images, self.class_count, _BATCH, self.path)

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if `output` isn't what the checkpoint gives for these images."""
        raw = np.asarray(self.model.predict_on_batch(images))
        problem = declared_output_problem(raw, self.output)
        if problem:
            raise ModelError(f"{self.path}: {problem}")

    def layers(self) -> tuple[Layer, ...]:
        """Return the layers in order, from input to output."""
        import keras

        found = []
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            convolution = isinstance(layer, keras.layers.Conv2D)
            kernel = np.asarray(layer.kernel, dtype=np.float32) if convolution else None
            activations = keras.Model(self.model.inputs[0], layer.output)
            found.append(Layer(layer.name, type(layer).__name__, convolution, kernel, activations))
        return tuple(found)
