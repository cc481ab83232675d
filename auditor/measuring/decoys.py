"""Classifiers that only look robust: the same decisions as an honest one, or nearly, behind a disguise.

After Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018, and Tramèr et al., On
Adaptive Attacks to Adversarial Example Defenses, NeurIPS 2020.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from auditor.compute import tensorflow
from auditor.values import Classifier, FloatArray, Layer, Output, Tensor, comparable

_BATCH = 200
_LEAST = 1.2e-38  # the smallest normal float32; below it a logarithm is -inf
_CONFIDENT = 1000.0
_LEVELS = 4
_NOISE = 0.1
_DROPPED = 0.1


@dataclass(frozen=True)
class Disguise:
    """What is put between an honest classifier and whoever looks: forward, from (base, images) to logits."""

    name: str
    text: str
    forward: Callable[[Classifier, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Decoy:
    """A classifier in disguise; see `auditor.values.Classifier` for what each part means."""

    base: Classifier
    disguise: Disguise

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        return self.base.input_shape

    @property
    def class_count(self) -> int:
        """How many classes the classifier tells apart."""
        return self.base.class_count

    @property
    def logits_from(self) -> str:
        """One phrase: how logits were obtained."""
        return f"{self.base.logits_from}, then {self.disguise.name}"

    @property
    def output(self) -> Output:
        """What the disguised checkpoint gives."""
        return self.base.output

    def forward(self, images: Tensor) -> Tensor:
        """Map an image tensor (N, H, W, C) float32 to logits (N, classes) float32."""
        return self.disguise.forward(self.base, images)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to logits (N, classes) float32, as the disguised model would if deployed."""
        parts = [
            np.asarray(self.forward(tensorflow().constant(images[i : i + _BATCH])))
            for i in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.class_count), np.float32)

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map images (N, H, W, C) to what the disguised model would give (N, classes): disguises work on logits."""
        size = batch or _BATCH
        parts = [self.predict(images[i : i + size]) for i in range(0, len(images), size)]
        return comparable(np.concatenate(parts), self.output).astype(np.float32)

    def check_declaration(self, images: FloatArray) -> None:
        """A decoy declares nothing."""

    def layers(self) -> tuple[Layer, ...]:
        """A decoy shows no layers."""
        return ()


def _saturated(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    return tf.math.log(tf.maximum(tf.nn.softmax(_CONFIDENT * base.forward(images)), _LEAST))


def _quantised(base: Classifier, images: Tensor) -> Tensor:
    return base.forward(tensorflow().round(images * _LEVELS) / _LEVELS)


def _noisy(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    return base.forward(images + tf.random.normal(tf.shape(images), stddev=_NOISE))


def _dropping(base: Classifier, images: Tensor) -> Tensor:
    return base.forward(tensorflow().nn.dropout(images, _DROPPED))


def _cut(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    nothing = 0 * tf.reduce_sum(images, axis=(1, 2, 3))[:, None]
    return base.forward(tf.stop_gradient(images)) + nothing


def _misled(base: Classifier, images: Tensor) -> Tensor:
    """The right answer with a gradient of noise."""
    tf = tensorflow()

    def shattered(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return tf.identity(x), lambda upstream: tf.random.normal(tf.shape(upstream))

    return base.forward(tf.custom_gradient(shattered)(images))


def _sociable(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    logits = base.forward(images)
    return logits - 0.5 * tf.reduce_mean(logits, axis=0, keepdims=True)


def _constant(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    first = tf.one_hot(tf.zeros(tf.shape(images)[0], tf.int32), base.class_count)
    return first + 0 * base.forward(images)


def _rounded(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    probabilities = tf.round(10 * tf.nn.softmax(base.forward(images))) / 10
    return tf.math.log(tf.maximum(probabilities, _LEAST))


DISGUISES: Mapping[str, Disguise] = {
    disguise.name: disguise
    for disguise in (
        Disguise("saturated softmax", "logits so large that the float32 softmax has no gradient left", _saturated),
        Disguise("quantised input", f"pixels rounded to {_LEVELS + 1} levels, which has no gradient", _quantised),
        Disguise("cut gradient", "a layer that passes values on, but a gradient of zero back", _cut),
        Disguise("shattered gradient", "the right answer with a gradient of noise", _misled),
        Disguise("random input", "noise on the input, anew at every prediction", _noisy),
        Disguise("dropout left on", "a tenth of the pixels dropped, anew at every prediction", _dropping),
        Disguise("batch statistics", "a normalisation in training mode: answers depend on the batch", _sociable),
        Disguise("rounded output", "probabilities rounded to one digit", _rounded),
        Disguise("constant output", "one class, whatever it is shown", _constant),
    )
}
