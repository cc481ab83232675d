"""Raise an objective by its gradient, divided by the gradient's own standard deviation.

What it measures
    x ← x + step_size · g / (std(g) + 1e-8), with g the objective's gradient at x and std taken over all
    pixels of one image (where the box isn't 1 wide, g is taken by widths of it); then, if asked, a clip to the
    box. It bounds no norm: it shows how far a few plain steps go.

Why it matters
    It is the simplest attack there is, and it already turns noise into a certain digit. What it breaks
    needs no stronger one.

How to read it
    One step changes pixels by `step_size`, whatever the gradient's scale. A gradient vanishes when its
    standard deviation is below the 1e-8 of the formula: the image then moves by less than half a step, and
    stays exactly as it is where the gradient is zero. That is saturation, not robustness.

References
    Erhan et al., Visualizing Higher-Layer Features of a Deep Network, 2009.
    Mordvintsev, Olah and Tyka, Inceptionism, 2015 (the normalised step).
"""

from typing import NamedTuple

from auditor.compute import tensorflow
from auditor.search import Ascending, Goal, Pace, Seen, ThreatModel
from auditor.values import Tensor

SEES = "gradient"
SEEKS = "ascent"
NORMS = ()
_GUARD = 1e-8


class Params(Ascending):
    """How far to go."""


class State(NamedTuple):
    """Where each image is, and whether it had next to no gradient to follow there."""

    x: Tensor
    vanished: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Pace) -> State:
    """Start where the images are."""
    tf = tensorflow()
    return State(tf.identity(goal.origin), tf.zeros_like(eps, tf.bool))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Pace, t: Tensor) -> State:
    """Take one step, and clip to the threat's box (infinite for no clip)."""
    tf = tensorflow()
    axes = (1, 2, 3)
    # float64, since the squares of a float32 gradient underflow long before the gradient does.
    wide = tf.cast(seen.gradient, tf.float64)
    deviation = tf.math.reduce_std(wide, axis=axes, keepdims=True)
    guard = _GUARD / params.width
    change = wide / (deviation + guard)
    moved = state.x + params.step_size * tf.cast(change, tf.float32)
    return State(tf.clip_by_value(moved, *threat.box), tf.squeeze(deviation < guard, axis=axes))
