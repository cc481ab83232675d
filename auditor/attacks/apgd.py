"""Auto-PGD: gradient steps with momentum that halve their length when they stop paying.

What it measures
    PGD that starts with steps of 2 · eps and looks back at checkpoints: where too few steps raised the loss,
    or neither step length nor best loss changed, the length is halved and the search restarts from the best
    point so far.

Why it matters
    It needs no step size, which is what most failed PGD attacks got wrong, and is the core of AutoAttack.

How to read it
    The strongest gradient attack here. If `square` beats it, gradients are masked.

References
    Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
    Attacks, ICML 2020.
    Croce and Hein, Mind the Box: l1-APGD for Sparse Adversarial Attacks, ICML 2021.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import Goal, LossAscent, Restarted, Seen, ThreatModel, by_image, project, start_at, steepest
from auditor.values import Real, Tensor

SEES = "gradient"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")
_MOMENTUM = 0.75


class Params(LossAscent, Restarted):
    """How many steps; their length adapts."""

    rho: Annotated[Real, Field(gt=0, lt=1)] = 0.75
    """Share of steps between two checkpoints that must have raised the loss."""
    random_start: bool = True
    """Whether to start from a random place in the ball."""


class State(NamedTuple):
    """Where each image is and was, the best point with its gradient and loss, and what checkpoints look at."""

    x: Tensor
    before: Tensor
    best: Tensor
    best_gradient: Tensor
    best_value: Tensor
    value: Tensor
    length: Tensor
    rises: Tensor
    kept_length: Tensor
    kept_value: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start with steps of twice the radius (the radius for L1) and no history."""
    tf = tensorflow()
    x = start_at(noise, goal, eps, threat, params.random_start)
    lowest = tf.fill(tf.shape(eps), np.float32(-np.inf))
    length = eps * (1.0 if threat.norm == "l1" else 2.0)
    return State(x, x, x, tf.zeros_like(x), lowest, lowest, length, tf.zeros_like(eps), length, lowest)


def checkpoints(steps: int) -> tuple[int, ...]:
    """Steps at which to look back: after 22%, then at distances shrinking by 3% each, but not below 6%."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    return tuple(sorted({math.ceil(share * steps) for share in shares[1:] if share <= 1}))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Note what was seen, look back if this is a checkpoint, and step."""
    tf = tensorflow()
    better = seen.value > state.best_value
    wide = by_image(better)
    state = state._replace(
        best=tf.where(wide, state.x, state.best),
        best_gradient=tf.where(wide, seen.gradient, state.best_gradient),
        best_value=tf.where(better, seen.value, state.best_value),
        rises=state.rises + tf.cast(seen.value > state.value, tf.float32),
        value=seen.value,
    )
    gradient = seen.gradient
    state, gradient = _look_back(state, gradient, params, t)

    ascent = state.x + by_image(state.length) * steepest(gradient, threat.norm)
    target = project(ascent, goal.origin, eps, threat.box, threat.norm)
    carried = tf.where(t == 0, 1.0, _MOMENTUM)
    moved = state.x + carried * (target - state.x) + (1 - carried) * (state.x - state.before)
    return state._replace(x=project(moved, goal.origin, eps, threat.box, threat.norm), before=state.x)


def _look_back(state: State, gradient: Tensor, params: Params, t: Tensor) -> tuple[State, Tensor]:
    """At a checkpoint, halve the length of images that are stuck and send them back to their best point."""
    tf = tensorflow()
    marks = checkpoints(params.steps)
    intervals = dict(zip(marks, np.diff((0, *marks)), strict=True))
    since = sum(tf.where(t == mark, np.float32(gap), np.float32(0)) for mark, gap in intervals.items())
    due = since > 0
    few_rises = state.rises < params.rho * since
    unchanged = (state.kept_length == state.length) & (state.kept_value == state.best_value)
    stuck = due & (few_rises | unchanged)
    wide = by_image(stuck)
    kept_length, kept_value = state.length, state.best_value
    state = state._replace(
        x=tf.where(wide, state.best, state.x),
        before=tf.where(wide, state.best, state.before),
        length=tf.where(stuck, state.length / 2, state.length),
        rises=tf.where(due, tf.zeros_like(state.rises), state.rises),
        kept_length=tf.where(due, kept_length, state.kept_length),
        kept_value=tf.where(due, kept_value, state.kept_value),
    )
    return state, tf.where(wide, state.best_gradient, gradient)
