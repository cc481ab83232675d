"""Evidence and expectations to a verdict: a pure function, so that stored evidence can be judged again.

An expectation passes when the whole confidence interval satisfies it, fails when the point estimate violates it,
and is inconclusive in between. A bound is a one-sided question, so each is judged by a one-sided limit at the
spec's confidence: a pass is wrong at most that seldom.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from auditor.comparison import difference
from auditor.core import Diagnostic, FloatArray, Metric
from auditor.errors import CheckError
from auditor.intake import same_name
from auditor.intervals import bounds, changes, constant_interval, difference_interval, interval, share_interval
from auditor.record import Baseline, Expectation, Finding, Status, Verdict

_MOST_SAMPLES = 10_000_000
_RANK: Mapping[Status, int] = {"pass": 0, "inconclusive": 1, "fail": 2, "error": 3}


def judge(
    metrics: Mapping[str, Metric],
    expectations: Sequence[Expectation],
    confidence: float,
    method: str = "exact",
    diagnostics: Sequence[Diagnostic] = (),
    baseline: Baseline | None = None,
) -> Verdict:
    """Judge metrics against expectations, at a confidence above one half.

    baseline: what some expectations compare with. Total: every input gives a verdict, and NaN is always an error.
    """
    findings = tuple(_judge_one(metrics, e, confidence, method, diagnostics, baseline) for e in expectations)
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
    baseline: Baseline | None,
) -> Finding:
    try:
        metric = _subject(metrics, expectation, baseline)
    except CheckError as error:
        return Finding(expectation, "error", math.nan, math.nan, math.nan, 0, str(error))
    if metric.n == 0 or not math.isfinite(metric.value):
        why = "there was nothing to measure it on" if metric.n == 0 else f"it came out as {metric.value}"
        message = f"{expectation.subject} has no value: {why}"
        return Finding(expectation, "error", metric.value, math.nan, math.nan, metric.n, message)
    low, high = limits(metric, expectation, confidence, method)
    status = _status(metric.value, low, high, expectation)
    message = _message(metric, low, high, expectation, status, confidence, method)
    also = baseline.diagnostics if baseline and expectation.versus_baseline else ()
    suspect = [diagnostic for diagnostic in (*diagnostics, *map(_mirrored, also)) if _voids(diagnostic, expectation)]
    if status == "pass" and suspect:
        status, message = "inconclusive", f"{message}, but the measurement itself is suspect ({_reasons(suspect)})"
    return Finding(expectation, status, metric.value, low, high, metric.n, message)


def _voids(diagnostic: Diagnostic, expectation: Expectation) -> bool:
    """Whether a pass of this expectation can't be believed."""
    if diagnostic.ok:
        return False
    if not (diagnostic.inflates or diagnostic.deflates):
        return True
    names = {expectation.metric, expectation.metric.split(".", 1)[0]}
    too_high = expectation.min is not None and not names.isdisjoint(diagnostic.inflates)
    too_low = expectation.max is not None and not names.isdisjoint(diagnostic.deflates)
    return too_high or too_low


def _mirrored(diagnostic: Diagnostic) -> Diagnostic:
    """A doubt about the baseline as one about the difference: what it had too high makes the difference too low."""
    name = f"baseline, {diagnostic.name}"
    return Diagnostic(name, diagnostic.ok, diagnostic.message, diagnostic.deflates, diagnostic.inflates)


def _subject(metrics: Mapping[str, Metric], expectation: Expectation, baseline: Baseline | None) -> Metric:
    """What an expectation is about: a metric, or its difference from the baseline's."""
    name = expectation.metric
    alike = same_name(name, tuple(metrics))
    if name not in metrics and alike:
        several = f"{name} could be any of {len(alike)}, as that many classes have one name"
        raise CheckError(f"{several}; write the one that is meant: {', '.join(alike)}")
    if name not in metrics:
        raise CheckError(f"{name} was not measured (measured: {', '.join(metrics) or 'none'})")
    if not expectation.versus_baseline:
        return metrics[name]
    if baseline is None:
        raise CheckError(
            f"{name} has no baseline to be compared with: give a previous run's records with --audit-baseline, or name "
            "one of the spec's models `baseline`"
        )
    if baseline.mismatch:
        raise CheckError(f"{name} can't be compared with {baseline.source}: {baseline.mismatch}")
    if name not in baseline.metrics:
        raise CheckError(f"the baseline has no {name} (it has: {', '.join(baseline.metrics) or 'none'})")
    try:
        return difference(metrics[name], baseline.metrics[name])
    except CheckError as error:
        raise CheckError(f"{name} can't be compared with the baseline: {error}") from error


def limits(metric: Metric, expectation: Expectation, confidence: float, method: str) -> tuple[float, float]:
    """The interval that an expectation is judged by: open to the side it doesn't ask about.

    Where both sides are asked about, each limit is missed with probability 1 - confidence: the union of two such
    questions is answered wrongly no more often than each (Berger and Hsu, Statistical Science 1996).
    """
    return _opened(metric, expectation, *interval(metric, 2 * confidence - 1, method))


def _opened(metric: Metric, expectation: Expectation, low: float, high: float) -> tuple[float, float]:
    """An interval of a metric, opened to the side that an expectation doesn't ask about."""
    lowest, highest = (metric.value, metric.value) if metric.kind == "exact" else bounds(metric)
    return (lowest if expectation.min is None else low), (highest if expectation.max is None else high)


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
    measured = f"{expectation.subject} is {metric.value:.4g}"
    if metric.kind != "exact":
        counted = f"{metric.successes}/{metric.n}" if metric.kind == "proportion" else f"n = {metric.n}"
        measured += f" ({counted}, {_limits_in_words(low, high, expectation)} with {confidence * 100:.6g}% confidence)"
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


def _limits_in_words(low: float, high: float, expectation: Expectation) -> str:
    if expectation.max is None:
        return f"at least {low:.4g}"
    return f"at most {high:.4g}" if expectation.min is None else f"{low:.4g} to {high:.4g}, each"


def holm(passed: Callable[[float], int], gates: int, confidence: float) -> float:
    """The confidence at which to judge each of `gates` expectations so that all hold together at `confidence`.

    passed: how many of them pass when each is judged at a given confidence. Holm (A simple sequentially rejective
    multiple test procedure, 1979) compares the k-th smallest p-value with risk / (gates - k + 1); judging at the
    strictest level and loosening it by what has passed until nothing more does ends at the same place.
    """
    done = 0
    while done < gates:
        level = 1 - (1 - confidence) / (gates - done)
        now = passed(level)
        if now <= done:
            return level
        done = now
    return confidence


def samples_to_settle(metric: Metric, expectation: Expectation, confidence: float, method: str = "exact") -> int | None:
    """Smallest n, to some 0.1%, at which the same estimate would pass; None if no n below ten million would."""
    if metric.kind == "exact" or metric.n == 0:
        return None
    forecast = _forecast(metric, 2 * confidence - 1, method)

    def settled(n: int) -> bool:
        value, low, high = forecast(n)
        return _status(value, *_opened(metric, expectation, low, high), expectation) == "pass"

    if settled(metric.n):
        return metric.n
    low, high = metric.n, metric.n
    while not settled(high):
        low, high = high, high * 2
        if high > _MOST_SAMPLES:
            return None
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        if settled(middle):
            high = middle
        else:
            low = middle
    return high


def _forecast(metric: Metric, confidence: float, method: str) -> Callable[[int], tuple[float, float, float]]:
    """Return a function from a number of samples to the (value, low, high) to expect of as many."""
    value, tail = metric.value, (1 - confidence) / 2
    if metric.kind == "proportion":

        def proportion_of(n: int) -> tuple[float, float, float]:
            k = round(value * n)
            return k / n, *share_interval(k, n, tail, method)

        return proportion_of
    if metric.kind == "difference":
        fell, rose = (count / metric.n for count in changes(metric))

        def difference_of(n: int) -> tuple[float, float, float]:
            return value, *difference_interval(round(fell * n), round(rose * n), n, tail, method)

        return difference_of
    if metric.kind == "median" and metric.values is not None:
        return _median_forecast(metric, metric.values, confidence)
    low, high = interval(metric, confidence)
    if metric.values is None or metric.n < 2:
        return lambda _: (value, low, high)
    if np.ptp(metric.values) == 0:
        return lambda n: (value, *constant_interval(metric, n, confidence))

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
