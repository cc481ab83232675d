"""The momentum iterative method: steps along a running mean of gradients.

What it measures
    m ← decay · m + g / |g|₁, then a step along the steepest direction of m, projected onto ball and box.

Why it matters
    Momentum carries over bumps of the loss; its images transfer better to other networks.

How to read it
    Compare with `pgd`; use its full-length images for `transfer`.

References
    Dong et al., Boosting Adversarial Attacks with Momentum, CVPR 2018.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from auditor.attacks import bim, pgd
from auditor.compute import tensorflow
from auditor.search import Goal, Seen, ThreatModel, by_image, project, size, start_at, steepest
from auditor.values import Real, Tensor

SEES = "gradient"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")


class Params(pgd.Params):
    """The parameters of `pgd`, and how long gradients are remembered."""

    decay: Annotated[Real, Field(ge=0)] = 1.0
    """Share of the momentum kept at every step."""
    random_start: bool = False
    """Whether to start from a random place in the ball."""


class State(NamedTuple):
    """Where each image is, and its momentum."""

    x: Tensor
    momentum: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image, at rest."""
    x = start_at(noise, goal, eps, threat, params.random_start)
    return State(x, tensorflow().zeros_like(x))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Add the gradient to the momentum and step along it."""
    tf = tensorflow()
    scaled = seen.gradient / by_image(tf.maximum(size(seen.gradient, "l1"), 1e-37))
    momentum = params.decay * state.momentum + scaled
    length = bim.step_length(eps, params.step_size, params.steps)
    moved = state.x + by_image(length) * steepest(momentum, threat.norm)
    return State(project(moved, goal.origin, eps, threat.box, threat.norm), momentum)
