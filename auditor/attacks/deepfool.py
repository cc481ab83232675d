"""DeepFool: step to the nearest linearised boundary until one is crossed.

What it measures
    At every step each rival class's margin is taken as linear, and the image moves to the nearest boundary by
    the least change in the norm; all changes together are stretched by `overshoot` and clipped to the box.

Why it matters
    It finds small changes in a handful of steps, with no parameter to tune: a cheap first look at distances.

How to read it
    Its distances are upper bounds, and looser than those of `fab` or `fmn`, which go on from there.

References
    Moosavi-Dezfooli, Fawzi and Frossard, DeepFool: a Simple and Accurate Method to Fool Deep Neural Networks,
    CVPR 2016.
"""

from typing import Annotated, NamedTuple

from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import Aimed, Goal, Seen, ThreatModel, by_image, nearest_boundary, straight_step
from auditor.values import Count, Real, Tensor

SEES = "jacobian"
SEEKS = "boundary"
NORMS = ("linf", "l2")


class Params(Aimed):
    """How far to go past a boundary, and how many classes to look at."""

    steps: Count = 50
    """Most steps to take."""
    overshoot: Annotated[Real, Field(ge=0)] = 0.02
    """Share by which the whole change is stretched, to end past the boundary."""
    candidates: Count = 9
    """How many of the likeliest other classes to look at in every step."""


class State(NamedTuple):
    """Where each image is, and the change that brought it there before it was stretched."""

    x: Tensor
    change: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Start at the image."""
    tf = tensorflow()
    return State(tf.identity(goal.origin), tf.zeros_like(goal.origin))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Step to the nearest boundary; an image that has crossed one stays."""
    tf = tensorflow()
    plane = nearest_boundary(state.x, seen, threat.norm)
    # The step starts from where the image would be without the stretch, else the two would cancel out.
    here = tf.clip_by_value(goal.origin + state.change, *threat.box)
    change = state.change + straight_step(plane, here, threat.norm)
    x = tf.clip_by_value(goal.origin + (1 + params.overshoot) * change, *threat.box)
    crossed = by_image(seen.hit)
    return State(tf.where(crossed, state.x, x), tf.where(crossed, state.change, change))
