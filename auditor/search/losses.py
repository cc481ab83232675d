"""The objectives of bounded attacks: a loss (N,) of logits (N, K) that rises as an image gets closer to its goal.

Untargeted, the goal is any class but the true one; targeted, it is the target.
"""

from typing import Literal

import numpy as np

from auditor.compute import tensorflow
from auditor.search.objectives import contenders, margin, others
from auditor.values import FloatArray, Tensor, decisive_spread

Loss = Literal["scaled_ce", "ce", "margin", "dlr"]
_TINY = 1e-30  # of logits, which may be on any scale
# A margin of this share of the logits' spread survives the different rounding of other batch shapes, if it is also more
# than the rounding of the two logits themselves: near a boundary with two classes the spread is next to nothing.
_SURE, _ROUNDING = 1e-5, 1e-6
_WIDER, _NARROWER = 4, 0.01  # of the original image's spread: what is out of reach elsewhere, and the least it may be
_USUAL = 1e6  # logits whose spread is that large or small come near to what float32 holds
# More, and the softmax of float32 rounds to 0 and 1; less, and it hardly tells the likeliest rival from the others.
_LEAST_SPREAD, _MOST_SPREAD = 8.0, 30.0


def confidence_scale(logits: FloatArray) -> FloatArray:
    """What brings the logits (N, K) of the original images to a spread of 1: (N,).

    Of the spread that matters: a class that is never near, however far down, makes no other's margin small.
    """
    scale: FloatArray = (1 / np.maximum(decisive_spread(logits), _TINY)).astype(np.float32)
    return scale


def unit(scale: FloatArray) -> FloatArray:
    """What to multiply logits by before anything is computed of them, (N,): 1, but where float32 would run out.

    scale: see `confidence_scale`.
    """
    found: FloatArray = np.where((scale > _USUAL) | (scale < 1 / _USUAL), scale, np.float32(1))
    return found


def loss(
    kind: Loss, logits: Tensor, labels: Tensor, targets: Tensor, scale: Tensor, targeted: bool
) -> tuple[Tensor, Tensor]:
    """Evaluate one of the losses: what to differentiate (N,), and what to compare along the way (N,).

    ce: cross-entropy. margin: the best other logit less the true one (Carlini and Wagner, S&P 2017). dlr: that
    difference over the spread of the largest logits, blind to scale (Croce and Hein, AutoAttack, ICML 2020;
    with two classes, or aimed at one of three, the margin over the original spread). For these the two are one.

    scaled_ce: cross-entropy of logits whose spread is brought to 8 at least and 30 at most at every point, the scale
    not differentiated, so that an overconfident network's gradient doesn't vanish. Its values can't be compared (where
    the spread is fixed, those of two classes are all alike), so the margin, in units of the original image's spread
    (scale, see `confidence_scale`), stands in.
    """
    if kind == "margin":
        objective = goal_margin(logits, labels, targets, targeted)
        return objective, objective
    if kind == "dlr":
        # With two classes the ratio has plateaus, and aimed at one of three it is -1 wherever the aim is the least
        # likely: the spread of the largest logits is then the very difference. Over the original image's spread it
        # is as blind to scale.
        few = logits.shape[1] < (4 if targeted else 3)
        scaled = goal_margin(logits, labels, targets, targeted) * scale
        objective = scaled if few else _dlr(logits, labels, targets, targeted)
        return objective, objective
    tf = tensorflow()
    goal = targets if targeted else labels
    if kind == "scaled_ce":
        ahead = goal_margin(logits, labels, targets, targeted)
        softness = tf.stop_gradient(_softness(logits, ahead, scale))
        entropy = _cross_entropy(logits * softness[:, None], goal)
        return (-entropy if targeted else entropy), ahead * scale
    entropy = _cross_entropy(logits, goal)
    objective = -entropy if targeted else entropy
    return objective, objective


def _softness(logits: Tensor, ahead: Tensor, scale: Tensor) -> Tensor:
    """What brings logits (N, K) to a spread that a softmax can tell apart, (N,).

    Classes out of reach don't count, or the others would be all alike beside them; and no margin (N,) is widened beyond
    that spread.
    """
    tf = tensorflow()
    below = tf.reduce_max(logits, axis=1, keepdims=True) - logits
    spread = tf.reduce_max(tf.where(below > (_WIDER / scale)[:, None], 0.0, below), axis=1)
    spread = tf.maximum(spread, _NARROWER / scale)
    wanted = tf.clip_by_value(spread, _LEAST_SPREAD, _MOST_SPREAD)
    return tf.minimum(wanted / spread, _MOST_SPREAD / tf.maximum(tf.abs(ahead), _TINY))


def _cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Minus the logarithm of the probability of each image's class, with a gradient that is right however sure it is.

    The usual one is softmax less 1 at the class. In float32 that is 0 once the class leads by 17, while those of the
    others aren't: what follows it then raises the rivals, and leaves the class itself where it is.
    """
    tf = tensorflow()
    rest = tf.reduce_logsumexp(others(logits, classes), axis=1)
    return tf.nn.softplus(rest - tf.gather(logits, classes, axis=1, batch_dims=1))


def goal_margin(logits: Tensor, labels: Tensor, targets: Tensor, targeted: bool) -> Tensor:
    """The margin by which the goal is reached (N,): above 0 the attack has succeeded, up to rounding."""
    return margin(logits, targets) if targeted else -margin(logits, labels)


def reached(logits: Tensor, labels: Tensor, targets: Tensor, scale: Tensor, targeted: bool) -> tuple[Tensor, Tensor]:
    """That margin in units of the original image's spread (N,), and whether it is above 0 by more than rounding (N,).

    scale: see `confidence_scale`.
    """
    tf = tensorflow()
    own, other = contenders(logits, targets if targeted else labels)
    ahead = (own - other if targeted else other - own) * scale
    return ahead, ahead > tf.maximum(_SURE, _ROUNDING * tf.maximum(tf.abs(own), tf.abs(other)) * scale)


def rival_margins(
    logits: Tensor, labels: Tensor, targets: Tensor, candidates: int, aimed: bool, targeted: bool
) -> Tensor:
    """The logit of each of the likeliest rivals less that of the true class: (N, R), for attacks that see a Jacobian.

    aimed: of the target alone (R of 1); targeted: over all other classes, since it must win.
    """
    tf = tensorflow()
    if targeted:
        return goal_margin(logits, labels, targets, True)[:, None]
    own = tf.gather(logits, labels, axis=1, batch_dims=1)[:, None]
    if aimed:
        return tf.gather(logits, targets, axis=1, batch_dims=1)[:, None] - own
    rivals = tf.math.top_k(others(logits, labels), min(candidates, logits.shape[1] - 1)).indices
    return tf.gather(logits, rivals, axis=1, batch_dims=1) - own


def _dlr(logits: Tensor, labels: Tensor, targets: Tensor, targeted: bool) -> Tensor:
    tf = tensorflow()
    ordered = tf.math.top_k(logits, min(logits.shape[1], 4)).values
    if targeted:
        own = tf.gather(logits, labels, axis=1, batch_dims=1)
        aim = tf.gather(logits, targets, axis=1, batch_dims=1)
        spread = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
        return (aim - own) / tf.maximum(spread, _TINY)
    spread = ordered[:, 0] - ordered[:, 2]
    return goal_margin(logits, labels, targets, targeted) / tf.maximum(spread, _TINY)
