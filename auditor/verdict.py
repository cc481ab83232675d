"""Evidence and expectations to a verdict: a pure function, so that stored evidence can be judged again.

A proportion is judged by its exact (Clopper and Pearson, 1934) or Wilson (1927) interval, a mean by a
bootstrap interval (Efron and Tibshirani, 1993), a median by order statistics (Conover, Practical Nonparametric
Statistics, 1999), an exact number by itself. An expectation passes when the
whole interval satisfies it, fails when the point estimate violates it, and is inconclusive in between.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from auditor.core import Diagnostic, Expectation, Finding, FloatArray, Metric, Status, Verdict

_RESAMPLES = 2000
_MOST_SAMPLES = 10_000_000
_RANK: Mapping[Status, int] = {"pass": 0, "inconclusive": 1, "fail": 2, "error": 3}


def interval(metric: Metric, confidence: float, method: str = "exact") -> tuple[float, float]:
    """Two-sided confidence interval of a metric, as (low, high).

    A metric of no samples is unknown: it has the widest interval its bounds allow.
    """
    if metric.kind == "exact":
        return metric.value, metric.value
    if metric.kind == "proportion":
        if metric.n == 0:
            return 0.0, 1.0
        return _proportion_interval(metric.successes or 0, metric.n, confidence, method)
    return _median_interval(metric, confidence) if metric.kind == "median" else _mean_interval(metric, confidence)


def _proportion_interval(k: int, n: int, confidence: float, method: str) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(k, n).proportion_ci(confidence, method=method)
    return float(found.low), float(found.high)


def _mean_interval(metric: Metric, confidence: float) -> tuple[float, float]:
    from scipy.stats import bootstrap

    low, high = metric.bounds or (-math.inf, math.inf)
    if metric.values is None or metric.n < 2:
        return low, high
    if np.ptp(metric.values) == 0:
        return _constant_interval(metric, metric.n, confidence)
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

    low, high = metric.bounds or (-math.inf, math.inf)
    if metric.values is None or metric.n == 0:
        return low, high
    found = quantile_test(metric.values, q=0.0, p=0.5).confidence_interval(confidence)
    return (low if math.isnan(found.low) else float(found.low)), (high if math.isnan(found.high) else float(found.high))


def _constant_interval(metric: Metric, n: int, confidence: float) -> tuple[float, float]:
    """Interval of the mean of `n` values that all came out as `metric.value`.

    Resampling equal values says "no uncertainty", which n equal draws don't show. Among all variables within
    known bounds a coin flip varies most, so the exact binomial interval is a safe stand-in.
    """
    from scipy.special import betaincinv

    if metric.bounds is None or not metric.bounds[1] > metric.bounds[0]:
        return metric.value, metric.value
    low, high = metric.bounds
    k = n * (metric.value - low) / (high - low)
    tail = (1 - confidence) / 2
    share_low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    share_high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return low + share_low * (high - low), low + share_high * (high - low)


def judge(
    metrics: Mapping[str, Metric],
    expectations: Sequence[Expectation],
    confidence: float,
    method: str = "exact",
    diagnostics: Sequence[Diagnostic] = (),
) -> Verdict:
    """Judge metrics against expectations. Total: every input gives a verdict, and NaN is always an error."""
    findings = tuple(_judge_one(metrics, e, confidence, method, diagnostics) for e in expectations)
    status: Status = max((f.status for f in findings), key=_RANK.__getitem__, default="pass")
    unsound = [d for d in diagnostics if not (d.ok or d.inflates or d.deflates)]
    if not expectations and unsound:
        return Verdict("inconclusive", f"the measurement itself is suspect ({_reasons(unsound)})", findings)
    if not expectations:
        return Verdict("pass", "descriptive: nothing was expected, the evidence was made", findings)
    decisive = [finding.message for finding in findings if finding.status == status]
    return Verdict(status, "; ".join(decisive), findings)


def _reasons(suspect: Sequence[Diagnostic]) -> str:
    return "; ".join(f"{diagnostic.name}: {diagnostic.message}" for diagnostic in suspect)


def _judge_one(
    metrics: Mapping[str, Metric],
    expectation: Expectation,
    confidence: float,
    method: str,
    diagnostics: Sequence[Diagnostic],
) -> Finding:
    name = expectation.metric
    metric = metrics.get(name)
    if metric is None:
        known = ", ".join(metrics) or "none"
        message = f"{name} was not measured (measured: {known})"
        return Finding(expectation, "error", math.nan, math.nan, math.nan, 0, message)
    if metric.n == 0 or not math.isfinite(metric.value):
        why = "there was nothing to measure it on" if metric.n == 0 else f"it came out as {metric.value}"
        message = f"{name} has no value: {why}"
        return Finding(expectation, "error", metric.value, math.nan, math.nan, metric.n, message)
    low, high = interval(metric, confidence, method)
    status = _status(metric.value, low, high, expectation)
    message = _message(metric, low, high, expectation, status, confidence, method)
    suspect = [diagnostic for diagnostic in diagnostics if diagnostic.voids(expectation)]
    if status == "pass" and suspect:
        status, message = "inconclusive", f"{message}, but the measurement itself is suspect ({_reasons(suspect)})"
    return Finding(expectation, status, metric.value, low, high, metric.n, message)


def _status(value: float, low: float, high: float, expectation: Expectation) -> Status:
    floor = -math.inf if expectation.min is None else expectation.min
    ceiling = math.inf if expectation.max is None else expectation.max
    if not floor <= value <= ceiling:
        return "fail"
    return "pass" if floor <= low and high <= ceiling else "inconclusive"


def _message(
    metric: Metric,
    low: float,
    high: float,
    expectation: Expectation,
    status: Status,
    confidence: float,
    method: str,
) -> str:
    if metric.kind == "exact":
        measured = f"{expectation.metric} is {metric.value:.4g}"
    else:
        counted = f"{metric.successes}/{metric.n}" if metric.kind == "proportion" else f"n = {metric.n}"
        span = f"{confidence * 100:g}% interval {low:.4g} to {high:.4g}"
        measured = f"{expectation.metric} is {metric.value:.4g} ({counted}, {span})"
    wanted = str(expectation)
    if status == "pass":
        return f"{measured}: satisfies {wanted}"
    if status == "fail":
        return f"{measured}: violates {wanted}"
    needed = samples_to_settle(metric, expectation, confidence, method)
    if needed:
        hint = f"about {needed} samples would settle it"
    elif metric.n == 1:
        hint = "a single value says nothing about the spread; measure more"
    else:
        hint = "it is too near for any practical number of samples to settle it"
    return f"{measured}: the estimate satisfies {wanted} but the interval reaches past it; {hint}"


def samples_to_settle(metric: Metric, expectation: Expectation, confidence: float, method: str = "exact") -> int | None:
    """Smallest n, to some 1%, at which the same estimate would pass; None if no n below ten million would."""
    if metric.kind == "exact" or metric.n == 0:
        return None
    forecast = _forecast(metric, confidence, method)

    def settled(n: int) -> bool:
        return _status(*forecast(n), expectation) == "pass"

    if settled(metric.n):
        return metric.n
    low, high = metric.n, metric.n
    while not settled(high):
        low, high = high, high * 2
        if high > _MOST_SAMPLES:
            return None
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        if settled(middle):
            high = middle
        else:
            low = middle
    return high


def _forecast(metric: Metric, confidence: float, method: str) -> Callable[[int], tuple[float, float, float]]:
    """Return a function from a number of samples to the (value, low, high) to expect of as many."""
    value = metric.value
    if metric.kind == "proportion":

        def proportion_of(n: int) -> tuple[float, float, float]:
            k = round(value * n)
            return k / n, *_proportion_interval(k, n, confidence, method)

        return proportion_of
    if metric.kind == "median" and metric.values is not None:
        return _median_forecast(metric, metric.values, confidence)
    low, high = _mean_interval(metric, confidence)
    if metric.values is None or metric.n < 2:
        return lambda _: (value, low, high)
    if np.ptp(metric.values) == 0:
        return lambda n: (value, *_constant_interval(metric, n, confidence))

    def mean_of(n: int) -> tuple[float, float, float]:
        shrink = math.sqrt(metric.n / n)
        return value, value - (value - low) * shrink, value + (high - value) * shrink

    return mean_of


def _median_forecast(
    metric: Metric, values: FloatArray, confidence: float
) -> Callable[[int], tuple[float, float, float]]:
    """More samples bring the ranks of the interval's ends closer to the middle of the same values."""
    from scipy.stats import binom

    def median_of(n: int) -> tuple[float, float, float]:
        rank = float(binom.ppf((1 - confidence) / 2, n, 0.5)) / n
        low = float(np.quantile(values, rank, method="lower"))
        return metric.value, low, float(np.quantile(values, 1 - rank, method="higher"))

    return median_of
