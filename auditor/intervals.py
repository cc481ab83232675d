"""Confidence intervals, and the metrics they are for; pure.

A proportion has an exact (Clopper and Pearson, 1934) or a score interval (Wilson, 1927), a mean a bootstrap
interval (Efron and Tibshirani, 1993), a median one between order statistics (Conover, Practical Nonparametric
Statistics, 1999), a paired difference of proportions one made of two exact limits or a score interval (Tango,
Equivalence test and confidence interval for the difference in proportions for the paired-sample design, 1998).
An exact number is itself.
"""

import math

import numpy as np

from auditor.core import Metric

_RESAMPLES = 2000


def interval(metric: Metric, confidence: float, method: str = "exact") -> tuple[float, float]:
    """Two-sided, equal-tailed confidence interval of a metric, as (low, high).

    Each end is missed with probability (1 - confidence) / 2. method: `exact` or `wilson`, for proportions and their
    differences. A metric of no samples is unknown: it has the widest interval its bounds allow.
    """
    if metric.kind == "exact":
        return metric.value, metric.value
    if metric.n == 0:
        return bounds(metric)
    tail = (1 - confidence) / 2
    if metric.kind == "proportion":
        return share_interval(metric.successes or 0, metric.n, tail, method)
    if metric.kind == "difference":
        return difference_interval(*changes(metric), metric.n, tail, method)
    return _median_interval(metric, confidence) if metric.kind == "median" else _mean_interval(metric, confidence)


def bounds(metric: Metric) -> tuple[float, float]:
    """The least and the greatest value the metric can have."""
    if metric.kind == "proportion":
        return 0.0, 1.0
    if metric.kind == "difference":
        return -1.0, 1.0
    return metric.bounds or (-math.inf, math.inf)


def share_interval(k: float, n: int, tail: float, method: str = "exact") -> tuple[float, float]:
    """Limits of k successes in n, each missed with probability `tail`."""
    if method == "wilson":
        z2 = _score(tail) ** 2
        middle, half = k + z2 / 2, math.sqrt(z2) * math.sqrt(k * (n - k) / n + z2 / 4)
        return max(0.0, (middle - half) / (n + z2)), min(1.0, (middle + half) / (n + z2))
    from scipy.special import betaincinv

    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0


def _score(tail: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - tail)


def clean_sweep_needed(floor: float, confidence: float, method: str = "exact") -> int | None:
    """Least n at which n successes of n show a share of at least `floor`; None if no number does.

    That is the best case a gate can have: with fewer samples it can't pass. The limit is one-sided, at `confidence`.
    """
    if floor >= 1:
        return None
    if floor <= 0:
        return 1
    tail = 1 - confidence
    wilson = method == "wilson"
    needed = _score(tail) ** 2 * floor / (1 - floor) if wilson else math.log(tail) / math.log(floor)
    return max(1, math.ceil(needed - 1e-9))


# --- paired differences


def changes(metric: Metric) -> tuple[int, int]:
    """How many of a difference's pairs fell, and how many rose."""
    values = metric.values if metric.values is not None else np.zeros(0)
    return int((values < 0).sum()), int((values > 0).sum())


def difference_interval(fell: int, rose: int, n: int, tail: float, method: str = "exact") -> tuple[float, float]:
    """Limits of the share that rose less the share that fell, among n pairs, each missed with probability `tail`.

    exact: the limits of the two shares, each at half the risk, which can't miss more often than promised whatever
    the truth is, but often less. wilson: Tango's score interval, close to what it promises and shorter.
    """
    if method == "wilson":
        return _tango(fell, rose, n, tail)
    fell_low, fell_high = share_interval(fell, n, tail / 2)
    rose_low, rose_high = share_interval(rose, n, tail / 2)
    return rose_low - fell_high, rose_high - fell_low


def _tango(fell: int, rose: int, n: int, tail: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    z, found = _score(tail), (rose - fell) / n

    def excess(difference: float, sign: float) -> float:
        """How far the estimate lies past `z` standard errors, were `difference` true."""
        linear = (2 * n + fell - rose) * difference - fell - rose
        constant = -fell * difference * (1 - difference)
        falls = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = max((2 * falls + difference * (1 - difference)) / n, 0.0)
        return sign * (found - difference) - z * math.sqrt(variance)

    low = float(brentq(excess, -1.0, found, args=(1.0,))) if found > -1 else -1.0
    high = float(brentq(excess, found, 1.0, args=(-1.0,))) if found < 1 else 1.0
    return low, high


# --- means and medians


def _mean_interval(metric: Metric, confidence: float) -> tuple[float, float]:
    from scipy.stats import bootstrap

    low, high = bounds(metric)
    if metric.values is None or metric.n < 2:
        return low, high
    if np.ptp(metric.values) == 0:
        return constant_interval(metric, metric.n, confidence)
    found = bootstrap(
        (metric.values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=_RESAMPLES,
        method="percentile",
        vectorized=True,
        batch=max(1, 2_000_000 // metric.n),
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(max(found.low, low)), float(min(found.high, high))


def _median_interval(metric: Metric, confidence: float) -> tuple[float, float]:
    """Between two order statistics; a side on which no value is sure enough is unknown."""
    from scipy.stats import quantile_test

    low, high = bounds(metric)
    if metric.values is None:
        return low, high
    found = quantile_test(metric.values, q=0.0, p=0.5).confidence_interval(confidence)
    return (low if math.isnan(found.low) else float(found.low)), (high if math.isnan(found.high) else float(found.high))


def constant_interval(metric: Metric, n: int, confidence: float) -> tuple[float, float]:
    """Interval of the mean of `n` values that all came out as `metric.value`.

    Resampling equal values says "no uncertainty", which n equal draws don't show. Among all variables within
    known bounds a coin flip varies most, so the exact binomial interval is a safe stand-in.
    """
    if metric.bounds is None or not metric.bounds[1] > metric.bounds[0]:
        return metric.value, metric.value
    low, high = metric.bounds
    share_low, share_high = share_interval(n * (metric.value - low) / (high - low), n, (1 - confidence) / 2)
    return low + share_low * (high - low), low + share_high * (high - low)
