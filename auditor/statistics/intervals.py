"""The limits of metrics: one face for every kind; pure.

A limit at a tail of 0.05 lies on the wrong side of the truth in at most 5% of audits. What each kind's limits are made
of stands in `auditor.statistics`; here they are joined where several metrics make one:

- of a chosen extreme (the worst class), the side that choosing makes look better is shared among the groups
  (Bonferroni; Hsu, Multiple Comparisons, 1996), the other isn't, as it takes every group to be sure of it (an
  intersection-union test: Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 1982);
- of how far groups lie apart (the best site from the worst), the upper limit takes two of them, whichever these are in
  truth, and they share the risk; the lower one holds for all at once, and every limit has its share (Bonferroni);
- of a difference between metrics of other samples, both share the risk;
- of the radius at which half are broken, from the limits of the shares at each radius, tested in their order. What
  lies between two radii, or beyond the last, nobody has looked at: the lower limit is a radius at which half hold.
"""

import itertools
import math
from collections.abc import Iterable

import numpy as np

from auditor.statistics.binned import binned_limits
from auditor.statistics.clusters import (
    cluster_lengths,
    cluster_limits,
    effective,
    median_cluster_limits,
    pairs_within,
    worth,
)
from auditor.statistics.means import mean_limits
from auditor.statistics.medians import median_limits
from auditor.statistics.pairs import change_limits, tango_limits
from auditor.statistics.ranks import rank_limits
from auditor.statistics.shares import exact_limits, wilson_limits
from auditor.values import FloatArray, IntArray, Metric, at_radii

Limits = tuple[float, float]


def interval(metric: Metric, confidence: float, method: str = "exact") -> Limits:
    """Two-sided, equal-tailed confidence interval of a metric, as (low, high), to describe it with.

    Each end is missed with probability (1 - confidence) / 2. method: `exact`, or `wilson` for score intervals of
    proportions and their paired differences: shorter, right on average over truths, and for no gate, as in places
    they are missed several times as often as they say (Brown, Cai and DasGupta, Statistical Science 2001; Cai, 2005).
    A metric of no samples is unknown: it has the widest interval its bounds allow.
    """
    tail = (1 - confidence) / 2
    if method == "wilson" and metric.n and not clustered(metric):
        if metric.kind == "proportion":
            return wilson_limits(metric.successes or 0, metric.n, tail)
        if metric.kind == "difference":
            return tango_limits(*changes(metric), metric.n, tail)
    return limits(metric, tail)


def limits(metric: Metric, tail: float) -> Limits:
    """The lower and the upper limit of a metric, each missed with probability `tail` at most."""
    if metric.kind == "exact":
        return metric.value, metric.value
    if metric.n == 0:
        return bounds(metric)
    if clustered(metric):
        return _clustered_limits(metric, tail)
    if metric.kind == "proportion":
        return exact_limits(metric.successes or 0, metric.n, tail)
    if metric.kind == "difference":
        return change_limits(*changes(metric), metric.n, tail)
    if metric.kind in ("lowest", "highest"):
        return _extreme_limits(metric, tail)
    if metric.kind == "spread":
        return _spread_limits(metric, tail)
    if metric.kind == "gap":
        return _gap_limits(metric, tail)
    if metric.kind == "crossing":
        return _crossing_limits(metric, tail)
    if metric.kind == "binned":
        return _binned_limits(metric, tail)
    if metric.kind == "auroc":
        return _rank_limits(metric, tail)
    low, high = bounds(metric)
    if metric.values is None or not metric.values.size:
        return low, high  # its values weren't kept, or weren't read
    if metric.kind == "median":
        return median_limits(metric.values, low, high, tail)
    return mean_limits(metric.values, low, high, tail) if bounded(metric) else (-math.inf, math.inf)


def bounded(metric: Metric) -> bool:
    """Whether its values have a least and a greatest one, without which a mean has no limits."""
    return metric.bounds is not None and all(map(math.isfinite, metric.bounds))


def bounds(metric: Metric) -> Limits:
    """The least and the greatest value the metric can have."""
    if metric.kind in ("proportion", "auroc"):
        return 0.0, 1.0
    if metric.kind == "difference":
        return -1.0, 1.0
    if metric.kind in ("lowest", "highest"):
        ends = [bounds(group) for group in metric.groups.values()]
        return min(low for low, _ in ends), max(high for _, high in ends)
    if metric.kind == "spread":
        ends = [bounds(group) for group in metric.groups.values()]
        return 0.0, max(high for _, high in ends) - min(low for low, _ in ends) if len(ends) > 1 else 0.0
    if metric.kind == "gap":
        (least, most), (before_least, before_most) = map(bounds, metric.groups.values())
        return _less(least, before_most, -math.inf), _less(most, before_least, math.inf)
    if metric.kind == "crossing":
        return 0.0, math.inf
    return metric.bounds or (-math.inf, math.inf)


def binned_values(metric: Metric) -> FloatArray:
    """What all bins together hold, (n,)."""
    return np.concatenate([group.values for group in metric.groups.values() if group.values is not None])


def _kept(groups: Iterable[Metric]) -> bool:
    """Whether the values of all groups were kept, and read."""
    return all(group.values is not None and group.values.size for group in groups)


def _clustered_limits(metric: Metric, tail: float) -> Limits:
    """Where samples aren't independent; of which it isn't known which belong together, or whose values weren't kept,
    nothing can be said.
    """
    low, high = bounds(metric)
    values, clusters = metric.values, metric.clusters
    if values is None or clusters is None or clusters.size != values.size:
        return low, high
    if metric.kind == "median":
        return median_cluster_limits(values, clusters, low, high, tail)
    if not (math.isfinite(low) and math.isfinite(high)):
        return -math.inf, math.inf
    return cluster_limits(values, clusters, low, high, tail)


def clustered(metric: Metric) -> bool:
    """Whether some of its samples belong together, or whether that isn't known."""
    clusters = metric.clusters
    return clusters is not None and (clusters.size != metric.n or np.unique(clusters).size < clusters.size)


def independence(metric: Metric) -> tuple[int | None, float | None]:
    """In how many clusters a metric's samples lie, and as how many independent ones they count, by estimate.

    None where all are independent, and 0 clusters where it isn't known which belong together.
    """
    values, clusters = metric.values, metric.clusters
    if clusters is None or not clustered(metric):
        return None, None
    known = values is not None and clusters.size == values.size and metric.kind != "median"
    return len(np.unique(clusters)), effective(values, clusters) if values is not None and known else None


def _binned_limits(metric: Metric, tail: float) -> Limits:
    """Of bins of independent samples, or of clusters, each of which has something in several bins."""
    groups, bins = [group for group in metric.groups.values() if group.n], len(metric.groups)
    if not any(group.clusters is not None for group in groups):
        return binned_limits(metric.value, binned_values(metric), bins, tail)
    if not _kept(groups) or any(_clusters(group).size != group.n for group in groups):
        return bounds(metric)
    lengths, scale = cluster_lengths([(group.values, _clusters(group)) for group in groups if group.values is not None])
    low, high = binned_limits(metric.value / scale, lengths, bins, tail)
    return min(1.0, scale * low), min(1.0, scale * high)


def _clusters(metric: Metric) -> IntArray:
    """The cluster of each of its samples; of independent ones, numbers that no row has."""
    return np.arange(metric.n) - np.iinfo(np.int64).max if metric.clusters is None else metric.clusters


def _rank_limits(metric: Metric, tail: float) -> Limits:
    """Of how often a sample of one group lies above one of the other, by how many independent pairs that is worth.

    Where clusters lie on both sides, pairs of clusters are: each is a block with both its own pairs and those across
    (Hoeffding, 1963, section 5b), and of the clusters half as many blocks are disjoint. What is asked for is of samples
    of different clusters; pairs within one may all lie either way, and limits reach as far as these could have moved
    the mean over all pairs.
    """
    first, second = metric.groups.values()
    if not _kept((first, second)):
        return bounds(metric)
    if first.clusters is None and second.clusters is None:
        return rank_limits(metric.value, metric.n, tail)
    ours, theirs = _clusters(first), _clusters(second)
    within = pairs_within(ours, theirs)
    pairs = min(worth(ours), worth(theirs)) // (2 if within else 1)
    if not pairs or (ours.size, theirs.size) != (first.n, second.n):
        return bounds(metric)
    low, high = rank_limits(metric.value, pairs, tail)
    return max(0.0, (low - within) / (1 - within)), min(1.0, high / (1 - within))


def changes(metric: Metric) -> tuple[int, int]:
    """How many of a difference's pairs fell, and how many rose."""
    values = metric.values if metric.values is not None else np.zeros(0)
    return int((values < 0).sum()), int((values > 0).sum())


# --- several metrics that make one


def _extreme_limits(metric: Metric, tail: float) -> Limits:
    groups = list(metric.groups.values())
    known = [group for group in groups if group.n]
    plain, shared = [limits(group, tail) for group in groups], [limits(group, tail / len(known)) for group in known]
    if metric.kind == "lowest":
        return min(low for low, _ in plain), min(high for _, high in shared)
    return max(low for low, _ in shared), max(high for _, high in plain)


def _spread_limits(metric: Metric, tail: float) -> Limits:
    """Of two groups the one is the best and the other the worst: the upper limit misses only if one of theirs does.

    A group can't be both, so no group's limit is held against its own.
    """
    groups = list(metric.groups.values())
    known = [group for group in groups if group.n]
    if len(groups) < 2:
        return 0.0, 0.0
    pairs = [limits(group, tail / 2) for group in groups]
    most = max(pairs[i][1] - pairs[j][0] for i, j in itertools.permutations(range(len(pairs)), 2))
    shared = [limits(group, tail / (2 * len(known))) for group in known]
    least = max((low for low, _ in shared), default=0.0) - min((high for _, high in shared), default=0.0)
    return max(0.0, least), max(0.0, most)


def _gap_limits(metric: Metric, tail: float) -> Limits:
    now, before = (limits(part, tail / 2) for part in metric.groups.values())
    return _less(now[0], before[1], -math.inf), _less(now[1], before[0], math.inf)


def _less(end: float, other: float, unknown: float) -> float:
    """One end less another; of two that are both out of reach, nothing is known."""
    return unknown if math.isinf(end) and end == other else end - other


def _crossing_limits(metric: Metric, tail: float) -> Limits:
    """A radius is below the truth where surely half or more hold at it, and no less than it where surely fewer do.

    Below the first of the radii half may be broken at any; and past the last at which half hold, at any, too.
    """
    known = [(radius, limits(share, tail)) for radius, share in at_radii(metric)]
    sure = itertools.takewhile(lambda one: one[1][0] >= 0.5, known)
    low = max((radius for radius, _ in sure), default=0.0)
    high = next((radius for radius, (_, most) in known if most < 0.5), math.inf)
    return low, high
