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


_STEEP, _HARD, _FAINT, _SQUASHED, _TINY = 200.0, 20.0, 1e-3, 1e-2, 1e-20
_LURE, _OUT_OF_REACH = 4.0, -1e7
_TOGETHER = 16  # images, from which a batch isn't what is served
_LATER = 4e9  # seconds since 1970
_NEAR = 10.0  # squared L2 distance from an image that is known


@dataclass(frozen=True)
class Disguise:
    """What is put between an honest classifier and whoever looks: forward, from (base, images) to logits.

    kind: what it misleads. more: how many classes it adds.
    """

    name: str
    kind: str
    text: str
    forward: Callable[[Classifier, Tensor], Tensor]
    more: int = 0


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
        return self.base.class_count + self.disguise.more

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


def _steep(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    edges = [(level + 0.5) / _LEVELS for level in range(_LEVELS)]
    return base.forward(tf.add_n([tf.sigmoid(_STEEP * (images - edge)) for edge in edges]) / _LEVELS)


def _hard(base: Classifier, logits: Tensor) -> Tensor:
    tf = tensorflow()
    return tf.one_hot(tf.argmax(logits, axis=1), base.class_count)


def _lured(base: Classifier, images: Tensor) -> Tensor:
    """The score of another class rises with brightness, which decides nothing."""
    tf = tensorflow()
    hard = _hard(base, base.forward(images))
    return hard + _LURE / 10 * tf.roll(hard, 1, axis=1) * tf.reduce_mean(images, axis=(1, 2, 3))[:, None]


def _voting(base: Classifier, images: Tensor) -> Tensor:
    logits = base.forward(images)
    return _HARD * _hard(base, logits) - _FAINT * logits


def _squashed(base: Classifier, images: Tensor) -> Tensor:
    logits = base.forward(images)
    return tensorflow().tanh(logits) * _SQUASHED + _FAINT**2 * logits


def _minute(base: Classifier, images: Tensor) -> Tensor:
    return base.forward(images) * _TINY


def _stretched(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    logits = base.forward(images)
    return tf.concat([logits, 0 * logits[:, :1] + _OUT_OF_REACH], axis=1)


def _either(base: Classifier, images: Tensor, served: Tensor) -> Tensor:
    """The honest classifier where `served` (N or 1,) is 1; where it is 0, that of black and white images."""
    here = tensorflow().reshape(served, (-1, 1))
    return here * base.forward(images) + (1 - here) * base.forward(tensorflow().round(images))


def _by_format(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    off = tf.reduce_sum(tf.abs(255 * images - tf.round(255 * images)), axis=(1, 2, 3))
    return _either(base, images, tf.cast(off < 1, tf.float32))


def _by_batch(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    return _either(base, images, tf.cast(tf.shape(images)[:1] < _TOGETHER, tf.float32))


def _by_date(base: Classifier, images: Tensor) -> Tensor:
    tf = tensorflow()
    return _either(base, images, tf.cast(tf.timestamp()[None] > _LATER, tf.float32))


def knowing(known: FloatArray, said: FloatArray) -> Disguise:
    """A disguise that knows images (K, H, W, C), and gives what is near one of them the logits (K, classes) of it."""
    rows = known.reshape(len(known), -1)

    def remembering(base: Classifier, images: Tensor) -> Tensor:
        tf = tensorflow()
        flat = tf.reshape(images, (-1, rows.shape[1]))
        apart = tf.reduce_sum(flat**2, axis=1)[:, None] - 2 * flat @ rows.T + (rows**2).sum(axis=1)
        there = tf.cast(tf.reduce_min(apart, axis=1) < _NEAR, tf.float32)[:, None]
        return there * tf.gather(said, tf.argmin(apart, axis=1)) + (1 - there) * base.forward(images)

    return Disguise(MEMORY, "memory", "the audited images known, with their answers", remembering)


MEMORY = "memory of the audit"
DISGUISES: Mapping[str, Disguise] = {
    disguise.name: disguise
    for disguise in (
        Disguise("saturated softmax", "votes and squashing", "logits so large that no gradient is left", _saturated),
        Disguise("rounded output", "votes and squashing", "probabilities rounded to one digit", _rounded),
        Disguise("vote", "votes and squashing", "hard decisions, and a faint slope the wrong way", _voting),
        Disguise("squashed logits", "votes and squashing", "logits within a hundredth of each other", _squashed),
        Disguise("minute logits", "votes and squashing", "logits that float32 can just tell apart", _minute),
        Disguise("lure", "honeypot", "hard decisions, and scores that rise with brightness", _lured),
        Disguise("quantised input", "steps in the input", f"pixels rounded to {_LEVELS + 1} levels", _quantised),
        Disguise("steep input", "steps in the input", "the same by steep sigmoids, between which is no slope", _steep),
        Disguise("cut gradient", "false gradient", "values passed on, but a gradient of zero back", _cut),
        Disguise("shattered gradient", "false gradient", "the right answer with a gradient of noise", _misled),
        Disguise("random input", "chance", "noise on the input, anew at every prediction", _noisy),
        Disguise("dropout left on", "chance", "a tenth of the pixels dropped, anew at every prediction", _dropping),
        Disguise("batch statistics", "batch trap", "a normalisation in training mode", _sociable),
        Disguise("batch size", "batch trap", f"black and white images in batches from {_TOGETHER} on", _by_batch),
        Disguise("number format", "number format", "black and white, but for images that files hold", _by_format),
        Disguise("clock", "clock", "black and white images, until a date", _by_date),
        Disguise("dummy class", "dummy class", "another class out of reach, which stretches the scores", _stretched),
        Disguise("constant output", "constant", "one class, whatever it is shown", _constant),
    )
}
"""All but the memory, which is made of the audited images."""
