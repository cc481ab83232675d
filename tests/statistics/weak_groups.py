"""Images with attributes, of which some groups are weak or none is, and how often the intervals of the group that was
found hold its truth: on the half that was searched, and on the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditor.measuring import weakest_groups
from auditor.statistics import limits
from auditor.values import MetricInfo, Samples, in_clusters, proportion

_INFO = {"accuracy": MetricInfo("proportion", "share right", "higher")}
_LEVELS = 4
_GOOD = 0.9


@dataclass(frozen=True)
class World:
    """Images of four attributes of four values each, whose chance to be right is that of their values (4, 4) of the
    first two. alike: images of one cluster, of `each`, share what adds to it.
    """

    name: str
    images: int
    chances: np.ndarray
    each: int = 1

    def truth(self, group: str) -> float:
        """The share that is right of all images of a group there could be."""
        wanted = dict(part.split("=") for part in group.split(", "))
        first, second = (slice(int(wanted[a]), int(wanted[a]) + 1) if a in wanted else slice(None) for a in "ab")
        return float(self.chances[first, second].mean())


def _chances(weak: float, where: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    first, second = np.indices((_LEVELS, _LEVELS))
    return np.where(where(first, second), weak, _GOOD)


WORLDS = (
    World("none is weaker, 300 images", 300, _chances(_GOOD, lambda a, b: a < 0)),  # noqa: ARG005
    World("none is weaker, 1000 images", 1000, _chances(_GOOD, lambda a, b: a < 0)),  # noqa: ARG005
    World("none is weaker, 1000 images of 200 clusters", 1000, _chances(_GOOD, lambda a, b: a < 0), 5),  # noqa: ARG005
    World("one value with 75%, 1000 images", 1000, _chances(0.75, lambda a, b: a == 0)),  # noqa: ARG005
    World("two values together with 60%, 1000 images", 1000, _chances(0.6, lambda a, b: (a == 0) & (b == 0))),
)


@dataclass(frozen=True)
class Held:
    """Of how many audits the 95% interval holds the truth of the group that was found, and floors and ceilings of it
    pass falsely; how often a ceiling does on the half that was searched; the mean error of both; and how often the
    group is really weaker than 90%.
    """

    covered: float
    above: float
    below: float
    below_searched: float
    error: float
    error_searched: float
    weak: float


def held(world: World, audits: int) -> Held:
    """Draw so many audits, and look; the same ones each time."""
    rng = np.random.default_rng([2026, WORLDS.index(world)])
    n, rows = world.images, np.arange(world.images)
    images = rng.random((n, 1, 1, 1)).astype(np.float32)
    found = []
    for audit in range(audits):
        codes = {name: rng.integers(0, _LEVELS, n) for name in "abcd"}
        of = np.arange(n) // world.each
        clusters = dict(zip(rows.tolist(), of.tolist(), strict=True)) if world.each > 1 else None
        chances = world.chances[codes["a"], codes["b"]]
        if clusters:  # a cluster is easy or hard: the mean over clusters stays
            chances = np.where(rng.random(of.max() + 1) < 0.5, 1.0, 2 * _GOOD - 1)[of]
        named = {name: values.astype(str).astype(object) for name, values in codes.items()}
        samples = Samples(images, rng.integers(0, 3, n), rows, (0.0, 1.0), None, "", attributes=named)
        with in_clusters(clusters):
            metric = proportion(rng.random(n) < chances, rows=rows)
        one = weakest_groups({"accuracy": metric}, samples, (), 10, audit, _INFO)["accuracy"]
        truth = world.truth(one.group)
        (low, high), (floor, ceiling) = limits(one.metric, 0.025), limits(one.metric, 0.05)
        errors = one.metric.value - truth, one.by.value - truth
        found.append(
            (
                low <= truth <= high,
                floor > truth,
                ceiling < truth,
                limits(one.by, 0.05)[1] < truth,
                *errors,
                truth < 0.89,
            )
        )
    return Held(*np.array(found, np.float64).mean(axis=0).tolist())
