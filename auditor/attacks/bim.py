"""The basic iterative method: many small steps of steepest ascent, each brought back into the ball.

What it measures
    x ← P(x + step_size · d), with d the direction of norm 1 along which the loss rises most (the sign of the
    gradient for L∞) and P the projection onto ball and box; from the image itself.

Why it matters
    It is deterministic, and shows whether a random start makes a difference.

How to read it
    Weaker than `pgd` where the loss is flat around the image, as after training against single steps.

References
    Kurakin, Goodfellow and Bengio, Adversarial Examples in the Physical World, ICLR workshop 2017.
"""

from typing import NamedTuple

from auditor.search import Goal, LossAscent, Seen, ThreatModel, by_image, project, start_at, steepest
from auditor.values import Count, PositiveReal, Tensor

SEES = "gradient"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")


class Params(LossAscent):
    """How many steps, how large."""

    steps: Count = 40
    """How many steps."""
    step_size: PositiveReal | None = None
    """Length of one step in the threat model's norm; 2.5 · eps / steps if left out."""


class State(NamedTuple):
    """Where each image is."""

    x: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image."""
    return State(start_at(noise, goal, eps, threat, random=False))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Take one step and project."""
    length = step_length(eps, params.step_size, params.steps)
    moved = state.x + by_image(length) * steepest(seen.gradient, threat.norm)
    return State(project(moved, goal.origin, eps, threat.box, threat.norm))


def step_length(eps: Tensor, given: float | None, steps: int) -> Tensor:
    """Length of a step for every image, (N,)."""
    return eps * 0 + given if given is not None else eps * (2.5 / steps)
