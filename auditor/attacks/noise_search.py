"""Plain random noise: the floor under every other attack.

What it measures
    At every step one random change as large as the ball allows: each pixel up or down by eps (L∞), or a
    random direction of length eps (L2, L1), clipped to the box.

Why it matters
    What noise breaks isn't robust in any sense, and an attack that does no better than this is broken.

How to read it
    Expect next to nothing. Where it finds as much as a gradient attack, look for masked gradients.

References
    Carlini et al., On Evaluating Adversarial Robustness, 2019 (random noise as a sanity test).
"""

from typing import NamedTuple

from auditor.compute import tensorflow
from auditor.search import Goal, Search, Seen, ThreatModel, by_image, normal, project, size, uniform
from auditor.values import Tensor

SEES = "decision"
SEEKS = "ball"
NORMS = ("linf", "l2", "l1")
_TINY = 1e-12


class Params(Search):
    """How often to try."""


class State(NamedTuple):
    """The image to try."""

    x: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Try the image itself first."""
    return State(tensorflow().identity(goal.origin))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Try another random change."""
    tf = tensorflow()
    if threat.norm == "linf":
        drawn = tf.where(uniform(goal.keys, t, goal.shape) > 0.5, 1.0, -1.0)
    else:
        drawn = normal(goal.keys, t, goal.shape)
        drawn = drawn if threat.norm == "l2" else tf.sign(drawn) * tf.square(drawn)
        drawn /= by_image(tf.maximum(size(drawn, threat.norm), _TINY))
    tried = goal.origin + by_image(eps) * drawn
    return State(project(tried, goal.origin, eps, threat.box, threat.norm))
