"""Blocks in this process, several at once, each on one core."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from auditor.compute import at_once, each, free_memory
from auditor.search import block_size
from auditor.spec import Source
from auditor.values import Classifier

# What a block holds while it moves, for each value of its images: activations of all layers. Measured: 400 of the
# example CNN, 650 of ResNet-50.
_BYTES = 800


@dataclass(frozen=True)
class Threads:
    """As many threads as `count` says; if it is 0, as many as this process has cores and memory for."""

    count: int = 0

    def run(
        self, function: Callable[[Classifier, Any], Any], source: Source, classifier: Classifier, tasks: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Give (position, function(classifier, task)) of every task, as it is done."""
        return each(lambda task: function(classifier, task), tasks, self.count or _fitting(classifier))


def _fitting(classifier: Classifier) -> int:
    pixels = prod(classifier.input_shape)
    free = free_memory()
    return at_once() if free is None else max(1, min(at_once(), free // (_BYTES * pixels * block_size(pixels))))
