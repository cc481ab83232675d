"""Limits where images come in clusters, such as those of one patient, and only the clusters are independent.

What is asked for is the mean over images, a ratio: what all clusters' values add up to, over how many there are. A
value theta is too high for it where the mean of (a cluster's sum - theta · its size) surely lies below 0. These are
bounded, as no cluster is larger than the largest, so that Gaffke's limit of a mean tells, whatever is common to the
images of one cluster and however the values are distributed: of clusters of one it is the limit of independent images.

An exact limit at the n that a design effect leaves (Kish, Survey Sampling, 1965; Korn and Graubard, Survey Methodology
1998) and a bootstrap of clusters (Field and Welsh, Journal of the Royal Statistical Society B 2007) are shorter, and
both estimate from the clusters at hand how much these differ: of few, or where few in many fail, that is too little,
as `tests/benchmarks/coverage.py` measures. The design effect describes.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.statistics.means import MOST_POINTS, Floats, mean_limits, on_grid, weighted_mean_cdf

_LEAST, _MOST = 1e-300, 1 - 1e-16


def sums(values: NDArray[np.floating], clusters: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """What the values (n,) of each cluster add up to, and how many there are: (G,) each, by clusters' numbers (n,)."""
    _, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    added: Floats = np.bincount(place, np.asarray(values, np.float64)).astype(np.float64)
    return added, sizes.astype(np.float64)


def cluster_limits(
    values: NDArray[np.floating],
    clusters: NDArray[np.integer],
    low: float,
    high: float,
    tail: float,
    copies: float = 1.0,
) -> tuple[float, float]:
    """Limits of the mean of values (n,) within [low, high], each missed with probability `tail`, by clusters (n,).

    One cluster alone says nothing of others: its limits are `low` and `high`. copies: count every cluster so many
    times, as a forecast of more.
    """
    inside = np.clip(np.asarray(values, np.float64), low, high)
    of_each, sizes = sums(inside, clusters)
    if sizes.size < 2:
        return low, high
    if sizes.min() == sizes.max():
        return mean_limits(of_each / sizes, low, high, tail, copies)
    lower = _lower(of_each, sizes, low, tail, copies)
    upper = -_lower(-of_each, sizes, -high, tail, copies)
    return min(max(lower, low), high), min(max(upper, low), high)


def _lower(of_each: Floats, sizes: Floats, least: float, tail: float, copies: float) -> float:
    """The least mean that what was seen isn't rarer under than `tail`."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    mean, most = float(of_each.sum() / sizes.sum()), float(sizes.max())
    pairs, times = np.unique(np.stack([of_each, sizes], axis=1), axis=0, return_counts=True)
    wanted = float(ndtri(tail))

    def off(theta: float) -> float:
        """How far from `tail` it is, as a normal quantile, that the weighted mean lies at 0 or below."""
        points, counts = pairs[:, 0] - theta * pairs[:, 1], times * copies
        floor = (least - theta) * most
        if points.size > MOST_POINTS:
            points, counts = on_grid(np.repeat(points, times), floor, max(float(points.max()), 0.0) + 1e-12, copies)
        reached = weighted_mean_cdf(np.append(points, floor), np.append(counts, 1.0), 0.0)
        return float(ndtri(min(max(reached, _LEAST), _MOST))) - wanted

    if mean <= least or off(mean) <= 0:
        return min(mean, least)
    return float(brentq(off, least, mean, xtol=1e-9, rtol=1e-9))


def median_cluster_limits(
    values: NDArray[np.floating], clusters: NDArray[np.integer], low: float, high: float, tail: float
) -> tuple[float, float]:
    """Limits of the median, by clusters: the values that half of all surely reach, and that half surely don't pass."""
    ordered = np.unique(values)

    def surely(held: NDArray[np.bool_]) -> bool:
        return cluster_limits(held.astype(np.float64), clusters, 0.0, 1.0, tail)[0] >= 0.5

    below = _last(ordered, lambda value: surely(values >= value))
    above = _last(ordered[::-1], lambda value: surely(values <= value))
    return low if below is None else below, high if above is None else above


def _last(ordered: NDArray[np.floating], holds: Callable[[float], bool]) -> float | None:
    """The last of the values for which it holds, where it holds for all up to that one; None if for none."""
    first, end = 0, ordered.size
    while first < end:
        middle = (first + end) // 2
        first, end = (middle + 1, end) if holds(float(ordered[middle])) else (first, middle)
    return float(ordered[first - 1]) if first else None


def cluster_lengths(bins: Sequence[tuple[NDArray[np.floating], NDArray[np.integer]]]) -> tuple[Floats, float]:
    """How long the vector of each cluster is, in the norm that adds absolute values, over the largest cluster: (G,) in
    [0, 1]; and by how much their mean falls short of the mean over all samples.

    bins: values (n,) in [-1, 1] of each bin, with their clusters (n,).
    """
    values, clusters = (np.concatenate([one[side] for one in bins]) for side in (0, 1))
    inside = np.repeat(np.arange(len(bins)), [len(one) for one, _ in bins])
    _, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    vectors = np.bincount(place * len(bins) + inside, values, sizes.size * len(bins)).reshape(sizes.size, -1)
    most = float(sizes.max())
    return np.abs(vectors).sum(axis=1) / most, most * sizes.size / float(sizes.sum())


def worth(clusters: NDArray[np.integer]) -> int:
    """As how many independent samples (n,) by their clusters count, for a bound that holds whatever clusters share.

    A mean that gives every sample the same weight gives no cluster more than the largest has: Chernoff's bound is no
    worse than for as many equal clusters as fit.
    """
    sizes = np.unique(clusters, return_counts=True)[1]
    return int(sizes.sum() // sizes.max()) if sizes.size else 0


def pairs_within(ours: NDArray[np.integer], theirs: NDArray[np.integer]) -> float:
    """Which share of all pairs, of a sample of each side, lies within one cluster; clusters (n,) and (m,)."""
    known, sizes = np.unique(ours, return_counts=True)
    others, counts = np.unique(theirs, return_counts=True)
    _, here, there = np.intersect1d(known, others, return_indices=True)
    return float(sizes[here] @ counts[there]) / (ours.size * theirs.size) if ours.size and theirs.size else 0.0


def effective(values: NDArray[np.floating], clusters: NDArray[np.integer]) -> float:
    """The number of independent samples whose mean would vary as that of values (n,) by clusters does, by estimate.

    n over the design effect (Kish, 1965), from 1 to n; the number of clusters where all values are equal, as then
    nothing tells how alike those of one cluster are.
    """
    of_each, sizes = sums(values, clusters)
    n, groups = float(sizes.sum()), sizes.size
    spread = float(np.var(values))
    if spread <= 0 or groups < 2:
        return float(groups)
    strays = float(np.square(of_each - np.mean(values) * sizes).sum()) * groups / (groups - 1)
    return min(n, max(1.0, spread * n * n / strays)) if strays > 0 else n


def stray(values: NDArray[np.floating], clusters: NDArray[np.integer]) -> float:
    """The standard error of the mean of values (n,), by clusters."""
    of_each, sizes = sums(values, clusters)
    return math.sqrt(float(np.square(of_each - np.mean(values) * sizes).sum())) / float(sizes.sum())
