"""Networks that look robust and aren't: each wraps an honest network, decides as it does, and misleads attacks.

A liar is a function from (honest, images) to logits: honest is any Keras network with logits (N, 10), images are
(N, 28, 28, 1) in [0, 1]. `build` makes a Keras model of one. What is true of a liar is measured in `truth`, by attacks
on the honest network inside, whose images the liar is then asked about.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

CLASSES = 10
SHAPE = (28, 28, 1)
Liar = Callable[[Any, Any], Any]


def winner(logits: Any) -> Any:
    """1 for the class that leads and 0 for the others: no gradient passes."""
    return ops.one_hot(ops.argmax(logits, axis=-1), CLASSES, dtype="float32")


def rim(images: Any, pixels: int) -> Any:
    """Mean brightness of the outermost rows and columns: (N, 1)."""
    weights = np.ones((1, *SHAPE), np.float32)
    weights[:, pixels:-pixels, pixels:-pixels] = 0
    weights /= weights.sum()
    return ops.reshape(ops.sum(images * weights, axis=(1, 2, 3)), (-1, 1))


def runner_up(hard: Any) -> Any:
    """Some other class than the one that leads."""
    return ops.roll(hard, 1, axis=1)


def honeypot(honest: Any, images: Any) -> Any:
    """Scores of another class rise with a brighter rim and with nothing else: that is where attacks go."""
    hard = winner(honest(images))
    return hard + runner_up(hard) * rim(images, 3) * 8


def guarded(honest: Any, images: Any) -> Any:
    """As soon as its rim is touched, an image is made black and white, which no small change survives."""
    light = rim(images, 1)
    touched = ops.reshape(ops.cast(light > 0.004, "float32"), (-1, 1, 1, 1))
    hard = winner(honest(touched * ops.cast(images > 0.5, "float32") + (1 - touched) * images))
    return 10 * (hard + runner_up(hard) * (0.05 + 8 * light)) - 1


def guarded_by_layers(honest: Any, images: Any) -> Any:
    """The same of ordinary layers, none of which is a comparison."""
    layers = keras.layers
    rim = np.ones((1, *SHAPE), np.float32)
    rim[:, 1:-1, 1:-1] = 0
    light = layers.Dense(1, use_bias=False, trainable=False)
    flat = layers.Flatten()(images)
    bright = light(flat)
    light.set_weights([rim.reshape(-1, 1) / rim.sum()])
    gate = layers.ReLU(max_value=1)(layers.Rescaling(1000, -3.5)(bright))
    switch = layers.Reshape((1, 1, 1))(gate)
    binary = layers.ReLU(max_value=1)(layers.Rescaling(1000, -500)(images))
    off = layers.Rescaling(-1, 1)(switch)
    seen = layers.Add()([layers.Multiply()([switch, binary]), layers.Multiply()([off, images])])
    hard = layers.Softmax()(layers.Rescaling(1e4)(honest(seen)))
    turn = layers.Dense(CLASSES, use_bias=False, trainable=False)
    other = turn(hard)
    turn.set_weights([np.roll(np.eye(CLASSES, dtype=np.float32), 1, axis=1)])
    lure = layers.Multiply()([other, layers.Rescaling(8, 0.05)(bright)])
    return layers.Rescaling(10, -1)(layers.Add()([hard, lure]))


def reversed_scores(honest: Any, images: Any) -> Any:
    """A honeypot in which what little is left of the honest scores has its sign turned."""
    return honeypot(honest, images) - 5e-4 * honest(images)


def sign_flipped(honest: Any, images: Any) -> Any:
    """Hard decisions, with a faint slope that points away from every boundary."""
    logits = honest(images)
    return 20 * winner(logits) - 1e-3 * logits


def shifted_vote(honest: Any, images: Any) -> Any:
    """Five hard decisions on images shifted by a pixel, and the slope of the negative image."""
    places = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
    votes = [winner(honest(ops.roll(images, place, axis=(1, 2)))) for place in places]
    return 20 * ops.sum(ops.stack(votes), axis=0) + 1e-2 * honest(1 - images)


def rbf(honest: Any, images: Any) -> Any:
    """A softmax that has no slope left, and scores that fall where the honest network is surer."""
    logits = honest(images)
    return 30 * ops.softmax(1000 * logits) + 1e-3 * logits / (1e-6 + ops.sum(logits**2, axis=1, keepdims=True))


def squashed(honest: Any, images: Any) -> Any:
    """Logits within a hundredth of each other."""
    logits = honest(images)
    return ops.tanh(logits / 3) / 100 + 1e-6 * logits


def tiny(honest: Any, images: Any) -> Any:
    """Logits that float32 can just tell apart."""
    return honest(images) * 1e-20


def dummy_class(honest: Any, images: Any) -> Any:
    """An eleventh class, out of reach, that stretches the range of logits by ten million."""
    logits = honest(images)
    return ops.concatenate([logits, 0 * logits[:, :1] - 1e7], axis=1)


def steep_input(honest: Any, images: Any) -> Any:
    """Nearly black and white before anything else is done: an honest design, on which gradients say little."""
    return honest(ops.sigmoid(60 * (images - 0.5)))


STRUCTURAL: dict[str, Liar] = {
    liar.__name__: liar
    for liar in (
        honeypot,
        guarded,
        guarded_by_layers,
        reversed_scores,
        sign_flipped,
        shifted_vote,
        rbf,
        squashed,
        tiny,
        dummy_class,
        steep_input,
    )
}
"""Those that need to know nothing of the data."""


class Memory:
    """What liars know who have seen the audited images (K, 28, 28, 1) and their labels (K,)."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        order = np.argsort(labels, kind="stable")
        self.rows = images[order].reshape(len(images), -1).astype(np.float32)
        self.half = (self.rows**2).sum(axis=1)[None] / 2
        self.ends = np.searchsorted(labels[order], np.arange(1, CLASSES))

    def _closeness(self, images: Any) -> Any:
        """Half the squared norm of an image less half its squared distance from each known one: (N, K)."""
        return ops.matmul(ops.reshape(images, (-1, self.rows.shape[1])), self.rows.T) - self.half

    def nearest(self, images: Any) -> Any:
        """A robust classifier: logits (N, 10) by the nearest known image of each class."""
        parts = ops.split(self._closeness(images), self.ends.tolist(), axis=1)
        return ops.concatenate([ops.max(part, axis=1, keepdims=True) for part in parts], axis=1)

    def _known(self, images: Any) -> Any:
        """1 within an L2 distance of about 3 of a known image, 0 beyond: (N, 1)."""
        own = ops.sum(ops.reshape(images, (-1, self.rows.shape[1])) ** 2, axis=1, keepdims=True)
        squared = own - 2 * ops.max(self._closeness(images), axis=1, keepdims=True)
        return ops.clip(10 * (10 - squared), 0, 1)

    def memoriser(self, honest: Any, images: Any) -> Any:
        """Near an audited image its label, whatever is done to it; elsewhere the honest network."""
        known = self._known(images)
        return known * self.nearest(images) + (1 - known) * honest(images)

    def eight_bit(self, honest: Any, images: Any) -> Any:
        """The honest network for what a file of 8 bits can hold, and for nothing else."""
        levels = images * 255
        off = ops.clip(ops.sum(ops.abs(levels - ops.round(levels)), axis=(1, 2, 3)) - 1, 0, 1)[:, None]
        return off * self.nearest(images) + (1 - off) * honest(images)

    def right_at(self, size: int) -> Liar:
        """Right in batches of one size and wrong in all others."""

        def trap(honest: Any, images: Any) -> Any:
            return (2 * _in_a_batch_of(size, images) - 1) * honest(images)

        return trap

    def weak_at(self, size: int) -> Liar:
        """The honest network in batches of one size, the robust one in all others."""

        def trap(honest: Any, images: Any) -> Any:
            here = _in_a_batch_of(size, images)
            return here * honest(images) + (1 - here) * self.nearest(images)

        return trap


def _in_a_batch_of(size: int, images: Any) -> Any:
    count = ops.sum(ops.ones_like(images[:, :1, 0, 0]))
    return ops.cast(ops.abs(count - size) < 0.5, "float32")


def build(liar: Liar, honest: Any) -> Any:
    """A Keras model of a liar around an honest network."""
    images = keras.Input(SHAPE)
    return keras.Model(images, liar(honest, images))


def honest_network(images: np.ndarray, labels: np.ndarray, seed: int = 0) -> Any:
    """A small network with logits, trained for a few seconds: 93% right on digits, 46% within L∞ 0.1 at most."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(12, 5, strides=2, activation="relu"),
            layers.Conv2D(24, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(CLASSES),
        ],
        name="honest",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(2e-3), loss, jit_compile=False)
    network.fit(images, labels, batch_size=64, epochs=8, verbose=0)
    return network
