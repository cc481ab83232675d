"""What was found out of a model and its data, of which a spec is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.measuring.suited import commonest_share, near_chance
from auditor.values import FloatArray, IntArray, Metric, Output, Samples, lowest, proportion


@dataclass(frozen=True)
class Found:
    """A model with data that fit it: what a spec says of both, and what it gets right of how many.

    model, data: their entries in a spec. gradients: whether it gives any. logits: (N, K) of the images looked
    at, whose classes are labels (N,). digest: SHA-256 of the model's files; of one that a server has, nothing. notes:
    what whoever reads the spec has to look at. doubts: why nothing is to be claimed, as far as numbers don't show it.
    """

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    samples: Samples
    output: Output
    gradients: bool
    logits: FloatArray
    labels: IntArray
    digest: str
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def accuracy(self) -> Metric:
        """The share of images looked at that are right."""
        return proportion(self.logits.argmax(axis=1) == self.labels)

    @property
    def doubt(self) -> str:
        """Why nothing is to be claimed of it yet, such as that no more are right than by always naming one class."""
        if self.doubts:
            return self.doubts[0]
        right, n = self.accuracy.successes or 0, self.accuracy.n
        most = commonest_share(self.labels)
        if most == 1:
            return f"all {n} images looked at are of one class, so nothing shows that it tells any apart"
        guesses = near_chance(self.logits.argmax(axis=1), self.labels)
        if guesses and right > most * n:
            return f"{right} of {n} images looked at are right, and so few can't tell that from always naming one class"
        return guesses

    @property
    def worst_class(self) -> Metric:
        """The accuracy on the class with the lowest one."""
        right = self.logits.argmax(axis=1) == self.labels
        return lowest({str(c): proportion(right[self.labels == c]) for c in range(self.logits.shape[1])})
