"""Carlini and Wagner's L2 attack: trade the margin against the size of the change.

What it measures
    Adam minimises |x - original|² + c · max(margin + confidence, 0), with x a tanh so that it can't leave the
    box. The weight c is found by bisection, image by image; the closest adversarial image is kept.

Why it matters
    The yardstick for L2 distances since 2017, and the attack that broke defensive distillation.

How to read it
    It needs many steps: `steps` are shared out among the `searches` for c. `fmn` and `fab` come as close with
    far fewer.

References
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017.
"""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import Aimed, Goal, Seen, ThreatModel, by_image
from auditor.values import Count, PositiveReal, Real, Tensor

SEES = "gradient"
SEEKS = "distance"
NORMS = ("l2",)
_BETA1, _BETA2, _ADAM = 0.9, 0.999, 1e-8
# A tanh never quite reaches the edges of the box, where most of a digit's pixels lie.
_EDGE = 1 - 1e-6


class Params(Aimed):
    """How long to search, and for which weights."""

    steps: Count = 1000
    """How many steps, over all searches."""
    searches: Count = 9
    """How many weights c to try for every image."""
    learning_rate: PositiveReal = 0.1
    """Adam's learning rate."""
    first_weight: PositiveReal = 1.0
    """The first c, with logits brought to a spread of 1 at the original."""
    confidence: Annotated[Real, Field(ge=0)] = 0.0
    """Margin to aim for, in the same units."""


class State(NamedTuple):
    """Where each image is, and as a tanh's argument; Adam's moments; the weight with its bounds and luck."""

    x: Tensor
    w: Tensor
    first: Tensor
    second: Tensor
    weight: Tensor
    low: Tensor
    high: Tensor
    worked: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image with the first weight."""
    tf = tensorflow()
    w = _argument(goal.origin, threat.box)
    still, zero = tf.zeros_like(w), tf.zeros_like(eps)
    endless = tf.fill(tf.shape(eps), np.float32(np.inf))
    x = tf.identity(goal.origin)
    return State(x, w, still, still, zero + params.first_weight, zero, endless, tf.zeros_like(eps, tf.bool))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Take one step of Adam, or at the end of a search begin the next with another weight."""
    tf = tensorflow()
    length = max(1, params.steps // params.searches)
    state = state._replace(worked=state.worked | seen.hit)
    wanted = seen.objective * goal.scale < params.confidence
    pull = tf.where(wanted | ~seen.hit, state.weight * goal.scale, 0.0)
    low, high = threat.box
    # Distances are measured in widths of the box, or the weight would mean something else in every box.
    slope = 2 * (state.x - goal.origin) / (high - low) ** 2 - by_image(pull) * seen.gradient
    slope *= (high - low) / 2 * (1 - tf.square(tf.tanh(state.w)))
    count = tf.cast(t % length + 1, tf.float32)
    first = _BETA1 * state.first + (1 - _BETA1) * slope
    second = _BETA2 * state.second + (1 - _BETA2) * tf.square(slope)
    bias1, bias2 = 1 - tf.pow(_BETA1, count), 1 - tf.pow(_BETA2, count)
    w = state.w - params.learning_rate * (first / bias1) / (tf.sqrt(second / bias2) + _ADAM)
    x = low + (high - low) * (tf.tanh(w) + 1) / 2
    moved = state._replace(x=x, w=w, first=first, second=second)
    after: State = tf.cond((t + 1) % length == 0, lambda: _next_search(moved, goal, threat), lambda: moved)
    return after


def _next_search(state: State, goal: Goal, threat: ThreatModel) -> State:
    """Halve the way to the bound that the last weight makes; without an upper bound, take ten times as much."""
    tf = tensorflow()
    high = tf.where(state.worked, tf.minimum(state.high, state.weight), state.high)
    low = tf.where(state.worked, state.low, tf.maximum(state.low, state.weight))
    weight = tf.where(tf.math.is_finite(high), (low + high) / 2, state.weight * 10)
    w = _argument(goal.origin, threat.box)
    still = tf.zeros_like(w)
    return State(tf.identity(goal.origin), w, still, still, weight, low, high, tf.zeros_like(state.worked))


def _argument(images: Tensor, box: tuple[float, float]) -> Tensor:
    """What gives the images under the tanh that spans the box."""
    low, high = box
    return tensorflow().atanh(_EDGE * (2 * (images - low) / (high - low) - 1))
