"""Projected gradient descent: the basic iterative method from random starts.

What it measures
    The steps of `bim`, from a random place in the ball, as often as `restarts` says.

Why it matters
    The standard first-order attack, and the yardstick most published numbers use.

How to read it
    A low success rate says little by itself: compare with `apgd`, which needs no step size, and with
    `square`, which needs no gradient.

References
    Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018.
"""

from auditor.attacks import bim
from auditor.search import Goal, Restarted, ThreatModel, start_at
from auditor.values import Tensor

SEES = "gradient"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")


class Params(bim.Params, Restarted):
    """How many steps, how large, from where."""

    random_start: bool = True
    """Whether to start from a random place in the ball."""


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> bim.State:
    """Start at the image or at random."""
    return bim.State(start_at(noise, goal, eps, threat, params.random_start))


step = bim.step
