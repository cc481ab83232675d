"""The list of structures: a function each, under its name, with what a spec and a plain user have to know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests.differential.task import Task

Array = NDArray[Any]


@dataclass(frozen=True)
class Structure:
    """One network and how it is written into a spec.

    build: makes it. output: what a spec declares. task: what it learns. preprocessing: what a spec says stands before
    it, and feed what a plain user does in its place. kinds: whether it is attacked in a ball, or step by step to a
    class. attack: the one in the ball. eps: the ball's radius, as a share of the box; the greater leaves nothing
    holding, which spares the tell-tale tests. formats: what else it is written as, which is attacked in the ball alone.
    """

    build: Callable[[Task], Any]
    output: str = "probabilities"
    task: Task = field(default_factory=Task)
    preprocessing: Mapping[str, Any] | None = None
    feed: Callable[[Array], Array] = lambda images: images
    kinds: tuple[Literal["ball", "flip"], ...] = ("ball", "flip")
    attack: Literal["pgd", "apgd"] = "apgd"
    eps: float = 0.4
    formats: tuple[str, ...] = ()

    def probabilities(self, raw: Array) -> Array:
        """What the outputs of a plain call (N, n) say of each class: (N, classes)."""
        raw = np.asarray(raw, np.float64)
        if self.output == "probabilities":
            return raw
        if self.output == "sigmoid":
            return np.column_stack([1 - raw, raw]) if raw.shape[1] == 1 else raw
        odds = np.exp(raw - raw.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


STRUCTURES: dict[str, Structure] = {}


def structure(**what: Any) -> Callable[[Callable[[Task], Any]], Callable[[Task], Any]]:
    """Put a function that builds a network on the list."""

    def listed(build: Callable[[Task], Any]) -> Callable[[Task], Any]:
        STRUCTURES[build.__name__] = Structure(build, **what)
        return build

    return listed
