"""Fast Minimum-Norm attack: gradient steps in a ball that shrinks when it wins and grows when it doesn't.

What it measures
    The margin is raised by steps that shorten over time, projected into a ball around the original; its
    radius follows the boundary, and the closest adversarial image is kept.

Why it matters
    It finds distances in all four norms, L0 included, at one gradient a step.

How to read it
    With enough steps its distances are among the smallest known. L0 counts values that changed: a colour
    pixel has three.

References
    Pintor, Roli, Brendel and Biggio, Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints,
    NeurIPS 2021.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import DUAL, Aimed, Goal, Seen, ThreatModel, by_image, project, size, steepest
from auditor.values import PositiveReal, Real, Tensor

SEES = "gradient"
SEEKS = "distance"
NORMS = ("linf", "l2", "l1", "l0")
_TINY = 1e-12


class Params(Aimed):
    """How long steps are, and how fast the ball follows."""

    step_size: PositiveReal | None = None
    """L2 length of the first step, in the units of the box, whose width it is if left out; a cosine brings it to a
    hundredth."""
    gamma: Annotated[Real, Field(gt=0, lt=1)] = 0.05
    """Share by which the radius changes at first; a cosine brings it to a fiftieth."""


class State(NamedTuple):
    """Where each image is, the radius of its ball, and the smallest change that was adversarial."""

    x: Tensor
    radius: Tensor
    least: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image, with nothing found."""
    tf = tensorflow()
    endless = tf.fill(tf.shape(eps), np.float32(np.inf))
    return State(tf.identity(goal.origin), tf.ones_like(eps) if threat.norm == "l0" else endless, endless)


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Move the radius after the boundary, and take a step within it."""
    tf = tensorflow()
    change = state.x - goal.origin
    now = size(change, threat.norm)
    least = tf.where(seen.hit, tf.minimum(state.least, now), state.least)
    gamma = annealed(params.gamma, params.gamma / 50, t, params.steps)
    first = params.step_size or threat.box[1] - threat.box[0]
    length = annealed(first, first / 100, t, params.steps)
    ahead = tf.abs(seen.objective) / tf.maximum(size(seen.gradient, DUAL[threat.norm]), _TINY)
    if threat.norm == "l0":
        smaller = tf.minimum(state.radius - 1, tf.floor(state.radius * (1 - gamma)))
        larger = tf.maximum(state.radius + 1, tf.floor(state.radius * (1 + gamma)))
    else:
        smaller, larger = state.radius * (1 - gamma), state.radius * (1 + gamma)
    if threat.norm != "l0":
        # A little past the estimate: a radius that only ever reaches for the boundary stops just short of it.
        larger = tf.where(tf.math.is_finite(least), larger, (now + ahead) * (1 + gamma))
    radius = tf.where(seen.hit, tf.minimum(smaller, least), larger)
    moved = state.x + by_image(length + 0 * eps) * steepest(seen.gradient, "l2")
    return State(project(moved, goal.origin, radius, threat.box, threat.norm), radius, least)


def annealed(first: float, last: float, t: Tensor, steps: int) -> Tensor:
    """From `first` at step 0 to `last` at the end, along half a cosine."""
    tf = tensorflow()
    way = tf.cast(t, tf.float32) / max(steps - 1, 1)
    return last + (first - last) * (1 + tf.cos(math.pi * way)) / 2
