"""A record's metrics and findings as the rows of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from auditor import catalog
from auditor.core import Expectation, Finding, Metric, MetricInfo, MetricKind, Record, Status, proportion
from auditor.intervals import interval
from auditor.report import text
from auditor.report.scale import IntervalBar, interval_bar

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
class Headline:
    """The metric that decided the verdict, or the first one of a descriptive case."""

    name: str
    value: str
    counted: str
    bar: IntervalBar | None


@dataclass(frozen=True)
class Measures:
    """The metrics of a record, those expected of first; `members` are single classes or models, folded away."""

    headline: Headline | None
    rows: tuple[Row, ...]
    members: tuple[Row, ...]


def measures(record: Record, promised: Mapping[str, MetricInfo]) -> Measures:
    """Lay out all metrics of a record, and what was expected of metrics that it lacks."""
    metrics = record.evidence.metrics if record.evidence else {}
    measured = {name: _measured(metric, record) for name, metric in metrics.items()}
    demands: dict[str, list[Expectation]] = {}
    for expectation in record.expectations:
        demands.setdefault(expectation.metric, []).append(expectation)
    findings = {finding.expectation: finding for finding in record.verdict.findings}

    def row(name: str) -> Row:
        return _row(name, measured.get(name), catalog.describe(name, promised), demands.get(name, []), findings)

    others = [name for name in metrics if name not in demands]
    folded = {name for name in others if "." in name} if len(metrics) > _MOST_TOGETHER else set()
    return Measures(
        headline=_headline(record, measured),
        rows=tuple(row(name) for name in [*demands, *others] if name not in folded),
        members=tuple(row(name) for name in others if name in folded),
    )


@dataclass(frozen=True)
class _Measured:
    """A metric, its interval where it has one, and the interval in words."""

    metric: Metric
    interval: tuple[float, float] | None
    said: str


def _measured(metric: Metric, record: Record) -> _Measured:
    """A stored record may hold numbers that have no interval: then the reason is shown in its place."""
    if not math.isfinite(metric.value):
        return _Measured(metric, None, "")
    try:
        if metric.kind == "proportion":
            low, high = _share_interval(metric.successes or 0, metric.n, record.confidence, record.interval)
        else:
            low, high = interval(metric, record.confidence, record.interval)
    except ValueError as error:
        return _Measured(metric, None, f"none: {error}")
    if math.isnan(low) or math.isnan(high):
        return _Measured(metric, None, "none")
    return _Measured(metric, (low, high), "" if metric.kind == "exact" else text.span(metric.kind, low, high))


@lru_cache(maxsize=10_000)
def _share_interval(successes: int, n: int, confidence: float, method: str) -> tuple[float, float]:
    """Exact intervals are slow to find, and large reports ask for the same ones again and again."""
    return interval(proportion(successes, n), confidence, method)


def _headline(record: Record, measured: Mapping[str, _Measured]) -> Headline | None:
    decisive = [f.expectation for f in record.verdict.findings if f.status == record.verdict.status]
    demands: list[Expectation | None] = [*decisive, *record.expectations]
    demand = next((d for d in demands if d and d.metric in measured), None)
    name = demand.metric if demand else next(iter(measured), None)
    if name is None:
        return None
    found = measured[name]
    bar = interval_bar(found.metric, found.interval, demand, zoom=False) if found.interval else None
    value = text.quantity(found.metric.kind, found.metric.value)
    return Headline(name, value, text.counted(found.metric), bar)


def _row(
    name: str,
    measured: _Measured | None,
    info: MetricInfo | None,
    demands: Sequence[Expectation],
    findings: Mapping[Expectation, Finding],
) -> Row:
    meaning = info.text if info else ""
    if measured is None:
        kind: MetricKind = info.kind if info else "exact"
        judged = tuple(_judged(demand, findings.get(demand), None, kind) for demand in demands)
        return Row(name, meaning, "not measured", "", "", judged)
    metric = measured.metric
    judged = tuple(_judged(demand, findings.get(demand), metric, metric.kind) for demand in demands)
    value = text.quantity(metric.kind, metric.value)
    return Row(name, meaning, value, text.counted(metric), measured.said, judged)


def _judged(demand: Expectation, finding: Finding | None, metric: Metric | None, kind: MetricKind) -> Judged:
    wanted = text.wanted(kind, demand)
    if finding is None:
        return Judged(wanted, None, "", None)
    bar = None
    if metric is not None and not (math.isnan(finding.low) or math.isnan(finding.high)):
        bar = interval_bar(metric, (finding.low, finding.high), demand, zoom=True)
    return Judged(wanted, finding.status, finding.message, bar)
