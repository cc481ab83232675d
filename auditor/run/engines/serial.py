"""Blocks one after the other, in this process."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from auditor.spec import Source
from auditor.values import Classifier


def run(
    function: Callable[[Classifier, Any], Any], source: Source, classifier: Classifier, tasks: Sequence[Any]
) -> Iterator[tuple[int, Any]]:
    """Give (position, function(classifier, task)) of every task."""
    for position, task in enumerate(tasks):
        yield position, function(classifier, task)
