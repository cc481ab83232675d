"""How many samples would settle an expectation that those at hand leave open; pure."""

import math
from collections.abc import Callable

import numpy as np

from auditor.statistics import (
    binned_limits,
    binned_values,
    bounded,
    bounds,
    change_limits,
    changes,
    cluster_limits,
    clustered,
    limits,
    mean_limits,
    normal_quantile,
    rank_limits,
    samples_for_power,
    stray,
)
from auditor.values import A_DIFFERENCE, Expectation, Metric, at_radii

_MOST_SAMPLES = 10_000_000
_WANTED = 0.9
"""How probable it is to be that so many samples settle it, if the estimate is the truth; one half is too little."""


def samples_to_settle(metric: Metric, expectation: Expectation, confidence: float) -> int | None:
    """The n from which on the expectation passes nine times in ten if the truth is as estimated; of every group, for an
    extreme of several. None where no n below ten million would do, or none can be told.

    Power goes up and down by a little from one n to the next, so the first n that has it may have a neighbour that
    hasn't: who takes a few more than the number told still has it.
    """
    if metric.kind == "exact" or metric.n == 0 or (clustered(metric) and not _forecastable(metric)):
        return None
    tail = 1 - confidence
    needed = 1.0
    if expectation.min is not None:
        needed = max(needed, _for_floor(metric, expectation.min, tail))
    if expectation.max is not None:
        needed = max(needed, _for_ceiling(metric, expectation.max, tail))
    return max(math.ceil(needed), _smallest(metric)) if needed <= _MOST_SAMPLES else None


def _forecastable(metric: Metric) -> bool:
    """Of clusters, more like those there are say how much more is needed for a share, or a mean of bounded values."""
    known = metric.clusters is not None and metric.values is not None and metric.clusters.size == metric.values.size
    return known and metric.kind in ("proportion", "mean", "difference")


def _smallest(metric: Metric) -> int:
    """It takes no fewer than there are."""
    if metric.kind == "binned":
        return metric.n
    return min((group.n for group in metric.groups.values()), default=metric.n)


def _for_floor(metric: Metric, floor: float, tail: float) -> float:
    if clustered(metric):
        return _shifted(metric, floor, tail, lower=True)
    if metric.kind == "proportion":
        return samples_for_power(metric.value, floor, tail, _WANTED)
    if metric.kind == "median" and metric.values is not None:
        # It is a question about a share: whether at least half of the values reach the floor.
        return samples_for_power(float((metric.values >= floor).mean()), 0.5, tail, _WANTED)
    if metric.kind == "crossing":
        # Half must hold at a radius that is no smaller; where none was asked for, no number of samples shows it.
        at = next((share.value for radius, share in at_radii(metric) if radius >= floor), 0.0)
        return samples_for_power(at, 0.5, tail, _WANTED) if floor > 0 else 1.0
    if metric.kind == "lowest":
        return max(_for_floor(group, floor, tail) if group.n else math.inf for group in metric.groups.values())
    if metric.kind in ("difference", "mean", "binned", "auroc"):
        return _shifted(metric, floor, tail, lower=True)
    return math.inf


def _for_ceiling(metric: Metric, ceiling: float, tail: float) -> float:
    if clustered(metric):
        return _shifted(metric, ceiling, tail, lower=False)
    if metric.kind == "proportion":
        return samples_for_power(1 - metric.value, 1 - ceiling, tail, _WANTED)
    if metric.kind == "median" and metric.values is not None:
        return samples_for_power(float((metric.values <= ceiling).mean()), 0.5, tail, _WANTED)
    if metric.kind == "crossing":
        within = [share.value for radius, share in at_radii(metric) if radius <= ceiling]
        return samples_for_power(1 - min(within), 0.5, tail, _WANTED) if within else math.inf
    if metric.kind == "highest":
        return max(_for_ceiling(group, ceiling, tail) if group.n else math.inf for group in metric.groups.values())
    if metric.kind in ("difference", "mean", "binned", "auroc"):
        return _shifted(metric, ceiling, tail, lower=False)
    return math.inf


def _shifted(metric: Metric, threshold: float, tail: float, lower: bool) -> float:
    """With more of the same values limits come closer; the estimate itself strays, by a known number of its errors."""
    if metric.kind == "mean" and not bounded(metric):
        return math.inf
    spread = _spread(metric)
    if spread is None:
        return math.inf
    stray = normal_quantile(1 - _WANTED) * spread
    limit = _limit_of(metric, tail, 0 if lower else 1)

    def settled(n: int) -> bool:
        slack = stray / math.sqrt(n)
        return limit(n) - slack >= threshold if lower else limit(n) + slack <= threshold

    low = high = metric.n
    while not settled(high):
        low, high = high, high * 2
        if high > _MOST_SAMPLES:
            return math.inf
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def _spread(metric: Metric) -> float | None:
    """The standard deviation of one sample's value, at most; None where values weren't kept."""
    if clustered(metric) and metric.values is not None and metric.clusters is not None:
        return stray(metric.values, metric.clusters) * math.sqrt(metric.n)
    if metric.kind == "auroc":
        return math.sqrt(metric.value * (1 - metric.value))
    values = binned_values(metric) if metric.kind == "binned" else metric.values
    return None if values is None else float(np.std(values))


def _limit_of(metric: Metric, tail: float, side: int) -> Callable[[int], float]:
    """The limit to expect of n samples whose values are as those at hand."""
    if metric.kind == "binned":
        held = binned_values(metric)
        return lambda n: binned_limits(metric.value, held, len(metric.groups), tail, n / metric.n)[side]
    if metric.kind == "auroc":
        return lambda n: rank_limits(metric.value, n, tail)[side]
    if metric.values is None:
        return lambda _: limits(metric, tail)[side]
    if clustered(metric) and metric.clusters is not None:
        held, groups, (least, most) = metric.values, metric.clusters, bounds(metric)
        return lambda n: cluster_limits(held, groups, least, most, tail, n / metric.n)[side]
    values, (low, high) = metric.values, metric.bounds or A_DIFFERENCE
    if metric.kind == "difference":
        fell, rose = changes(metric)
        return lambda n: change_limits(fell, rose, metric.n, tail, n / metric.n)[side]
    return lambda n: mean_limits(values, low, high, tail, n / metric.n)[side]
