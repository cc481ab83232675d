"""The fast gradient sign method: one step to the edge of the ball.

What it measures
    x + eps · d, with d the direction of norm 1 along which the loss rises most.

Why it matters
    The cheapest attack; what it breaks is not robust at all.

How to read it
    Never a gate: on plain networks it is reported anywhere from 1% to 49% at L∞ 0.3. One step that beats
    many steps is a sign of gradient masking.

References
    Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial Examples, ICLR 2015.
"""

from typing import Literal

from auditor.attacks import bim
from auditor.search import Goal, LossAscent, Seen, ThreatModel, by_image, project, steepest
from auditor.values import Tensor

SEES = "gradient"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")


class Params(LossAscent):
    """One step; there is nothing to set but the loss."""

    steps: Literal[1] = 1
    """Always one."""


start = bim.start


def step(
    state: bim.State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor
) -> bim.State:
    """Step to the edge of the ball."""
    moved = state.x + by_image(eps) * steepest(seen.gradient, threat.norm)
    return bim.State(project(moved, goal.origin, eps, threat.box, threat.norm))
