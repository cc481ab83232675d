"""Parameters and first moves that bounded attacks share."""

from auditor.attacks._losses import Loss
from auditor.attacks._norms import by_image, project
from auditor.attacks._search import Goal, Threat
from auditor.backend import tensorflow
from auditor.core import Tensor
from auditor.fields import Count, Parameters


class Bounded(Parameters):
    """What every bounded attack has."""

    loss: Loss = "scaled_ce"
    """What the attack climbs: `scaled_ce`, `ce`, `margin` or `dlr`."""
    restarts: Count = 1
    """How many starts; later ones attack only what has held so far."""


def start_at(noise: Tensor, goal: Goal, eps: Tensor, threat: Threat, random: bool) -> Tensor:
    """The origin, or a random place in its ball: noise (N, H, W, C) is spread over the unit ball."""
    if not random:
        return tensorflow().identity(goal.origin)
    return project(goal.origin + noise * by_image(eps), goal.origin, eps, threat.box, threat.norm)
