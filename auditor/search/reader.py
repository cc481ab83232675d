"""What an inner layer says of an image's class, by a linear reader that was taught a classifier's answers."""

from collections.abc import Callable
from dataclasses import dataclass

from auditor.compute import tensorflow
from auditor.values import Classifier, FloatArray, Tensor


@dataclass(frozen=True, eq=False)
class Reader:
    """layer: which of the classifier's `layers()` is read; weights: (values, classes), by what."""

    layer: int
    weights: FloatArray

    def of(self, classifier: Classifier) -> Callable[[Tensor], Tensor]:
        """What says of images (N, H, W, C) what it makes of them: (N, classes)."""
        activations = classifier.layers()[self.layer].activations
        return lambda images: tensorflow().matmul(flat(activations(images)), self.weights)


def flat(given: Tensor) -> Tensor:
    """What a layer gives as (N, values)."""
    tf = tensorflow()
    return tf.cast(tf.reshape(given, (tf.shape(given)[0], -1)), tf.float32)
