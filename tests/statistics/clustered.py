"""Processes whose images come in clusters, with the truth of each, and how often intervals hold it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv
from scipy.stats import t as student

from auditor.statistics import cluster_limits
from auditor.statistics.clusters import sums

Drawn = tuple[np.ndarray, np.ndarray]
"""Values (n,) in [0, 1] and the cluster (n,) of each."""


@dataclass(frozen=True)
class Process:
    """Clusters drawn anew for every audit. truth: the mean over all images there could be."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator], Drawn]


def _binomial(share: Callable[[np.random.Generator, int], np.ndarray], sizes: Callable[..., np.ndarray]):
    def draw(rng: np.random.Generator) -> Drawn:
        each = sizes(rng)
        chances = share(rng, len(each))
        clusters = np.repeat(np.arange(len(each)), each)
        return (rng.random(clusters.size) < chances[clusters]).astype(np.float64), clusters

    return draw


def _beta(mean: float, alike: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Chances of clusters, of which two images agree by `alike` (the correlation within clusters)."""
    total = (1 - alike) / alike
    return lambda rng, count: rng.beta(mean * total, (1 - mean) * total, count)


def _equal(count: int, size: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: np.full(count, size)  # noqa: ARG005


def _uneven(count: int, mean: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda rng: rng.geometric(1 / mean, count)


def _seldom(share: float, good: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """A few clusters on which nothing is right."""
    return lambda rng, count: np.where(rng.random(count) < share, 0.0, good)


def _large_are_hard(rng: np.random.Generator) -> Drawn:
    large = rng.random(40) < 0.25
    each = np.where(large, 30, 6)
    clusters = np.repeat(np.arange(40), each)
    return (rng.random(clusters.size) < np.where(large, 0.7, 0.98)[clusters]).astype(np.float64), clusters


def _graded(rng: np.random.Generator) -> Drawn:
    """Values between 0 and 1 around a level that a cluster shares."""
    level, clusters = rng.beta(8, 2, 25), np.repeat(np.arange(25), 12)
    return rng.beta(8 * level[clusters], 8 * (1 - level[clusters])), clusters


PROCESSES = (
    Process("20 of 10, alike by 0.3, 90% right", 0.9, _binomial(_beta(0.9, 0.3), _equal(20, 10))),
    Process("20 of 10, alike by 0.7, 90% right", 0.9, _binomial(_beta(0.9, 0.7), _equal(20, 10))),
    Process("10 of 50, alike by 0.2, 70% right", 0.7, _binomial(_beta(0.7, 0.2), _equal(10, 50))),
    Process("100 of 20, alike by 0.1, 95% right", 0.95, _binomial(_beta(0.95, 0.1), _equal(100, 20))),
    Process("50 of about 8, alike by 0.3, 90% right", 0.9, _binomial(_beta(0.9, 0.3), _uneven(50, 8))),
    Process("40, of which the large are hard", (7.5 * 0.7 + 4.5 * 0.98) / 12, _large_are_hard),
    Process("30 of 20, one in 20 all wrong", 0.95 * 0.99, _binomial(_seldom(0.05, 0.99), _equal(30, 20))),
    Process("25 of 12, values around a level", 0.8, _graded),
    Process("200 of 1, 90% right", 0.9, _binomial(_seldom(0.0, 0.9), _equal(200, 1))),
)


def independent(values: np.ndarray, clusters: np.ndarray, tail: float) -> tuple[float, float]:
    """As if every image were one of its own."""
    return cluster_limits(values, np.arange(values.size), 0.0, 1.0, tail)


def design_effect(values: np.ndarray, clusters: np.ndarray, tail: float) -> tuple[float, float]:
    """Exact limits at the n that the design effect leaves, for as many degrees of freedom as there are clusters.

    Korn and Graubard, Survey Methodology 1998.
    """
    of_each, sizes = sums(values, clusters)
    n, groups, mean = sizes.sum(), sizes.size, values.mean()
    spread = np.square(of_each - mean * sizes).sum() * groups / (groups - 1) / n**2
    left = mean * (1 - mean) / spread if spread > 0 else float(groups)
    left = min(n, left * (student.ppf(tail, n - 1) / student.ppf(tail, groups - 1)) ** 2)
    hits = mean * left
    low = float(betaincinv(hits, left - hits + 1, tail)) if hits > 0 else 0.0
    return low, float(betaincinv(hits + 1, left - hits, 1 - tail)) if hits < left else 1.0


def bootstrap(values: np.ndarray, clusters: np.ndarray, tail: float) -> tuple[float, float]:
    """Percentiles over 1000 draws of clusters (Field and Welsh, 2007)."""
    of_each, sizes = sums(values, clusters)
    drawn = np.random.default_rng(0).integers(sizes.size, size=(1000, sizes.size))
    means = of_each[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def ours(values: np.ndarray, clusters: np.ndarray, tail: float) -> tuple[float, float]:
    """What is used."""
    return cluster_limits(values, clusters, 0.0, 1.0, tail)


WAYS: Mapping[str, Callable[[np.ndarray, np.ndarray, float], tuple[float, float]]] = {
    "independent": independent,
    "exact at the design effect": design_effect,
    "bootstrap of clusters": bootstrap,
    "used": ours,
}


@dataclass(frozen=True)
class Held:
    """Of how many audits 95% intervals hold the truth, floors that are just not true pass, and ceilings; how wide the
    intervals are on average.
    """

    covered: float
    above: float
    below: float
    width: float


def held(process: Process, way: str, audits: int) -> Held:
    """Draw so many audits, and look; the same ones each time."""
    rng = np.random.default_rng([2026, PROCESSES.index(process)])
    both, one = [], []
    for _ in range(audits):
        values, clusters = process.draw(rng)
        both.append(WAYS[way](values, clusters, 0.025))
        one.append(WAYS[way](values, clusters, 0.05))
    (low, high), (floor, ceiling) = np.array(both).T, np.array(one).T
    inside = (low <= process.truth) & (process.truth <= high)
    above, below = floor > process.truth, ceiling < process.truth
    return Held(float(inside.mean()), float(above.mean()), float(below.mean()), float((high - low).mean()))
