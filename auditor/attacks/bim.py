"""The basic iterative method: projected gradient descent from the image itself.

What it measures
    The steps of `pgd` without a random start.

Why it matters
    It is deterministic, and shows whether a random start makes a difference.

How to read it
    Weaker than `pgd` where the loss is flat around the image, as after training against single steps.

References
    Kurakin, Goodfellow and Bengio, Adversarial Examples in the Physical World, ICLR workshop 2017.
"""

from typing import Literal

from auditor.attacks import pgd
from auditor.attacks._bounded import Bounded, start_at
from auditor.attacks._search import Goal, Threat
from auditor.core import Tensor
from auditor.fields import Count, PositiveReal

GRADIENT = True


class Params(Bounded):
    """How many steps, how large."""

    steps: Count = 40
    """How many steps."""
    step_size: PositiveReal | None = None
    """Length of one step in the threat model's norm; 2.5 · eps / steps if left out."""
    restarts: Literal[1] = 1
    """Always one: it has no random start."""


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: Threat, params: Params) -> pgd.State:
    """Start at the image."""
    return pgd.State(start_at(noise, goal, eps, threat, random=False))


step = pgd.step
