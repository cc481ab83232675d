"""A record's metrics and findings as the rows of a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from auditor import catalog
from auditor.core import Expectation, Finding, Metric, MetricInfo, MetricKind, Record, Status
from auditor.report import text
from auditor.report.scale import IntervalBar, interval_bar
from auditor.verdict import interval

_MOST_TOGETHER = 12


@dataclass(frozen=True)
class Judged:
    """What was expected of a metric, and what came of it; `status` is None where nothing was judged."""

    wanted: str
    status: Status | None
    message: str
    bar: IntervalBar | None


@dataclass(frozen=True)
class Row:
    """One metric: its value, what it rests on, its interval, its meaning, and its judgement."""

    name: str
    meaning: str
    value: str
    counted: str
    interval: str
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Measures:
    """The metrics of a record, those expected of first; `members` are single classes or models, folded away."""

    rows: tuple[Row, ...]
    members: tuple[Row, ...]


@dataclass(frozen=True)
class Headline:
    """The one metric that stands for a case in the overview."""

    name: str
    value: str
    counted: str
    bar: IntervalBar | None


def measures(record: Record, promised: Mapping[str, MetricInfo]) -> Measures:
    """Lay out all metrics of a record, and what was expected of metrics that it lacks."""
    metrics = record.evidence.metrics if record.evidence else {}
    expected: dict[str, list[Expectation]] = {}
    for expectation in record.expectations:
        expected.setdefault(expectation.metric, []).append(expectation)
    rows = [_row(name, metrics.get(name), record, promised, demands) for name, demands in expected.items()]
    others = [name for name in metrics if name not in expected]
    folded = {name for name in others if "." in name} if len(metrics) > _MOST_TOGETHER else set()
    rows += [_row(name, metrics[name], record, promised, []) for name in others if name not in folded]
    members = [_row(name, metrics[name], record, promised, []) for name in others if name in folded]
    return Measures(tuple(rows), tuple(members))


def headline(record: Record) -> Headline | None:
    """The metric that decided the verdict, or the first one of a descriptive case."""
    if record.evidence is None or not record.evidence.metrics:
        return None
    metrics = record.evidence.metrics
    decisive = [f.expectation for f in record.verdict.findings if f.status == record.verdict.status]
    for expectation in (*decisive, *record.expectations):
        if expectation.metric in metrics:
            return _headline(record, expectation.metric, expectation)
    return _headline(record, next(iter(metrics)), None)


def _headline(record: Record, name: str, expectation: Expectation | None) -> Headline:
    metric = record.evidence.metrics[name] if record.evidence else None
    if metric is None:
        return Headline(name, text.NO_VALUE, "", None)
    found, _ = _interval(metric, record)
    bar = interval_bar(metric, found, expectation, zoom=False) if found else None
    return Headline(name, text.quantity(metric.kind, metric.value), text.counted(metric), bar)


def _row(
    name: str,
    metric: Metric | None,
    record: Record,
    promised: Mapping[str, MetricInfo],
    demands: list[Expectation],
) -> Row:
    info = catalog.describe(name, promised)
    findings = {f.expectation: f for f in record.verdict.findings}
    kind = metric.kind if metric else info.kind if info else "exact"
    judged = tuple(_judged(demand, findings.get(demand), metric, kind) for demand in demands)
    meaning = info.text if info else ""
    if metric is None:
        return Row(name, meaning, "not measured", "", "", judged)
    _, said = _interval(metric, record)
    return Row(name, meaning, text.quantity(metric.kind, metric.value), text.counted(metric), said, judged)


def _judged(
    demand: Expectation, finding: Finding | None, metric: Metric | None, kind: MetricKind
) -> Judged:
    wanted = text.wanted(kind, demand)
    if finding is None:
        return Judged(wanted, None, "", None)
    bar = None
    if metric is not None and not (math.isnan(finding.low) or math.isnan(finding.high)):
        bar = interval_bar(metric, (finding.low, finding.high), demand, zoom=True)
    return Judged(wanted, finding.status, finding.message, bar)


def _interval(metric: Metric, record: Record) -> tuple[tuple[float, float] | None, str]:
    """A metric's interval and how to say it; a stored record may hold numbers that have none."""
    if not math.isfinite(metric.value):
        return None, ""
    try:
        low, high = interval(metric, record.confidence, record.interval)
    except ValueError as error:
        return None, f"none: {error}"
    if math.isnan(low) or math.isnan(high):
        return None, "none"
    return (low, high), "" if metric.kind == "exact" else text.span(metric.kind, low, high)
