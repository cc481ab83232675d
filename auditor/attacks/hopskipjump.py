"""HopSkipJump: walk along the boundary knowing nothing but the classifier's decisions.

What it measures
    From random noise that is adversarial, a bisection finds the boundary; there random probes estimate its
    direction, a step is taken along it and halved until it is adversarial, and the bisection starts again.

Why it matters
    Whoever can only ask a service for its answers can do this. Nothing about gradients or scores can stop it.

How to read it
    Its distances are upper bounds that shrink with `steps`, of which each is one query. Many queries are
    needed to come near `fmn` or `fab`; if it comes closer than they do, gradients are masked. Towards a target it
    succeeds only where noise is called the target to begin with.

References
    Chen, Jordan and Wainwright, HopSkipJumpAttack: A Query-Efficient Decision-Based Attack, S&P 2020.
"""

import math
from functools import lru_cache
from typing import NamedTuple

from auditor.compute import tensorflow
from auditor.search import Goal, Norm, Search, Seen, ThreatModel, by_image, normal, size, steepest, uniform
from auditor.values import Count, Tensor

SEES = "decision"
SEEKS = "distance"
NORMS = ("linf", "l2")
_TRY, _BISECT, _PROBE, _STRIDE = range(4)
_BISECTIONS, _STRIDES = 12, 8
_PROBE_SHARE = 0.02
_GRAINS = (1, 2, 4, 8)
_TINY = 1e-12


class Params(Search):
    """How much to ask."""

    steps: Count = 5000
    """How many queries for every image."""
    first_probes: Count = 50
    """How many probes the first estimate takes; later ones take more, as the square root of their number."""
    tries: Count = 50
    """How many noise images to try before giving up."""


class State(NamedTuple):
    """x: the question. found: whether anything adversarial was. end: the adversarial end of the bisection; low, high:
    the shares of the way there that hold the boundary. edge: the adversarial image nearest to it. towards, probes,
    answers, count: sums over the probes of answer times direction, direction, answer, one. stride: how far to
    go; gone: whether a stride was adversarial.
    """

    x: Tensor
    found: Tensor
    end: Tensor
    low: Tensor
    high: Tensor
    edge: Tensor
    towards: Tensor
    probes: Tensor
    answers: Tensor
    count: Tensor
    stride: Tensor
    gone: Tensor


@lru_cache
def schedule(steps: int, first_probes: int, tries: int) -> tuple[tuple[int, int, int], ...]:
    """For every step up to and with the last look: what is asked, in which round, and its place in that phase."""
    rows = [(_TRY, 0, i) for i in range(tries)] + [(_BISECT, 0, i) for i in range(_BISECTIONS)]
    number = 1
    while len(rows) <= steps:
        for kind, length in (
            (_PROBE, round(first_probes * math.sqrt(number))),
            (_STRIDE, _STRIDES),
            (_BISECT, _BISECTIONS),
        ):
            rows += [(kind, number, i) for i in range(length)]
        number += 1
    return tuple(rows[: steps + 1])


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Ask about the image itself first: a mistake needs no change."""
    tf = tensorflow()
    x, still, zero = tf.identity(goal.origin), tf.zeros_like(goal.origin), tf.zeros_like(eps)
    no = tf.zeros_like(eps, tf.bool)
    return State(x, no, x, zero, zero, x, still, still, zero, zero, zero, no)


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Take in the answer, and ask the next question."""
    tf = tensorflow()
    kinds, rounds, places = (
        tf.constant(column) for column in zip(*schedule(params.steps, params.first_probes, params.tries), strict=True)
    )
    take = (_take_try, _take_bisection, _take_probe, _take_stride)
    state = tf.switch_case(kinds[t], [lambda f=f: f(state, seen, goal, threat) for f in take])
    begins = places[t + 1] == 0

    def ask_try() -> State:
        low, high = threat.box
        return state._replace(x=low + (high - low) * _grain(uniform(goal.keys, t, goal.shape), t))

    def ask_bisection() -> State:
        fresh = state._replace(
            low=tf.where(begins, 0.0, state.low),
            high=tf.where(begins, 1.0, state.high),
            edge=tf.where(begins, state.end, state.edge),
        )
        return fresh._replace(x=_between(goal.origin, fresh.end, (fresh.low + fresh.high) / 2, threat.norm))

    def ask_probe() -> State:
        kept = tf.where(begins, 0.0, 1.0)
        sums = ("towards", "probes", "answers", "count")
        drawn = steepest(normal(goal.keys, t, goal.shape), "l2")
        x = state.edge + by_image(_reach(state, goal)) * drawn
        cleared = {name: getattr(state, name) * kept for name in sums}
        return state._replace(x=tf.clip_by_value(x, *threat.box), **cleared)

    def ask_stride() -> State:
        whole = size(state.edge - goal.origin, threat.norm) / tf.sqrt(tf.cast(rounds[t + 1], tf.float32))
        stride = tf.where(begins, whole, state.stride / 2)
        x = state.edge + by_image(stride) * steepest(_direction(state), threat.norm)
        return state._replace(x=tf.clip_by_value(x, *threat.box), stride=stride, gone=state.gone & ~begins)

    after: State = tf.switch_case(kinds[t + 1], [ask_try, ask_bisection, ask_probe, ask_stride])
    return after


def _take_try(state: State, seen: Seen, goal: Goal, threat: ThreatModel) -> State:
    tf = tensorflow()
    first = seen.hit & ~state.found
    end = tf.where(by_image(first), state.x, state.end)
    return state._replace(end=end, edge=end, found=state.found | seen.hit)


def _take_bisection(state: State, seen: Seen, goal: Goal, threat: ThreatModel) -> State:
    tf = tensorflow()
    middle = (state.low + state.high) / 2
    return state._replace(
        low=tf.where(seen.hit, state.low, middle),
        high=tf.where(seen.hit, middle, state.high),
        edge=tf.where(by_image(seen.hit), state.x, state.edge),
    )


def _take_probe(state: State, seen: Seen, goal: Goal, threat: ThreatModel) -> State:
    tf = tensorflow()
    answer = tf.where(seen.hit, 1.0, -1.0)
    # What was asked, not what was drawn: the box may have cut it.
    direction = (state.x - state.edge) / by_image(tf.maximum(_reach(state, goal), _TINY))
    return state._replace(
        towards=state.towards + by_image(answer) * direction,
        probes=state.probes + direction,
        answers=state.answers + answer,
        count=state.count + 1,
    )


def _take_stride(state: State, seen: Seen, goal: Goal, threat: ThreatModel) -> State:
    tf = tensorflow()
    first = seen.hit & ~state.gone
    # Where no stride is adversarial, the last edge stays the end.
    start = tf.where(by_image(state.gone), state.end, state.edge)
    return state._replace(end=tf.where(by_image(first), state.x, start), gone=state.gone | seen.hit)


def _direction(state: State) -> Tensor:
    """Where answers turn adversarial: the mean of answer times direction, less what the mean answer explains."""
    tf = tensorflow()
    average = state.answers / tf.maximum(state.count, 1.0)
    mixed = tf.abs(average) < 1
    return state.towards - by_image(tf.where(mixed, average, 0.0)) * state.probes


def _grain(noise: Tensor, t: Tensor) -> Tensor:
    """Noise in patches, coarser from try to try: a network calls all fine noise by one name."""
    tf = tensorflow()
    height, width = int(noise.shape[1]), int(noise.shape[2])

    def patches(side: int) -> Tensor:
        coarse = noise[:, ::side, ::side]
        return tf.repeat(tf.repeat(coarse, side, axis=1), side, axis=2)[:, :height, :width]

    return tf.switch_case(t % len(_GRAINS), [lambda side=side: patches(side) for side in _GRAINS])


def _reach(state: State, goal: Goal) -> Tensor:
    """L2 length of a probe, (N,)."""
    return _PROBE_SHARE * size(state.edge - goal.origin, "l2")


def _between(origin: Tensor, end: Tensor, share: Tensor, norm: Norm) -> Tensor:
    """The image at this share of the way, which in L∞ is the end clipped to a smaller ball."""
    tf = tensorflow()
    change = end - origin
    if norm == "l2":
        return origin + by_image(share) * change
    radius = by_image(share * size(change, "linf"))
    return origin + tf.clip_by_value(change, -radius, radius)
