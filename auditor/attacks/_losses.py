"""What a bounded attack climbs: a loss (N,) of logits (N, K) that rises as an image gets closer to its goal.

Untargeted, the goal is any class but the true one; targeted, it is the target.
"""

from typing import Literal

from auditor.backend import tensorflow
from auditor.core import Tensor

Loss = Literal["scaled_ce", "ce", "margin", "dlr"]
_AWAY = 1e9
_TINY = 1e-12


def loss(kind: Loss, logits: Tensor, labels: Tensor, targets: Tensor, targeted: bool) -> Tensor:
    """Evaluate one of the losses.

    ce: cross-entropy. scaled_ce: cross-entropy of logits brought to a fixed spread image by image, the scale
    not differentiated, so that an overconfident network's gradient doesn't vanish. margin: the best other
    logit less the true one (Carlini and Wagner, S&P 2017). dlr: that difference over the spread of the
    largest logits, blind to scale (Croce and Hein, AutoAttack, ICML 2020; here also for two classes).
    """
    if kind == "margin":
        return lead(logits, labels, targets, targeted)
    if kind == "dlr":
        return _dlr(logits, labels, targets, targeted)
    tf = tensorflow()
    if kind == "scaled_ce":
        spread = tf.reduce_max(logits, axis=1, keepdims=True) - tf.reduce_min(logits, axis=1, keepdims=True)
        # A spread of 10 keeps the softmax of float32 away from 0 and 1, and small differences visible.
        logits = logits * tf.stop_gradient(10.0 / tf.maximum(spread, _TINY))
    goal = targets if targeted else labels
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(goal, logits)
    return -entropy if targeted else entropy


def lead(logits: Tensor, labels: Tensor, targets: Tensor, targeted: bool) -> Tensor:
    """How far the goal leads: above 0 the attack has succeeded, up to rounding. (N,)"""
    tf = tensorflow()
    mine = tf.one_hot(targets if targeted else labels, logits.shape[1], dtype=logits.dtype)
    own = tf.reduce_sum(logits * mine, axis=1)
    other = tf.reduce_max(logits - mine * _AWAY, axis=1)
    return own - other if targeted else other - own


def _dlr(logits: Tensor, labels: Tensor, targets: Tensor, targeted: bool) -> Tensor:
    tf = tensorflow()
    classes = logits.shape[1]
    ordered = tf.math.top_k(logits, min(classes, 4)).values
    if targeted and classes > 3:
        own = tf.gather(logits, labels, axis=1, batch_dims=1)
        aim = tf.gather(logits, targets, axis=1, batch_dims=1)
        spread = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
        return (aim - own) / tf.maximum(spread, _TINY)
    # With two classes there is no third logit; the sum of sizes stands in for a spread that would be the margin.
    spread = ordered[:, 0] - ordered[:, 2] if classes > 2 else tf.reduce_sum(tf.abs(logits), axis=1)
    return lead(logits, labels, targets, targeted) / tf.maximum(spread, _TINY)
