"""Linear classifiers of random weights, of which the distance to the nearest boundary has a closed form.

An image holds at radius eps exactly if, for every other class, its margin exceeds eps times the dual norm of the
difference of the two classes' weights.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from auditor.compute.backend import tensorflow
from tests.support import SIZE, LinearClassifier

FAR = (-50.0, 50.0)
DUAL = {"linf": 1, "l2": 2, "l1": np.inf}


@dataclass
class Variables:
    """What the weights of all classifiers of so many classes are put in, and whose they are at the time."""

    kernel: Any
    bias: Any
    owner: LinearClassifier | None = None


@cache
def _variables(classes: int) -> Variables:
    tf = tensorflow()
    return Variables(tf.Variable(tf.zeros((SIZE * SIZE, classes))), tf.Variable(tf.zeros(classes)))


@dataclass(frozen=True, eq=False)
class Drawn(LinearClassifier):
    """A linear classifier that is equal to all others of as many classes: what is compiled of one serves them all.

    Compiling an attack takes longer than attacking. The newest one's weights are in force; an older one raises.
    """

    def __post_init__(self) -> None:
        here = _variables(self.class_count)
        here.kernel.assign(self.kernel)
        here.bias.assign(self.bias)
        here.owner = self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Drawn) and other.class_count == self.class_count

    def __hash__(self) -> int:
        return self.class_count

    def forward(self, images: Any) -> Any:
        tf, here = tensorflow(), _variables(self.class_count)
        return tf.matmul(tf.reshape(images, (-1, SIZE * SIZE)), here.kernel) + here.bias

    def predict(self, images: np.ndarray) -> np.ndarray:
        assert _variables(self.class_count).owner is self, "a newer classifier of as many classes has taken its place"
        return super().predict(images)


def linear(seed: int, classes: int) -> LinearClassifier:
    draw = np.random.default_rng(seed)
    return Drawn(
        draw.normal(size=(SIZE * SIZE, classes)).astype(np.float32), draw.normal(size=classes).astype(np.float32)
    )


def images_for(seed: int, count: int = 40) -> np.ndarray:
    return np.random.default_rng(seed + 1).normal(0, 0.3, (count, SIZE, SIZE, 1)).astype(np.float32)


def smallest_distances(classifier: LinearClassifier, images: np.ndarray, labels: np.ndarray, norm: str) -> np.ndarray:
    """Distance of every image to its nearest boundary: (N,)."""
    logits = classifier.predict(images).astype(np.float64)
    kernel = classifier.kernel.astype(np.float64)
    nearest = np.full(len(images), np.inf)
    for other in range(classifier.class_count):
        gap = logits[np.arange(len(images)), labels] - logits[:, other]
        weights = np.linalg.norm(kernel[:, labels] - kernel[:, [other]], ord=DUAL[norm], axis=0)
        nearest = np.where(labels == other, nearest, np.minimum(nearest, gap / np.maximum(weights, 1e-12)))
    return nearest
