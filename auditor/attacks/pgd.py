"""Projected gradient descent: many small steps of steepest ascent, each brought back into the ball.

What it measures
    x ← P(x + step_size · d), with d the direction of norm 1 along which the loss rises most (the sign of the
    gradient for L∞) and P the projection onto ball and box; from random starts.

Why it matters
    The standard first-order attack, and the yardstick most published numbers use.

How to read it
    A low success rate says little by itself: compare with `apgd`, which needs no step size, and with
    `square`, which needs no gradient.

References
    Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018.
"""

from typing import NamedTuple

from auditor.attacks._bounded import Bounded, start_at
from auditor.attacks._norms import by_image, project, steepest
from auditor.attacks._search import Goal, Seen, Threat
from auditor.core import Tensor
from auditor.fields import Count, PositiveReal

GRADIENT = True


class Params(Bounded):
    """How many steps, how large."""

    steps: Count = 40
    """How many steps."""
    step_size: PositiveReal | None = None
    """Length of one step in the threat model's norm; 2.5 · eps / steps if left out."""
    random_start: bool = True
    """Whether to start from a random place in the ball."""


class State(NamedTuple):
    """Where each image is."""

    x: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: Threat, params: Params) -> State:
    """Start at the image or at random."""
    return State(start_at(noise, goal, eps, threat, params.random_start))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: Threat, params: Params, t: Tensor) -> State:
    """Take one step and project."""
    length = step_length(eps, params.step_size, params.steps)
    moved = state.x + by_image(length) * steepest(seen.gradient, threat.norm)
    return State(project(moved, goal.origin, eps, threat.box, threat.norm))


def step_length(eps: Tensor, given: float | None, steps: int) -> Tensor:
    """Length of a step for every image, (N,)."""
    return eps * 0 + given if given is not None else eps * (2.5 / steps)
