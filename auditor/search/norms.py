"""The norms an attack is bounded by. Changes are (N, H, W, C); everything is by image."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.compute import normal_row, tensorflow, uniform_row
from auditor.values import FloatArray, Tensor

Norm = Literal["linf", "l2", "l1", "l0"]
_AXES = (1, 2, 3)
_TINY = 1e-12
_SPARSITY = 0.05  # of the pixels that a step in L1 moves
_BISECTIONS = 30


def by_image(values: Tensor) -> Tensor:
    """Reshape (N,) to (N, 1, 1, 1), to be combined with images."""
    return tensorflow().reshape(values, (-1, 1, 1, 1))


def size(change: Tensor, norm: Norm) -> Tensor:
    """The norm of every change: (N,)."""
    tf = tensorflow()
    if norm == "linf":
        return tf.reduce_max(tf.abs(change), axis=_AXES)
    if norm == "l2":
        return tf.sqrt(tf.reduce_sum(tf.square(change), axis=_AXES))
    if norm == "l1":
        return tf.reduce_sum(tf.abs(change), axis=_AXES)
    return tf.cast(tf.math.count_nonzero(change, axis=_AXES), change.dtype)


def distance(images: FloatArray, origin: FloatArray, norm: Norm) -> NDArray[np.float64]:
    """The norm of images less origin in float64, for what is counted: (N,)."""
    return _exact_size(images.astype(np.float64) - origin, norm)


def _exact_size(change: FloatArray, norm: Norm) -> NDArray[np.float64]:
    flat = np.abs(change.reshape(len(change), int(np.prod(change.shape[1:]))))
    order = {"linf": np.inf, "l2": 2, "l1": 1, "l0": 0}[norm]
    sizes: NDArray[np.float64] = np.linalg.norm(flat, ord=order, axis=1)
    return sizes


def widest(norm: Norm, box: tuple[float, float], values: int) -> float:
    """The greatest distance between two images of so many values within the box."""
    span = box[1] - box[0]
    return float({"linf": span, "l2": span * values**0.5, "l1": span * values, "l0": values}[norm])


def project(images: Tensor, origin: Tensor, eps: Tensor, box: tuple[float, float], norm: Norm) -> Tensor:
    """Bring images into the ball of radius eps (N,) around origin, and into the box.

    L∞ and L1 project onto the intersection of ball and box; L0 keeps the eps greatest changes, within the box.
    L2 projects onto the ball, then the box: never outside either, since moving towards an origin within the box
    shortens every coordinate.
    """
    tf = tensorflow()
    low, high = box
    if norm == "linf":
        radius = by_image(eps)
        inside = tf.clip_by_value(images, origin - radius, origin + radius)
        return tf.clip_by_value(inside, low, high)
    change = images - origin
    if norm == "l2":
        shrink = tf.minimum(1.0, eps / tf.maximum(size(change, norm), _TINY))
        return tf.clip_by_value(origin + change * by_image(shrink), low, high)
    if norm == "l0":
        return tf.clip_by_value(origin + _largest(change, eps), low, high)
    return origin + _project_l1(change, origin, eps, box)


def _largest(change: Tensor, count: Tensor) -> Tensor:
    """Keep the `count` (N,) greatest values of every change, which is its projection onto an L0 ball."""
    tf = tensorflow()
    flat = tf.reshape(tf.abs(change), (tf.shape(change)[0], -1))
    order = tf.argsort(flat, axis=1, direction="DESCENDING", stable=True)
    rank = tf.reshape(tf.argsort(order, axis=1), tf.shape(change))
    return tf.where(tf.cast(rank, tf.float32) < by_image(tf.floor(count)), change, 0.0)


def _project_l1(change: Tensor, origin: Tensor, eps: Tensor, box: tuple[float, float]) -> Tensor:
    """Soft-threshold the change, clipped to the box, by the least amount that brings its L1 norm to eps.

    Croce and Hein, Mind the Box: l1-APGD for Sparse Adversarial Attacks, ICML 2021: projecting onto ball and
    box in turn wastes budget. The amount is found by bisection, which needs no sorting.
    """
    tf = tensorflow()
    lowest, highest = box[0] - origin, box[1] - origin

    def thresholded(amount: Tensor) -> Tensor:
        shrunk = tf.sign(change) * tf.nn.relu(tf.abs(change) - by_image(amount))
        return tf.clip_by_value(shrunk, lowest, highest)

    def halved(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        middle = (low + high) / 2
        too_large = size(thresholded(middle), "l1") > eps
        return tf.where(too_large, middle, low), tf.where(too_large, high, middle)

    ends = tf.zeros_like(eps), tf.reduce_max(tf.abs(change), axis=_AXES)
    # A loop of TensorFlow's: written out, it would take longer to compile than most searches take.
    _, high = tf.while_loop(lambda *_: True, halved, ends, maximum_iterations=_BISECTIONS)
    fits = size(thresholded(tf.zeros_like(eps)), "l1") <= eps
    return thresholded(tf.where(fits, 0.0, high))


def stretched(change: Tensor, length: Tensor, norm: Norm) -> Tensor:
    """Every change brought to this length, (N,), in the norm; a change of zero stays."""
    return change * by_image(length / tensorflow().maximum(size(change, norm), _TINY))


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """The direction of norm 1 along which a linear function with this gradient rises most.

    For L1 that is a single pixel; taking the twentieth of them that is largest moves faster (Tramèr and
    Boneh, Adversarial Training and Robustness for Multiple Perturbations, NeurIPS 2019). Zero where the gradient is.
    """
    tf = tensorflow()
    if norm == "linf":
        return tf.sign(gradient)
    if norm == "l2":
        # Scaled by the greatest entry first: squares of small float32 numbers underflow.
        scaled = gradient / by_image(tf.maximum(size(gradient, "linf"), 1e-37))
        return scaled / by_image(tf.maximum(size(scaled, "l2"), _TINY))
    flat = tf.reshape(tf.abs(gradient), (tf.shape(gradient)[0], -1))
    keep = max(1, int(_SPARSITY * (gradient.shape[1] * gradient.shape[2] * gradient.shape[3])))
    threshold = by_image(tf.math.top_k(flat, keep, sorted=True).values[:, -1])
    signs = tf.where(tf.abs(gradient) >= threshold, tf.sign(gradient), 0.0)
    return signs / by_image(tf.maximum(size(signs, "l1"), 1.0))


def random_change(
    seed: int, stream: str, rows: Sequence[int], shape: tuple[int, ...], norm: Norm
) -> NDArray[np.float32]:
    """Changes spread over the unit ball, (N, *shape): that of row i depends on (seed, stream, i) alone.

    An L0 ball limits how many values change, not by how much; its changes are those of L∞.
    """
    if norm in ("linf", "l0"):
        return np.stack([2 * uniform_row(seed, stream, row, shape) - 1 for row in rows])
    drawn = np.stack([normal_row(seed, stream, row, shape) for row in rows])
    if norm == "l1":
        drawn = np.sign(drawn) * drawn**2
    radius = np.stack([uniform_row(seed, f"{stream}/radius", row, (1, 1, 1)) for row in rows])
    sizes = _exact_size(drawn.astype(np.float64), norm).reshape(-1, 1, 1, 1)
    return (drawn / sizes * radius).astype(np.float32)


def into_ball(
    images: FloatArray, origin: FloatArray, eps: NDArray[np.float64], box: tuple[float, float], norm: Norm
) -> FloatArray:
    """Make float32 images obey ball and box exactly, as measured in float64; a rounding's worth of movement."""
    low, high = (np.float32(edge) for edge in box)
    if norm == "linf":
        radius = eps.reshape(-1, 1, 1, 1)
        start = origin.astype(np.float64)
        floor, ceiling = (start - radius).astype(np.float32), (start + radius).astype(np.float32)
        floor = np.where(floor < start - radius, np.nextafter(floor, np.float32(np.inf)), floor)
        ceiling = np.where(ceiling > start + radius, np.nextafter(ceiling, np.float32(-np.inf)), ceiling)
        return np.clip(np.clip(images, floor, ceiling), low, high)
    found = np.clip(images, low, high)
    if norm == "l0":
        change = found - origin
        order = np.argsort(-np.abs(change.reshape(len(change), -1)), axis=1, kind="stable")
        rank = np.argsort(order, axis=1).reshape(change.shape)
        return np.where(rank < np.floor(eps).reshape(-1, 1, 1, 1), found, origin)
    # Rounding origin + change to float32 can undo a shrinking; each attempt shrinks by twice as much more.
    for attempt in range(20):
        change = found.astype(np.float64) - origin
        sizes = _exact_size(change, norm)
        over = sizes > eps
        if not over.any():
            return found
        shrink = np.where(over, eps / np.maximum(sizes, _TINY) * (1 - 1e-7 * 2**attempt), 1.0)
        found = np.where(over.reshape(-1, 1, 1, 1), origin + change * shrink.reshape(-1, 1, 1, 1), found)
        found = np.clip(found.astype(np.float32), low, high)
    return np.where((distance(found, origin, norm) > eps).reshape(-1, 1, 1, 1), origin, found)
