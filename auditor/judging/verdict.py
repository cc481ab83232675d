"""Evidence and expectations to a verdict: a pure function, so that stored evidence can be judged again.

An expectation passes when the whole confidence interval satisfies it, fails when the point estimate violates it,
and is inconclusive in between. A bound is a one-sided question, so each is judged by a one-sided limit at the
spec's confidence: a pass is wrong at most that seldom.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from auditor.judging.prospect import samples_to_settle
from auditor.statistics import bounded, bounds, clustered, difference, limits
from auditor.telling.lists import listed
from auditor.telling.numbers import quantity, radius
from auditor.values import (
    DESCRIBED,
    Baseline,
    CheckError,
    Diagnostic,
    Expectation,
    Finding,
    Metric,
    Status,
    Verdict,
    group_metric,
    highest,
    lowest,
    same_name,
    whole,
    worst_of,
)

# Kinds whose value may lie beyond everything that was tried: more than the last radius, farther than anything found.
_OPEN = ("median", "crossing", "lowest", "highest", "gap")
_LIMIT = re.compile(r"at (?:least|most) \S+(?: points)?(?= with )")
_RANK: Mapping[Status, int] = {"descriptive": 0, "pass": 1, "inconclusive": 2, "fail": 3, "error": 4}
# What a pass says of a model that was attacked, and what it doesn't.
_RESISTED = "these attacks, within this budget, found no more"


def judge(
    metrics: Mapping[str, Metric],
    expectations: Sequence[Expectation],
    confidence: float,
    diagnostics: Sequence[Diagnostic] = (),
    baseline: Baseline | None = None,
) -> Verdict:
    """Judge metrics against expectations, at a confidence above one half.

    baseline: what some expectations compare with. Total: every input gives a verdict, and NaN is always an error.
    """
    findings = tuple(_judge_one(metrics, e, confidence, diagnostics, baseline) for e in expectations)
    status: Status = max((f.status for f in findings), key=_RANK.__getitem__, default="descriptive")
    unsound = [d for d in diagnostics if not (d.ok or d.inflates or d.deflates)]
    if status == "descriptive" and unsound:
        return Verdict("inconclusive", f"the measurement itself is suspect ({_reasons(unsound)})", findings)
    if not expectations:
        return DESCRIBED
    decisive = [finding.message for finding in findings if finding.status == status]
    return Verdict(status, "; ".join(decisive), findings)


def _reasons(suspect: Sequence[Diagnostic]) -> str:
    return "; ".join(f"{diagnostic.name}: {diagnostic.message}" for diagnostic in suspect)


def _judge_one(
    metrics: Mapping[str, Metric],
    expectation: Expectation,
    confidence: float,
    diagnostics: Sequence[Diagnostic],
    baseline: Baseline | None,
) -> Finding:
    try:
        metric = _subject(metrics, expectation, baseline)
    except CheckError as error:
        return Finding(expectation, "error", math.nan, math.nan, math.nan, 0, str(error))
    if metric.n == 0 or math.isnan(metric.value) or (math.isinf(metric.value) and metric.kind not in _OPEN):
        why = "there was nothing to measure it on" if metric.n == 0 else f"it came out as {metric.value}"
        message = f"{expectation.subject} has no value: {why}"
        return Finding(expectation, "error", metric.value, math.nan, math.nan, metric.n, message)
    low, high = demanded_limits(metric, expectation, confidence)
    why = expectation.hollow or expectation.unbreakable(*bounds(metric))
    if why:
        told = in_words(metric, expectation)
        message = f"{expectation.subject} is {told}, and {expectation} claims nothing: {why}"
        return Finding(expectation, "descriptive", metric.value, low, high, metric.n, message)
    status = _status(metric.value, low, high, expectation)
    message = _message(metric, low, high, expectation, status, confidence)
    also = baseline.diagnostics if baseline and expectation.versus_baseline else ()
    suspect = [diagnostic for diagnostic in (*diagnostics, *map(_mirrored, also)) if _voids(diagnostic, expectation)]
    if status == "pass" and suspect:
        status, message = "inconclusive", f"{message}, but the measurement itself is suspect ({_reasons(suspect)})"
    elif status == "pass" and any(_is_doubted(diagnostic, expectation) for diagnostic in diagnostics):
        message = f"{message}; {_RESISTED}"
    return Finding(expectation, status, metric.value, low, high, metric.n, message)


def _voids(diagnostic: Diagnostic, expectation: Expectation) -> bool:
    """Whether a pass of this expectation can't be believed."""
    if diagnostic.ok:
        return False
    return not (diagnostic.inflates or diagnostic.deflates) or _is_doubted(diagnostic, expectation)


def _is_doubted(diagnostic: Diagnostic, expectation: Expectation) -> bool:
    """Whether a test asks if this expectation is met only because attacks were weak: if it claims resistance."""
    of_all, asked = whole(expectation.metric), group_metric(expectation.metric)
    names = {of_all, of_all.split(".", 1)[0]}
    if asked is not None and asked.of == "gap":  # which of two groups came out too high, nobody knows
        return not names.isdisjoint((*diagnostic.inflates, *diagnostic.deflates))
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
    asked = group_metric(name)
    every = asked is not None and asked.of == "every"
    if not expectation.versus_baseline:
        return worst_of(metrics[name], expectation.min is not None) if every else metrics[name]
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
        if every:
            return _worst_change(metrics[name], baseline.metrics[name], expectation)
        return difference(metrics[name], baseline.metrics[name])
    except CheckError as error:
        raise CheckError(f"{name} can't be compared with the baseline: {error}") from error


def _worst_change(now: Metric, before: Metric, expectation: Expectation) -> Metric:
    """Of every group what became of it: the group that fell most, or that rose most."""
    if now.groups.keys() != before.groups.keys():
        raise CheckError("the groups are others than they were")
    changes = {name: difference(group, before.groups[name]) for name, group in now.groups.items()}
    return (lowest if expectation.min is not None else highest)(changes)


def demanded_limits(metric: Metric, expectation: Expectation, confidence: float) -> tuple[float, float]:
    """The interval that an expectation is judged by: open to the side it doesn't ask about.

    Where both sides are asked about, each limit is missed with probability 1 - confidence: the union of two such
    questions is answered wrongly no more often than each (Berger and Hsu, Statistical Science 1996). Limits are always
    exact ones, whatever intervals the spec wants to see: a score interval is no one-sided test.
    """
    low, high = limits(metric, 1 - confidence)
    lowest, highest = (metric.value, metric.value) if metric.kind == "exact" else bounds(metric)
    return (lowest if expectation.min is None else low), (highest if expectation.max is None else high)


def _status(value: float, low: float, high: float, expectation: Expectation) -> Status:
    floor = -math.inf if expectation.min is None else expectation.min
    ceiling = math.inf if expectation.max is None else expectation.max
    if not floor <= value <= ceiling:
        return "fail"
    return "pass" if floor <= low and high <= ceiling else "inconclusive"


def _message(
    metric: Metric, low: float, high: float, expectation: Expectation, status: Status, confidence: float
) -> str:
    measured = f"{expectation.subject} is {in_words(metric, expectation)}"
    if metric.kind != "exact":
        told = _limits_in_words(low, high, expectation)
        if status == "fail":
            told = _speaking(metric, expectation, confidence)
        measured += f" ({counted(metric)}, {told} with {confidence * 100:.6g}% confidence)"
    if status == "pass":
        return f"{measured}: satisfies {expectation.in_words}"
    if status == "fail":
        return f"{measured}: violates {expectation.in_words}"
    hint = _hint(metric, expectation, confidence)
    return f"{measured}: the estimate satisfies {expectation.in_words} but the interval reaches past it; {hint}"


def in_words(metric: Metric, expectation: Expectation) -> str:
    """A value as it is held against an expectation; one that lies beyond all that was tried has no number."""
    if math.isfinite(metric.value):
        return quantity(expectation.unit, metric.value, expectation.min, expectation.max)
    if metric.kind == "crossing" and metric.values is not None and metric.values.size:
        return f"more than {radius(metric.values[-1])}, the last radius asked for"
    return "infinite: beyond all that was found" if metric.value > 0 else "minus infinity"


def counted(metric: Metric) -> str:
    """What a metric rests on: `95/100`, or `n = 200`; of an extreme, the group that is it."""
    if clustered(metric) and metric.clusters is not None:
        known = f"in {len(np.unique(metric.clusters))} clusters" if metric.clusters.size else "clusters unknown"
        return f"{counted(replace(metric, clusters=None))} {known}"
    if metric.kind == "proportion":
        return f"{metric.successes}/{metric.n}"
    if metric.kind in ("lowest", "highest"):
        name = next(name for name, group in metric.groups.items() if group.n and group.value == metric.value)
        of = f"; {metric.kind} of {len(metric.groups)}" if len(metric.groups) > 1 else ""
        return f"{name}: {counted(metric.groups[name])}{of}"
    if metric.kind == "spread":
        return " against ".join(_ends(metric))
    if metric.kind == "auroc":
        return " against ".join(f"{group.n} {name}" for name, group in metric.groups.items())
    if metric.kind == "gap":
        now, before = (counted(part) for part in metric.groups.values())
        return f"{now} now, {before} before"
    return f"n = {metric.n}"


def _ends(metric: Metric) -> list[str]:
    """The groups that lie farthest apart, the highest first, with what they rest on."""
    there = {name: group for name, group in metric.groups.items() if group.n}
    ends = (pick(there, key=lambda name: there[name].value) for pick in (max, min))
    return [f"{name}: {counted(there[name])}" for name in ends]


def _limits_in_words(low: float, high: float, expectation: Expectation) -> str:
    least = quantity(expectation.unit, low, least=expectation.min, to="lower")
    most = quantity(expectation.unit, high, most=expectation.max, to="upper")
    if expectation.max is None:
        return f"at least {least}"
    return f"at most {most}" if expectation.min is None else f"{least} to {most}, each"


def _speaking(metric: Metric, expectation: Expectation, confidence: float) -> str:
    """The limit that speaks for a fail: how near the truth may be to what is allowed, not how far from it."""
    low, high = limits(metric, 1 - confidence)
    if expectation.max is not None and metric.value > expectation.max:
        return f"at least {quantity(expectation.unit, low, most=expectation.max, to='lower')}"
    return f"at most {quantity(expectation.unit, high, least=expectation.min, to='upper')}"


def as_told_before(verdict: Verdict) -> Verdict:
    """A verdict in the words of earlier versions, which told the gate's own limit of a fail too."""
    message, findings = verdict.message, []
    for finding in verdict.findings:
        told = finding.message
        if finding.status == "fail":
            told = _LIMIT.sub(_limits_in_words(finding.low, finding.high, finding.expectation), told, count=1)
        message = message.replace(finding.message, told)
        findings.append(replace(finding, message=told))
    return replace(verdict, message=message, findings=tuple(findings))


def _hint(metric: Metric, expectation: Expectation, confidence: float) -> str:
    """What would settle it."""
    alone = _unknown_clusters(metric)
    if alone:
        return alone
    if metric.kind == "mean" and not bounded(metric):
        return (
            "its values have no known bounds, and without any no number of samples says anything about a mean "
            "(Bahadur and Savage, 1956): gate a share or a median instead"
        )
    empty = [name for name, group in metric.groups.items() if not group.n]
    if empty and metric.kind != "binned":
        those = "it" if len(empty) == 1 else "them"
        return f"there are no samples of {listed(empty, 5)}, so that nothing is known of {those}"
    if metric.kind == "mean" and metric.n == 1:
        return "a single value says nothing about the spread; measure more"
    needed = samples_to_settle(metric, expectation, confidence)
    if metric.kind == "crossing" and expectation.min is not None and not needed:
        return (
            "a floor takes a radius, no smaller than it, at which half of the images hold: what lies between two "
            "radii, or past the last, wasn't looked at"
        )
    if needed:
        each = " of every group" if metric.kind in ("lowest", "highest", "auroc") else ""
        return f"about {needed} samples{each} would settle it, nine times in ten if the estimate is right"
    if metric.kind in ("lowest", "highest", "gap", "spread"):
        return "it takes more samples, or fewer groups" if metric.kind != "gap" else "it takes more samples of both"
    return "it is too near for any practical number of samples to settle it"


def _unknown_clusters(metric: Metric) -> str:
    """Why nothing can be inferred from samples that belong together, if it can't."""
    parts = [metric, *metric.groups.values()]
    if any(part.n and part.clusters is not None and part.clusters.size != part.n for part in parts):
        return "it isn't known which of its samples belong together, so that nothing is inferred from them"
    if any(clustered(part) and len(np.unique(part.clusters)) == 1 for part in parts if part.clusters is not None):
        return "all its samples are of one cluster, which says nothing of others: it takes images of more"
    return ""


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
