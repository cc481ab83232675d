"""Square attack: random search with squares, without gradients.

What it measures
    L∞: from vertical stripes at the edge of the ball, squares of shrinking size at random places are set to
    plus or minus eps. L2: from a pattern of small mounds, the budget of one square moves to another. Each
    change is kept where the margin rises. It asks only for scores.

Why it matters
    Gradient masking doesn't stop it. A gradient attack that it beats was broken, not resisted.

How to read it
    Weaker than `apgd` on honest networks, at many more predictions; stronger on networks that hide gradients.

References
    Andriushchenko et al., Square Attack: a query-efficient black-box adversarial attack via random search,
    ECCV 2020.
"""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from auditor.compute import tensorflow
from auditor.search import Goal, Loss, Search, Seen, ThreatModel, by_image, project, size, stretched, uniform
from auditor.values import Count, Real, Tensor

SEES = "score"
SEEKS = "ball"
NORMS = ("linf", "l2")
# Shares of the query budget (of 10 000) at which the squares' share of the image halves.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_TINY = 1e-12
_WIDEST = 1000  # pixels; further out a mound is as flat as makes no difference


class Params(Search):
    """How long to search."""

    steps: Count = 1000
    """How many squares to try."""
    fill: Annotated[Real, Field(gt=0, le=1)] = 0.8
    """Share of the image that the first squares cover."""
    loss: Loss = "margin"
    """What has to rise for a square to be kept."""

    @property
    def value(self) -> Loss:
        """The loss that it is shown."""
        return self.loss


class State(NamedTuple):
    """The image to try, and the best so far with its loss."""

    x: Tensor
    best: Tensor
    best_value: Tensor


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """L∞: stripes of one pixel's width, each plus or minus eps. L2: five by five pairs of mounds."""
    tf = tensorflow()
    if threat.norm == "linf":
        pattern = by_image(eps) * tf.where(noise[:, :1] > 0, 1.0, -1.0)
    else:
        pattern = stretched(_grid(goal), eps, "l2")
    x = project(goal.origin + pattern, goal.origin, eps, threat.box, threat.norm)
    return State(x, goal.origin, tf.fill(tf.shape(eps), np.float32(-np.inf)))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Keep the last try if it raised the loss, and try one more square."""
    tf = tensorflow()
    better = seen.value > state.best_value
    best = tf.where(by_image(better), state.x, state.best)
    value = tf.where(better, seen.value, state.best_value)

    height, width, channels = goal.shape
    scaled = tf.cast(t, tf.float32) / params.steps * 10_000
    halvings = tf.reduce_sum(tf.cast(scaled > tf.constant(_HALVINGS, tf.float32), tf.float32))
    side = tf.round(tf.sqrt(params.fill / tf.pow(2.0, halvings) * height * width))
    side = tf.clip_by_value(side, 1.0, float(min(height, width) - 1 or 1))
    drawn = uniform(goal.keys, t, (5 + channels,))
    sign = tf.where(drawn[:, None, None, 5:] > 0.5, 1.0, -1.0)
    if threat.norm == "linf":
        inside = _window(drawn[:, 0], drawn[:, 1], side, height, width)
        tried = tf.where(inside, goal.origin + by_image(eps) * sign, best)
    else:
        side = tf.minimum(tf.maximum(2 * tf.floor(side / 2) + 1, 3.0), float(min(height, width)))
        tried = goal.origin + _moved_budget(best - goal.origin, eps, drawn, side, sign)
    return State(project(tried, goal.origin, eps, threat.box, threat.norm), best, value)


def _within(drawn: Tensor, side: Tensor, edge: int) -> tuple[Tensor, Tensor]:
    """Of positions 0 to edge - 1, their places in a stretch of length `side` that a uniform number puts somewhere,
    and which of them it covers: (N, edge) each.
    """
    tf = tensorflow()
    # Rounding meets the two ends half as often as any other place: little hangs on an image's very edge.
    first = tf.round(drawn * (edge - side))[:, None]
    places = tf.range(edge, dtype=tf.float32)[None, :] - first
    return places, (places >= 0) & (places < side)


def _window(down: Tensor, across: Tensor, side: Tensor, height: int, width: int) -> Tensor:
    """Which pixels a square covers: (N, H, W, 1)."""
    rows, columns = _within(down, side, height)[1], _within(across, side, width)[1]
    return (rows[:, :, None] & columns[:, None, :])[..., None]


# --- L2: the published pattern is two mounds of opposite sign, side by side


def _moved_budget(change: Tensor, eps: Tensor, drawn: Tensor, side: Tensor, sign: Tensor) -> Tensor:
    """Empty one square and put its budget, and what was unused, into a mound in another."""
    tf = tensorflow()
    height, width, channels = (int(edge) for edge in change.shape[1:])
    target = tf.cast(_window(drawn[:, 0], drawn[:, 1], side, height, width), tf.float32)
    source = tf.cast(_window(drawn[:, 2], drawn[:, 3], side, height, width), tf.float32)
    down, across = _within(drawn[:, 0], side, height)[0], _within(drawn[:, 1], side, width)[0]
    upright = drawn[:, 4, None, None] > 0.5
    rows, columns = down[:, :, None], across[:, None, :]
    mounds = tf.where(upright, _mounds(rows, columns, side), _mounds(columns, rows, side))[..., None] * target
    inside = change * target
    shape = _unit(sign * _unit(mounds) + _unit(inside))
    unused = tf.maximum(tf.square(eps) - tf.square(size(change, "l2")), 0.0)
    both = tf.maximum(target, source)
    budget = by_image(unused) / channels + tf.reduce_sum(tf.square(change * both), axis=(1, 2), keepdims=True)
    kept = change * (1 - both)
    return stretched(kept + shape * tf.sqrt(budget), eps, "l2")


def _unit(change: Tensor) -> Tensor:
    """Every channel of a change brought to an L2 norm of 1; one of zero stays."""
    tf = tensorflow()
    return change / tf.maximum(tf.sqrt(tf.reduce_sum(tf.square(change), axis=(1, 2), keepdims=True)), _TINY)


def _mounds(rows: Tensor, columns: Tensor, side: Tensor) -> Tensor:
    """Two mounds of opposite sign, one above the other, filling a square: of places (N, H, 1) and (N, 1, W)."""
    tf = tensorflow()
    half = tf.floor(side / 2)
    upper = rows < half
    top = _mound(rows, columns, half, side)
    bottom = _mound(rows - half, columns, side - half, side)
    return tf.where(upper, top, -bottom)


def _mound(rows: Tensor, columns: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """A sum of squares around one centre, of weights 1, 1/4, 1/9 and so on as they grow."""
    tf = tensorflow()
    middle, centre = tf.floor(height / 2), tf.floor(width / 2)
    ring = tf.maximum(tf.abs(rows - middle), tf.abs(columns - centre))
    sums = tf.constant(np.concatenate([[0.0], np.cumsum(1 / np.arange(1, _WIDEST) ** 2)]), tf.float32)
    count = tf.maximum(middle, centre) + 1
    outermost = tf.gather(sums, tf.cast(tf.minimum(count, _WIDEST - 1.0), tf.int32))
    return tf.maximum(outermost - tf.gather(sums, tf.cast(tf.minimum(ring, _WIDEST - 1.0), tf.int32)), 0.0)


def _grid(goal: Goal) -> Tensor:
    """Pairs of mounds a fifth of the image wide, side by side, each with a direction and, for every channel,
    a sign of its own: (N, H, W, C).

    The grid is centred and has whole tiles only. Budget at the very edge of an image does little there, and is slow
    to come away: few windows reach it.
    """
    tf = tensorflow()
    height, width, channels = goal.shape
    side = max(1, min(height, width) // 5)
    down, across = height // side, width // side
    # Step -1: no step draws the same numbers.
    drawn = uniform(goal.keys, tf.constant(-1), (down, across, 1 + channels)) > 0.5
    places = tf.range(side, dtype=tf.float32)
    upright = _mounds(places[None, :, None], places[None, None, :], tf.constant(float(side)))
    lying = tf.transpose(upright, (0, 2, 1))
    pairs = tf.where(drawn[..., 0, None, None], upright, lying)[..., None]
    signs = tf.where(drawn[..., None, None, 1:], 1.0, -1.0)
    tiles = tf.transpose(pairs * signs, (0, 1, 3, 2, 4, 5))
    whole = tf.reshape(tiles, (-1, down * side, across * side, channels))
    margins = [((edge % side) // 2, (edge % side + 1) // 2) for edge in (height, width)]
    return tf.pad(whole, ((0, 0), *margins, (0, 0)))
