"""The objectives of ascents. An objective maps images (N, H, W, C) and targets (N,) to one value per image (N,)."""

from collections.abc import Callable
from typing import Literal

from auditor.compute import tensorflow
from auditor.values import Output, Tensor, check_tells_probabilities

_LEAST = -3.4e38  # about the least float32
TargetObjective = Literal["probability", "log_probability", "logit"]
Objective = Callable[[Tensor, Tensor], Tensor]


def towards_target(forward: Callable[[Tensor], Tensor], kind: TargetObjective, output: Output) -> Objective:
    """Ascend towards a target class of `forward`, a function from images to logits (N, K).

    output: what the logits are of, which says what probabilities they mean; raises CheckError where they mean none, and
    they are asked for.
    `probability` saturates: in float32 its gradient is exactly zero once another class is certain enough.
    `log_probability` and `logit` keep a gradient there.
    """
    tf = tensorflow()
    if kind != "logit":
        check_tells_probabilities(output)

    def objective(images: Tensor, targets: Tensor) -> Tensor:
        logits = forward(images)
        if kind == "probability":
            scores = tf.sigmoid(logits) if output == "sigmoid" else tf.nn.softmax(logits)
        elif kind == "log_probability":
            scores = tf.math.log_sigmoid(logits) if output == "sigmoid" else tf.nn.log_softmax(logits)
        else:
            scores = logits
        return tf.gather(scores, targets, axis=1, batch_dims=1)

    return objective


def margin(logits: Tensor, targets: Tensor) -> Tensor:
    """The target's logit less the greatest other logit, (N,): positive where the target wins.

    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017 (objective f6).
    """
    own, other = contenders(logits, targets)
    return own - other


def contenders(logits: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image, the logit of its class (N,) and the greatest of all others (N,)."""
    tf = tensorflow()
    return tf.gather(logits, classes, axis=1, batch_dims=1), tf.reduce_max(others(logits, classes), axis=1)


def others(logits: Tensor, classes: Tensor) -> Tensor:
    """Logits (N, K) with that of each image's class (N,) put below all others, however small or large they are."""
    tf = tensorflow()
    own = tf.one_hot(classes, logits.shape[1], on_value=True, off_value=False)
    return tf.where(own, _LEAST, logits)
