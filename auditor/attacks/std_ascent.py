"""Climb an objective by its gradient, divided by the gradient's own standard deviation.

What it measures
    x ← x + step_size · g / (std(g) + 1e-8), with g the objective's gradient at x and std taken over all
    pixels of one image; then, if asked, a clip to the box. It bounds no norm: it shows how far a few plain
    steps go.

Why it matters
    It is the simplest attack there is, and it already turns noise into a certain digit. What falls to it
    needs no stronger one.

How to read it
    One step changes pixels by `step_size`, whatever the gradient's scale. A gradient vanishes when its
    standard deviation is below the 1e-8 of the formula: the image then moves by less than half a step, and
    stays exactly as it is where the gradient is zero or not finite. That is saturation, not robustness.

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

    Returns images (N, H, W, C) and vanished (N,), true where there was next to no gradient to follow.
    """
    tf = tensorflow()
    axes = (1, 2, 3)
    # float64, since the squares of a float32 gradient underflow long before the gradient does.
    wide = tf.cast(gradient, tf.float64)
    finite = tf.reduce_all(tf.math.is_finite(wide), axis=axes, keepdims=True)
    wide = tf.where(finite, wide, 0.0)
    deviation = tf.math.reduce_std(wide, axis=axes, keepdims=True)
    vanished = tf.squeeze(deviation < _GUARD, axis=axes)
    change = wide / (deviation + _GUARD)
    moved = images + step_size * tf.cast(change, images.dtype)
    return tf.clip_by_value(moved, box[0], box[1]), vanished
