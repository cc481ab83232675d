"""Square attack: random search with squares, without gradients.

What it measures
    From vertical stripes at the edge of the ball, squares of shrinking size at random places are set to plus
    or minus eps, and kept where the margin shrinks. It asks only for scores.

Why it matters
    Gradient masking doesn't stop it. A gradient attack that it beats was broken, not resisted.

How to read it
    Weaker than `apgd` on honest networks, at many more predictions; stronger on networks that hide gradients.

References
    Andriushchenko et al., Square Attack: a query-efficient black-box adversarial attack via random search,
    ECCV 2020.
"""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from auditor.attacks._bounded import Bounded
from auditor.attacks._losses import Loss
from auditor.attacks._norms import by_image, project
from auditor.attacks._search import Goal, Seen, Threat
from auditor.backend import tensorflow
from auditor.core import Tensor
from auditor.fields import Count, Real

GRADIENT = False
NORMS = ("linf",)
# Shares of the query budget (of 10 000) at which the squares' share of the image halves.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


class Params(Bounded):
    """How long to search."""

    steps: Count = 1000
    """How many squares to try."""
    fill: Annotated[Real, Field(gt=0, le=1)] = 0.8
    """Share of the image that the first squares cover."""
    loss: Loss = "margin"
    """What has to rise for a square to be kept."""
    restarts: Literal[1] = 1
    """Always one."""


class State(NamedTuple):
    """The image to try, and the best so far with its loss."""

    x: Tensor
    best: Tensor
    best_value: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: Threat, params: Params) -> State:
    """Stripes of one pixel's width, each plus or minus eps."""
    tf = tensorflow()
    stripes = by_image(eps) * tf.where(noise[:, :1] > 0, 1.0, -1.0)
    x = project(goal.origin + stripes, goal.origin, eps, threat.box, threat.norm)
    return State(x, goal.origin, tf.fill(tf.shape(eps), np.float32(-np.inf)))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: Threat, params: Params, t: Tensor) -> State:
    """Keep the last try if it raised the loss, and try one more square."""
    tf = tensorflow()
    better = seen.value > state.best_value
    best = tf.where(by_image(better), state.x, state.best)
    value = tf.where(better, seen.value, state.best_value)

    height, width, channels = (int(edge) for edge in goal.origin.shape[1:])
    scaled = tf.cast(t, tf.float32) / params.steps * 10_000
    halvings = tf.reduce_sum(tf.cast(scaled > tf.constant(_HALVINGS, tf.float32), tf.float32))
    share = params.fill / tf.pow(2.0, halvings)
    side = tf.round(tf.sqrt(share * height * width))
    side = tf.clip_by_value(side, 1.0, float(min(height, width) - 1 or 1))
    drawn = _uniform(goal.keys, t, 2 + channels)
    inside = _within(drawn[:, 0], side, height)[:, :, None] & _within(drawn[:, 1], side, width)[:, None, :]
    sign = tf.where(drawn[:, None, None, 2:] > 0.5, 1.0, -1.0)
    tried = tf.where(inside[..., None], goal.origin + by_image(eps) * sign, best)
    return State(project(tried, goal.origin, eps, threat.box, threat.norm), best, value)


def _within(drawn: Tensor, side: Tensor, edge: int) -> Tensor:
    """Which of the positions 0 to edge - 1 a square of this side covers, placed by a uniform number: (N, edge)."""
    tf = tensorflow()
    first = tf.floor(drawn * (edge - side + 1))[:, None]
    places = tf.range(edge, dtype=tf.float32)[None, :]
    return (places >= first) & (places < first + side)


def _uniform(keys: Tensor, t: Tensor, count: int) -> Tensor:
    """Uniform numbers (N, count) in [0, 1), those of an image depending on its key and the step alone."""
    tf = tensorflow()

    def draw(key: Tensor) -> Tensor:
        return tf.random.stateless_uniform((count,), tf.random.experimental.stateless_fold_in(key, t))

    return tf.map_fn(draw, keys, fn_output_signature=tf.float32)
