"""A small convolutional network in NumPy: what a surrogate is made of.

It is trained and attacked in seconds, compiles nothing, and gives the same bits on any number of cores: NumPy adds up
in one order, where a convolution's gradient by its filters, in TensorFlow, is summed up in as many parts as there are
threads. It works on one core: these matrices are small, and threads that wait for each other cost ten times as much.
Two convolutions, a hidden layer and one score for each class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from auditor.compute import in_order, on_one_core
from auditor.values import FloatArray, IntArray

Weights = tuple[FloatArray, ...]
_FIRST, _SECOND, _HIDDEN = 16, 32, 64
_PLACES = 16  # the first convolution leaves at most so many places along an edge
_BATCH = 64
_RATE, _DECAYS, _TINY = 2e-3, (0.9, 0.999), 1e-8
_TOGETHER = 19  # images at once, always as many: fewer would be rounded otherwise


@dataclass(frozen=True)
class Layout:
    """Of images (H, W, C) with values in `box`: the sizes and strides of both convolutions' filters."""

    shape: tuple[int, int, int]
    box: tuple[float, float]
    sizes: tuple[tuple[int, int], tuple[int, int]]
    strides: tuple[tuple[int, int], tuple[int, int]]
    classes: int


def layout(shape: tuple[int, int, int], box: tuple[float, float], classes: int) -> Layout:
    """A network that fits images of this shape, however large."""
    edges = shape[:2]
    first = tuple(-(-edge // _PLACES) for edge in edges)
    left = tuple(-(-edge // stride) for edge, stride in zip(edges, first, strict=True))
    sizes = tuple(min(edge, max(5, stride)) for edge, stride in zip(edges, first, strict=True))
    second = tuple(2 if edge > 4 else 1 for edge in left)
    small = tuple(min(edge, 3) for edge in left)
    return Layout(shape, box, (_two(sizes), _two(small)), (_two(first), _two(second)), classes)


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]


def untaught(plan: Layout, drawn: np.random.Generator) -> Weights:
    """Random weights, scaled as He et al., Delving Deep into Rectifiers, ICCV 2015, say."""
    edges = plan.shape[:2]
    for strides in plan.strides:
        edges = _two(tuple(-(-edge // stride) for edge, stride in zip(edges, strides, strict=True)))
    sides = [int(np.prod(size)) for size in plan.sizes]
    fans = (plan.shape[2] * sides[0], _FIRST * sides[1], int(np.prod(edges)) * _SECOND, _HIDDEN)
    weights: list[FloatArray] = []
    for fan, width in zip(fans, (_FIRST, _SECOND, _HIDDEN, plan.classes), strict=True):
        kernel = drawn.standard_normal((fan, width), dtype=np.float32) * np.float32((2 / fan) ** 0.5)
        weights += [kernel, np.zeros(width, np.float32)]
    return tuple(weights)


def slopes(
    plan: Layout, weights: Weights, images: FloatArray, above: Callable[[IntArray, FloatArray], FloatArray]
) -> FloatArray:
    """The gradient (N, H, W, C) of a function of the scores by images, the same whatever N is.

    above: from which images, and their scores, to the function's gradient by those (n, classes).
    """

    def some(at: int) -> FloatArray:
        rows = np.minimum(np.arange(at, at + _TOGETHER), len(images) - 1)
        kept = _forward(plan, weights, images[rows])
        return _of_images(plan, weights, _backward(plan, weights, kept, above(rows, kept.scores)))

    with on_one_core():
        return np.concatenate(in_order(some, range(0, len(images), _TOGETHER)))[: len(images)]


@dataclass(eq=False)
class Pupil:
    """A network while it learns: its weights, Adam's two means of each, and how many steps they have taken."""

    plan: Layout
    weights: list[FloatArray]
    first: list[FloatArray]
    second: list[FloatArray]
    steps: int = 0

    @classmethod
    def new(cls, plan: Layout, drawn: np.random.Generator) -> "Pupil":
        """One that has learned nothing."""
        weights = list(untaught(plan, drawn))
        return cls(plan, weights, [0 * part for part in weights], [0 * part for part in weights])

    def learn(self, images: FloatArray, labels: IntArray, epochs: int, drawn: np.random.Generator) -> None:
        """Go over images (N, H, W, C) with labels (N,) so often, in an order that is drawn.

        Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, on cross-entropy.
        """
        with on_one_core():
            for _ in range(epochs):
                order = drawn.permutation(len(images))
                for at in range(0, len(images), _BATCH):
                    rows = order[at : at + _BATCH]
                    self._step(images[rows], labels[rows])

    def _step(self, images: FloatArray, labels: IntArray) -> None:
        kept = _forward(self.plan, tuple(self.weights), images)
        above = likelihoods(kept.scores)
        above[np.arange(len(labels)), labels] -= 1
        gradients = _of_weights(kept, _backward(self.plan, tuple(self.weights), kept, above / np.float32(len(labels))))
        self.steps += 1
        slow, slower = _DECAYS
        rate = np.float32(_RATE * (1 - slower**self.steps) ** 0.5 / (1 - slow**self.steps))
        for k, gradient in enumerate(gradients):
            self.first[k] = np.float32(slow) * self.first[k] + np.float32(1 - slow) * gradient
            self.second[k] = np.float32(slower) * self.second[k] + np.float32(1 - slower) * gradient**2
            self.weights[k] = self.weights[k] - rate * self.first[k] / (np.sqrt(self.second[k]) + np.float32(_TINY))


def likelihoods(found: FloatArray) -> FloatArray:
    """The softmax of scores (N, K)."""
    raised = np.exp(found - found.max(axis=1, keepdims=True))
    shares: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return shares


# --- both directions, by layers


class _Kept(NamedTuple):
    """What each layer takes, as rows, which of the first layer's sums were positive, and at the end the scores."""

    first: FloatArray
    active: NDArray[np.bool_]
    second: FloatArray
    flat: FloatArray
    hidden: FloatArray
    scores: FloatArray


class _Passed(NamedTuple):
    """What comes back, from the scores down, to the sums of each layer, as rows."""

    scores: FloatArray
    hidden: FloatArray
    second: FloatArray
    first: FloatArray


def _forward(plan: Layout, weights: Weights, images: FloatArray) -> _Kept:
    """From images to scores."""
    low, high = plan.box
    count = len(images)
    x = ((images - np.float32(low)) / np.float32(high - low) - np.float32(0.5)).astype(np.float32)
    first, places = _patches(x, plan.sizes[0], plan.strides[0])
    x = np.maximum(first @ weights[0] + weights[1], 0)
    active = x > 0
    second, _ = _patches(x.reshape(*places, -1), plan.sizes[1], plan.strides[1])
    flat = np.maximum(second @ weights[2] + weights[3], 0).reshape(count, -1)
    hidden = np.maximum(flat @ weights[4] + weights[5], 0)
    return _Kept(first, active, second, flat, hidden, hidden @ weights[6] + weights[7])


def _backward(plan: Layout, weights: Weights, kept: _Kept, above: FloatArray) -> _Passed:
    """The gradient by each layer's sums, from that by the scores, `above`."""
    count = len(above)
    hidden = (above @ weights[6].T) * (kept.hidden > 0)
    second = ((hidden @ weights[4].T) * (kept.flat > 0)).reshape(len(kept.second), -1)
    _, height, width, _ = shape = _places(plan, count)
    by_rows, by_columns = plan.strides[1]
    back = (second @ weights[2].T).reshape(count, -(-height // by_rows), -(-width // by_columns), -1)
    first = _spread(back, shape, plan.sizes[1], plan.strides[1]).reshape(len(kept.first), _FIRST) * kept.active
    return _Passed(above, hidden, second, first)


def _of_weights(kept: _Kept, passed: _Passed) -> list[FloatArray]:
    """The gradient by each of the weights."""
    found: list[FloatArray] = []
    for taken, sums in zip((kept.first, kept.second, kept.flat, kept.hidden), passed[::-1], strict=True):
        found += [taken.T @ sums, sums.sum(axis=0)]
    return found


def _of_images(plan: Layout, weights: Weights, passed: _Passed) -> FloatArray:
    """The gradient by the images."""
    count = len(passed.scores)
    spread = (passed.first @ weights[0].T).reshape(*_places(plan, count)[:3], -1)
    back = _spread(spread, (count, *plan.shape), plan.sizes[0], plan.strides[0])
    return back / np.float32(plan.box[1] - plan.box[0])


def _places(plan: Layout, count: int) -> tuple[int, int, int, int]:
    """The shape of what the first convolution gives, of so many images."""
    (height, width, _), (down, across) = plan.shape, plan.strides[0]
    return count, -(-height // down), -(-width // across), _FIRST


def _margins(edges: tuple[int, int], size: tuple[int, int], stride: tuple[int, int]) -> list[tuple[int, int]]:
    """What is put around an image, before and after, so that its very rim is seen."""
    found = []
    for edge, reach, step in zip(edges, size, stride, strict=True):
        more = max((-(-edge // step) - 1) * step + reach - edge, 0)
        found.append((more // 2, more - more // 2))
    return found


def _patches(x: FloatArray, size: tuple[int, int], stride: tuple[int, int]) -> tuple[FloatArray, tuple[int, int, int]]:
    """What a convolution's filters see, (N · h · w, C · height · width), and (N, h, w)."""
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), *_margins((height, width), size, stride), (0, 0)))
    windows = sliding_window_view(padded, size, axis=(1, 2))[:, :: stride[0], :: stride[1]]
    count, down, across = windows.shape[:3]
    return windows.reshape(count * down * across, -1), (count, down, across)


def _spread(patches: FloatArray, shape: tuple[int, ...], size: tuple[int, int], stride: tuple[int, int]) -> FloatArray:
    """The way back: every value of the patches added to where it is from."""
    count, height, width, channels = shape
    rows, columns = patches.shape[1:3]
    margins = _margins((height, width), size, stride)
    framed = np.zeros((count, height + sum(margins[0]), width + sum(margins[1]), channels), np.float32)
    parts = patches.reshape(count, rows, columns, channels, *size)
    for down in range(size[0]):
        for across in range(size[1]):
            to = framed[
                :, down : down + rows * stride[0] : stride[0], across : across + columns * stride[1] : stride[1]
            ]
            to += parts[..., down, across]
    (top, _), (left, _) = margins
    return framed[:, top : top + height, left : left + width]
