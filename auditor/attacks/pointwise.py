"""Pointwise: from salt and pepper that fools the classifier, values are taken back as long as it stays fooled.

What it measures
    Ever more values of the image are set to the ends of the box until the class changes. Then they are taken back,
    large groups first and single ones last, wherever the class stays changed without them; in L1 and L2 what is left
    is then moved half way back, again and again. With questions left, it starts anew from other salt and pepper.

Why it matters
    It asks for decisions alone, so no gradient or score can lead it astray, and it keeps to few values: the attack for
    L0, and for inputs that are nearly black and white, where gradients say little.

How to read it
    Distances are upper bounds; each step is one query. In L0 no single value of what it ends with can be taken back.
    Towards a target it succeeds only where salt and pepper is called the target to begin with. In L2 `fmn` or `fab`
    come closer wherever gradients can be believed.

References
    Schott et al., Towards the First Adversarially Robust Neural Network Model on MNIST, ICLR 2019 (the pointwise
    attack, which takes back values one by one; groups are this package's).
"""

from typing import NamedTuple

from auditor.compute import tensorflow
from auditor.search import Goal, Search, Seen, ThreatModel, by_image, uniform
from auditor.values import Count, Tensor

SEES = "decision"
SEEKS = "distance"
NORMS = ("l0", "l1", "l2")
_LEAST_PULL = 0.25  # of the way back, in L1 and L2: smaller moves gain little for their questions
_GRAINS = (1, 2, 4)


class Params(Search):
    """How much to ask."""

    steps: Count = 1000
    """How many queries for every image."""
    tries: Count = 30
    """How many images of salt and pepper to try at a time, of ever more of it."""


class Walk(NamedTuple):
    """What is taken back of images (N, H, W, C) that fool a classifier, group by group.

    best: the images so far. rank: (N, H, W, C), where each changed value stands among those of its image, from the
    first to the last, -1 where nothing is changed; left: (N,), how many are. place, size: (N,), where the group begins
    that is asked about, and how long it is. taken: (N,), whether this round took anything back. pull: (N,), how far.
    """

    best: Tensor
    rank: Tensor
    left: Tensor
    place: Tensor
    size: Tensor
    taken: Tensor
    pull: Tensor


def walk(best: Tensor, origin: Tensor) -> Walk:
    """Begin to take back what changed: by halves."""
    tf = tensorflow()
    rank, left = _ranked(best, origin)
    zero = tf.zeros_like(left)
    return Walk(best, rank, left, zero, _half(left), zero > 0, tf.ones_like(left, tf.float32))


def without(now: Walk, origin: Tensor) -> Tensor:
    """What to ask about: the best images with the next group taken back."""
    tf = tensorflow()
    first = by_image(now.place)
    group = (now.rank >= first) & (now.rank < first + by_image(now.size))
    pull = by_image(now.pull)
    # Not `best + 1 * (origin - best)`, which rounding may leave beside the origin.
    back = tf.where(pull == 1, origin, now.best + pull * (origin - now.best))
    return tf.where(group, back, now.best)


def answered(now: Walk, asked: Tensor, hit: Tensor, origin: Tensor) -> Walk:
    """Keep what still fools the classifier, hit (N,), and go on: to the next group, or to a round of smaller ones.

    After single values the next round pulls half as far; one that took back whole values is made again.
    """
    tf = tensorflow()
    best = tf.where(by_image(hit), asked, now.best)
    taken, place = now.taken | (hit & (now.left > 0)), now.place + now.size
    over = place >= now.left
    rank, left = _ranked(best, origin)
    single = over & (now.size <= 1)
    further = single & ~(taken & (now.pull == 1))
    size = tf.where(further, _half(left), tf.where(over, _half(now.size), now.size))
    return Walk(
        best,
        tf.where(by_image(over), rank, now.rank),
        tf.where(over, left, now.left),
        tf.where(over, tf.zeros_like(place), place),
        size,
        taken & ~over,
        tf.where(further, now.pull / 2, now.pull),
    )


class State(NamedTuple):
    """The question, whether anything adversarial was found since the last start, how often was tried, and the walk."""

    x: Tensor
    found: Tensor
    tried: Tensor
    walk: Walk


def start(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params) -> State:
    """Ask about the image itself first: a mistake needs no change."""
    tf = tensorflow()
    none = tf.zeros_like(goal.labels, tf.int32)
    return State(tf.identity(goal.origin), none > 0, none, walk(goal.origin, goal.origin))


def step(state: State, seen: Seen, goal: Goal, eps: Tensor, threat: ThreatModel, params: Params, t: Tensor) -> State:
    """Take in the answer; then ask about more salt and pepper, or about less of what was found."""
    tf = tensorflow()
    fresh = seen.hit & ~state.found
    later = answered(state.walk, state.x, seen.hit, goal.origin)
    now = _either(fresh, walk(state.x, goal.origin), later)
    least = 1.0 if threat.norm == "l0" else _LEAST_PULL
    found = (state.found | fresh) & (now.pull >= least)
    tried = tf.where(found, 0, state.tried + 1)
    x = tf.where(by_image(found), without(now, goal.origin), _peppered(goal, threat, params, tried, t))
    return State(x, found, tried, now)


def _peppered(goal: Goal, threat: ThreatModel, params: Params, tried: Tensor, t: Tensor) -> Tensor:
    """Salt and pepper on ever more of the image, in patches of several sizes: fine noise is often called one name."""
    tf = tensorflow()
    height, width, channels = goal.shape
    drawn = uniform(goal.keys, t, (height, width, channels + 1))

    def patches(side: int) -> Tensor:
        coarse = drawn[:, ::side, ::side]
        return tf.repeat(tf.repeat(coarse, side, axis=1), side, axis=2)[:, :height, :width]

    drawn = tf.switch_case(t % len(_GRAINS), [lambda side=side: patches(side) for side in _GRAINS])
    share = by_image(tf.cast((tried - 1) % params.tries + 1, tf.float32) / params.tries)
    low, high = threat.box
    return tf.where(drawn[..., -1:] < share, tf.where(drawn[..., :-1] < 0.5, low, high), goal.origin)


def _ranked(best: Tensor, origin: Tensor) -> tuple[Tensor, Tensor]:
    """The place of each changed value among those of its image, -1 elsewhere; and how many there are (N,)."""
    tf = tensorflow()
    changed = tf.reshape(best != origin, (tf.shape(best)[0], -1))
    counted = tf.cumsum(tf.cast(changed, tf.int32), axis=1)
    rank = tf.where(changed, counted - 1, -1)
    return tf.reshape(rank, tf.shape(best)), counted[:, -1]


def _half(count: Tensor) -> Tensor:
    return tensorflow().maximum((count + 1) // 2, 1)


def _either(first: Tensor, one: Walk, other: Walk) -> Walk:
    """The rows of one walk, where `first` (N,), and of another."""
    tf = tensorflow()
    return Walk(
        *(tf.where(by_image(first) if a.shape.rank > 1 else first, a, b) for a, b in zip(one, other, strict=True))
    )
