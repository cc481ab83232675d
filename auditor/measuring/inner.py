"""A model's own inner layers, read by a linear reader that knows the model's answers: where to go without its scores.

What stands behind a layer may lead attacks astray: hard decisions, squashed scores, a lure. What the layer gives is
what the model recognises by. The attack `feature_distribution` is shown the same reader, and says whose work it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.compute import on_one_core, tensorflow
from auditor.measuring.once import once
from auditor.measuring.surrogate import Surrogate, asked, steepness
from auditor.search import Reader, flat
from auditor.values import Classifier, Context, FloatArray, IntArray, Layer, Passes, Tensor, evenly

_SOURCES, _LAYERS, _LED = 120, 16, 40
_WIDEST = 50_000  # values that a layer gives of one image; of more, a reader takes too long to teach
_TOGETHER = 12  # images at once, always as many: fewer would be rounded otherwise
_RIDGE = 1e-2
_REACHES = (0.1, 0.3)  # of the box's width; how far a step goes that many images don't stand, and hardly any does


@dataclass(frozen=True, eq=False)
class Insight:
    """A layer of a classifier, and what reads it, taught on the classifier's answers.

    varying: (1, H, W, C), see `surrogate.varying`. compiled: whether slopes are, which takes as long as some of them
    do, and halves what the others cost.
    """

    layer: Layer
    reader: Reader
    varying: NDArray[np.bool_]
    compiled: bool = False

    def uphill(self, images: FloatArray, labels: IntArray, targets: IntArray, sharp: bool) -> FloatArray:
        """Where a loss of what the reader says rises (N, H, W, C), as `Surrogate.uphill`; 0 where nothing does."""
        tf, found = tensorflow(), []
        for at in range(0, len(images), _TOGETHER):
            rows = np.minimum(np.arange(at, at + _TOGETHER), len(images) - 1)
            aimed = (tf.constant(np.asarray(part[rows], np.int64)) for part in (labels, targets))
            found.append(self._slopes(tf.constant(images[rows]), *aimed, tf.constant(sharp)).numpy())
        slopes: FloatArray = np.nan_to_num(np.concatenate(found)[: len(images)])
        return slopes

    @cached_property
    def _slopes(self) -> Callable[..., Tensor]:
        return tensorflow().function(self._slope) if self.compiled else self._slope

    def _slope(self, images: Tensor, labels: Tensor, targets: Tensor, sharp: Tensor) -> Tensor:
        tf = tensorflow()
        # Slopes by weights are asked by nobody.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            given = flat(self.layer.activations(images))
        above = tf.numpy_function(self._above, (given, labels, targets, sharp), tf.float32)
        slope = tape.gradient(given, images, output_gradients=tf.reshape(above, tf.shape(given)))
        return tf.zeros_like(images) if slope is None else slope

    def _above(self, given: FloatArray, labels: IntArray, targets: IntArray, sharp: bool) -> FloatArray:
        """The gradient of the loss by what the layer gives, (n, values)."""
        with on_one_core():
            above = steepness(given @ self.reader.weights, labels, targets, bool(sharp))
            back: FloatArray = above @ self.reader.weights.T
        return back


def insight(context: Context, surrogate: Surrogate) -> Insight | None:
    """The layer that leads furthest, in one step from images that a surrogate learned from.

    None where the format shows no layers, or none of them leads anywhere. It is the same for all cases of a spec.
    """
    samples, classifier = context.whole or context.samples, context.classifier

    def ask() -> Insight | None:
        sources = surrogate.sources[-_SOURCES:]
        said, layers, best, most = asked(classifier, sources), classifier.layers(), None, (0,) * len(_REACHES)
        for at in evenly(len(layers), _LAYERS):
            one, some = _read(layers, at, surrogate, sources, said), slice(0, _LED)
            led = _leads(classifier, one, surrogate.plan.box, sources[some], said[some]) if one else most
            best, most = (one, led) if led > most else (best, most)
        return replace(best, compiled=True) if best else None

    return once(("inner layer", context.spec_seed), classifier, samples, ask)


def cost_insight() -> Passes:
    """What it takes of a model at most."""
    return Passes(gradients=_LED, predictions=2 * _SOURCES + 1 + len(_REACHES) * _LED) * _LAYERS


def filled(images: int) -> int:
    """So many images as they are passed through: in full batches."""
    return -(-images // _TOGETHER) * _TOGETHER


def _read(
    layers: Sequence[Layer], at: int, surrogate: Surrogate, sources: FloatArray, said: IntArray
) -> Insight | None:
    """Teach a reader of a layer by ridge regression, where it gives numbers that aren't too many."""
    layer = layers[at]
    one = layer.activations(tensorflow().constant(sources[:1]))
    if not one.dtype.is_floating or not 1 < int(np.prod(one.shape)) <= _WIDEST:
        return None
    given = flat(layer.activations(tensorflow().constant(sources))).numpy()
    centred = (given - given.mean(axis=0)).astype(np.float64)
    wanted = np.eye(surrogate.plan.classes)[said]
    with on_one_core():
        alike = centred @ centred.T
        scale = float(np.trace(alike)) / len(sources)
        if not np.isfinite(scale) or scale <= 0:
            return None
        taught = np.linalg.solve(alike + _RIDGE * scale * np.eye(len(sources)), wanted - wanted.mean(axis=0))
        return Insight(layer, Reader(at, (centred.T @ taught).astype(np.float32)), surrogate.varying)


def _leads(
    classifier: Classifier, found: Insight, box: tuple[float, float], images: FloatArray, said: IntArray
) -> tuple[int, ...]:
    """How many images one step along what a layer says takes to another class, by how far it goes."""
    low, high = box
    way = np.sign(found.uphill(images, said, np.full(len(images), -1), sharp=True)) * found.varying * (high - low)
    moved = [np.clip(images + reach * way, low, high).astype(np.float32) for reach in _REACHES]
    return tuple(int((asked(classifier, one) != said).sum()) for one in moved)
