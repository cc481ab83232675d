"""Climb an objective by its gradient, divided by the gradient's own standard deviation.

What it measures
    x ← x + step_size · g / (std(g) + 1e-8), with g the objective's gradient at x and std taken over all
    pixels of one image; then, if asked, a clip to the box. It bounds no norm: it shows how far a few plain
    steps go.

Why it matters
    It is the simplest attack there is, and it already turns noise into a certain digit. What falls to it
    needs no stronger one.

How to read it
    One step changes pixels by `step_size` on average, whatever the gradient's scale. An image whose gradient
    is zero or not finite stays as it is and is counted as vanished: saturation, not robustness.

References
    Erhan et al., Visualizing Higher-Layer Features of a Deep Network, 2009.
    Mordvintsev, Olah and Tyka, Inceptionism, 2015 (the normalised step).
"""

from auditor.backend import tensorflow
from auditor.core import Tensor
from auditor.fields import Count, Parameters, PositiveReal

_GUARD = 1e-8


class Params(Parameters):
    """How far to go."""

    steps: Count = 5
    """How many steps."""
    step_size: PositiveReal = 1.0
    """Standard deviation of one step over the pixels of an image, in the units of the box."""


def start(images: Tensor) -> Tensor:
    """Start where the images (N, H, W, C) are."""
    return images


def step(images: Tensor, gradient: Tensor, step_size: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """Take one step. box: (2,), least and greatest value (infinite for no clip).

    Returns images (N, H, W, C) and vanished (N,), true where there was no gradient to follow.
    """
    tf = tensorflow()
    axes = (1, 2, 3)
    # float64, since the squares of a float32 gradient underflow long before the gradient does.
    wide = tf.cast(gradient, tf.float64)
    finite = tf.reduce_all(tf.math.is_finite(wide), axis=axes, keepdims=True)
    wide = tf.where(finite, wide, 0.0)
    vanished = tf.reduce_all(tf.equal(wide, 0.0), axis=axes)
    change = wide / (tf.math.reduce_std(wide, axis=axes, keepdims=True) + _GUARD)
    moved = images + step_size * tf.cast(change, images.dtype)
    return tf.clip_by_value(moved, box[0], box[1]), vanished
