"""Fast Adaptive Boundary attack: walk along the boundary, drawn towards the original.

What it measures
    Each step goes to the linearised boundary, from where the search is and from the original, and mixes the
    two; past the boundary it backs off towards the original. The closest adversarial image is kept.

Why it matters
    It minimises the change itself, needs no step size or radius, and is blind to the scale of the logits: a
    different kind of attack from those that raise a loss, and a part of AutoAttack for that reason.

How to read it
    With `rivals: 9` it aims at single classes, one gradient a step each (FAB-T); otherwise it looks at
    `candidates` classes in every step. The boundary is linearised where the last step ended rather than
    where the search backed off to: nearer to the boundary, and at half the cost.

References
    Croce and Hein, Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack, ICML 2020.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import Aimed, Goal, Seen, ThreatModel, by_image, nearest_boundary, size, step_to
from auditor.values import Count, Real, Tensor

SEES = "jacobian"
SEEKS = "distance"
NORMS = ("linf", "l2", "l1")
_TINY = 1e-12


class Params(Aimed):
    """How steps are mixed and stretched."""

    alpha_max: Annotated[Real, Field(ge=0, le=1)] = 0.1
    """Greatest share of the step that starts from the original."""
    eta: Annotated[Real, Field(ge=1)] = 1.05
    """How far past the boundary a step goes."""
    beta: Annotated[Real, Field(gt=0, lt=1)] = 0.9
    """Share of the way from the original that is kept when backing off."""
    candidates: Count = 9
    """How many of the likeliest other classes to look at in every step."""


class State(NamedTuple):
    """Where each image is."""

    x: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image."""
    return State(tensorflow().identity(goal.origin))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Back off if the boundary is crossed, and step to it again from both sides."""
    tf = tensorflow()
    origin = goal.origin
    plane = nearest_boundary(state.x, seen, threat.norm)
    here = tf.where(by_image(seen.hit), origin + params.beta * (state.x - origin), state.x)
    own = step_to(plane, here, threat.box, threat.norm)
    home = step_to(plane, origin, threat.box, threat.norm)
    near, far = size(own, threat.norm), size(home, threat.norm)
    share = by_image(tf.minimum(near / tf.maximum(near + far, _TINY), params.alpha_max))
    mixed = (1 - share) * (here + params.eta * own) + share * (origin + params.eta * home)
    return State(tf.clip_by_value(mixed, *threat.box))
