"""Decoupled Direction and Norm: the gradient says where, success says how far.

What it measures
    Steps along the gradient of the cross-entropy, each rescaled to a radius that shrinks by a share `gamma`
    where the image is adversarial and grows by it where it isn't; the closest adversarial image is kept.

Why it matters
    It reaches small L2 changes in a hundred gradients, where Carlini and Wagner's attack takes thousands.

How to read it
    L2 only. Compare with `fmn`, its successor, and `fab`; the least of them is the best bound.

References
    Rony et al., Decoupling Direction and Norm for Efficient Gradient-Based L2 Adversarial Attacks and Defenses,
    CVPR 2019.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from auditor.attacks.fmn import annealed
from auditor.compute import tensorflow
from auditor.search import Goal, LossAscent, Seen, ThreatModel, steepest, stretched
from auditor.values import PositiveReal, Real, Tensor

SEES = "gradient"
SEEKS = "distance"
NORMS = ("l2",)


class Params(LossAscent):
    """How large the first ball is, and how fast it changes."""

    first_radius: PositiveReal | None = None
    """Radius of the first ball, in the units of the box; its width if left out."""
    gamma: Annotated[Real, Field(gt=0, lt=1)] = 0.05
    """Share by which the radius shrinks or grows at every step."""


class State(NamedTuple):
    """Where each image is, the change before it was rescaled, and its radius."""

    x: Tensor
    change: Tensor
    radius: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image."""
    tf = tensorflow()
    return State(
        tf.identity(goal.origin), tf.zeros_like(goal.origin), 0 * eps + (params.first_radius or _width(threat))
    )


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Step along the gradient, and rescale to the new radius."""
    tf = tensorflow()
    length = annealed(_width(threat), _width(threat) / 100, t, params.steps)
    change = state.change + length * steepest(seen.gradient, "l2")
    radius = state.radius * tf.where(seen.hit, 1 - params.gamma, 1 + params.gamma)
    x = tf.clip_by_value(goal.origin + stretched(change, radius, "l2"), *threat.box)
    return State(x, x - goal.origin, radius)


def _width(threat: ThreatModel) -> float:
    """The width of the box, which steps are shares of."""
    return threat.box[1] - threat.box[0]
