"""The nearest point of a linearised boundary within the box, which DeepFool and FAB step to."""

from typing import NamedTuple

from auditor.compute import tensorflow
from auditor.search.loop import Seen
from auditor.search.norms import Norm, by_image, size, steepest
from auditor.values import Tensor

_NEWTON = 8
_TINY = 1e-20
DUAL: dict[Norm, Norm] = {"linf": "l1", "l2": "l2", "l1": "linf", "l0": "linf"}


class Plane(NamedTuple):
    """The points z of each image with margin + normal · (z - x) = 0: x and normal (N, H, W, C), margin (N,)."""

    x: Tensor
    normal: Tensor
    margin: Tensor


def nearest_boundary(x: Tensor, seen: Seen, norm: Norm) -> Plane:
    """Linearise every rival's margin over the true class around x, and take the boundary that is nearest in this norm.

    The least change that closes a gap g along a gradient w has norm |g| over the dual norm of w.
    """
    tf = tensorflow()
    margins, gradients = seen.objective, seen.gradient
    rivals = margins.shape[1]
    slopes = tf.stack([size(gradients[:, r], DUAL[norm]) for r in range(rivals)], axis=1)
    nearest = tf.argmin(tf.abs(margins) / tf.maximum(slopes, _TINY), axis=1)
    normal = tf.gather(gradients, nearest, axis=1, batch_dims=1)
    return Plane(x, normal, tf.gather(margins, nearest, axis=1, batch_dims=1))


def straight_step(plane: Plane, here: Tensor, norm: Norm) -> Tensor:
    """The change of least norm that brings `here` onto the plane, whatever the box: (N, H, W, C)."""
    tf = tensorflow()
    slope = tf.maximum(size(plane.normal, DUAL[norm]), _TINY)
    return steepest(plane.normal, norm) * by_image(_gap(plane, here) / slope)


def step_to(plane: Plane, here: Tensor, box: tuple[float, float], norm: Norm) -> Tensor:
    """The change of least norm that brings `here` onto the plane without leaving the box: (N, H, W, C).

    Where the box doesn't reach the plane, the change goes as far as the box allows. Croce and Hein, Minimally
    Distorted Adversarial Examples with a Fast Adaptive Boundary Attack, ICML 2020, section 2.
    """
    tf = tensorflow()
    gap = _gap(plane, here)
    upwards = tf.sign(gap)
    way = plane.normal * by_image(upwards)
    gap, pull = tf.abs(gap), tf.abs(way)
    room = tf.maximum(tf.where(way > 0, box[1] - here, here - box[0]), 0.0)
    room = tf.where(way == 0, 0.0, room)
    lengths = _greedy(gap, pull, room) if norm == "l1" else _even(gap, pull, room, norm)
    return tf.sign(way) * lengths


def _gap(plane: Plane, here: Tensor) -> Tensor:
    """How much the margin must rise from `here` to 0 if the plane is right: (N,)."""
    return -plane.margin - tensorflow().reduce_sum(plane.normal * (here - plane.x), axis=(1, 2, 3))


def _even(gap: Tensor, pull: Tensor, room: Tensor, norm: Norm) -> Tensor:
    """Each pixel moves by the same amount (L∞), or in proportion to its pull (L2), until it meets the box.

    How far all get closes a concave, piecewise linear share of the gap; Newton's steps never overshoot it.
    """
    tf = tensorflow()
    axes = (1, 2, 3)
    speed = tf.ones_like(pull) if norm == "linf" else pull
    time = tf.zeros_like(gap)
    for _ in range(_NEWTON):
        moved = speed * by_image(time)
        free = moved < room
        closed = tf.reduce_sum(pull * tf.minimum(moved, room), axis=axes)
        slope = tf.reduce_sum(tf.where(free, pull * speed, 0.0), axis=axes)
        # No pixel is free once all have met the box; then nothing more can be closed.
        more = tf.where(slope > _TINY, tf.maximum(gap - closed, 0.0) / tf.maximum(slope, _TINY), 0.0)
        time = time + more
    return tf.minimum(speed * by_image(time), room)


def _greedy(gap: Tensor, pull: Tensor, room: Tensor) -> Tensor:
    """The pixels that pull most go to the edge of the box, one after another, until the gap is closed."""
    tf = tensorflow()
    shape = tf.shape(pull)
    flat_pull, flat_room = (tf.reshape(part, (shape[0], -1)) for part in (pull, room))
    order = tf.argsort(flat_pull, axis=1, direction="DESCENDING", stable=True)
    pulls = tf.gather(flat_pull, order, axis=1, batch_dims=1)
    rooms = tf.gather(flat_room, order, axis=1, batch_dims=1)
    closed_before = tf.cumsum(pulls * rooms, axis=1, exclusive=True)
    left = tf.maximum(gap[:, None] - closed_before, 0.0)
    lengths = tf.minimum(left / tf.maximum(pulls, _TINY), rooms)
    back = tf.argsort(order, axis=1)
    return tf.reshape(tf.gather(lengths, back, axis=1, batch_dims=1), shape)
