"""A record's metrics and findings as the rows of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from auditor import catalog
from auditor.records.headline import headline
from auditor.report import text
from auditor.report.bar import IntervalBar, interval_bar
from auditor.report.groups import GroupTable, group_tables
from auditor.report.outcome import WEAKNESS
from auditor.spec import of_weakness
from auditor.statistics import clustered, interval
from auditor.telling.numbers import percent, quantity
from auditor.telling.reason import reason
from auditor.values import (
    Expectation,
    Finding,
    Metric,
    MetricInfo,
    MetricKind,
    Record,
    group_metric,
    proportion,
)

_MOST_TOGETHER = 12
_FEWEST_OF_THREE = 30  # below, 3/n is no longer close to the exact limit
_MOST_MEMBERS = 50
"""Single classes or models that are listed, the worst of them; `results.json` has them all."""


@dataclass(frozen=True)
class Judged:
    """What was expected of a metric, and what came of it in a word; none where nothing was judged.

    surely: of a fail, whether chance may have made it.
    """

    wanted: str
    word: str
    message: str
    surely: str
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
    number: float
    value: str
    counted: str
    wanted: str
    bar: IntervalBar | None


@dataclass(frozen=True)
class Measures:
    """The metrics of a record, those expected of first; `members` are single classes or models, folded away.

    left_out: how many of those aren't listed. groups: metrics of groups of images.
    """

    headline: Headline | None
    rows: tuple[Row, ...]
    members: tuple[Row, ...]
    left_out: int
    groups: tuple[GroupTable, ...] = ()


def measures(record: Record, promised: Mapping[str, MetricInfo]) -> Measures:
    """Lay out all metrics of a record, and what was expected of metrics that it lacks."""
    metrics = record.evidence.metrics if record.evidence else {}
    findings = {finding.expectation: finding for finding in record.verdict.findings}
    demands: dict[str, list[Expectation]] = {}
    for expectation in record.expectations:
        if not expectation.versus_baseline:
            demands.setdefault(expectation.metric, []).append(expectation)

    others = [name for name in metrics if name not in demands and not _of_one_group(name)]
    members = [name for name in others if "." in name] if len(metrics) > _MOST_TOGETHER else []
    listed = _worst(members, metrics, promised)
    rows = [*demands, *(name for name in others if name not in set(members))]
    infos = {name: catalog.describe(name, promised) for name in (*rows, *listed)}
    measured = {name: _measured(metrics[name], record, infos[name]) for name in infos if name in metrics}

    def row(name: str) -> Row:
        return _row(name, measured.get(name), infos[name], demands.get(name, []), findings)

    return Measures(
        headline=_headline(record, measured, findings, promised),
        rows=tuple(map(row, rows)),
        members=tuple(map(row, listed)),
        left_out=len(members) - len(listed),
        groups=group_tables(record, promised),
    )


def _of_one_group(name: str) -> bool:
    """Whether a metric stands in the tables of groups."""
    found = group_metric(name)
    return found is not None and found.of == "one"


def _worst(members: Sequence[str], metrics: Mapping[str, Metric], promised: Mapping[str, MetricInfo]) -> list[str]:
    """Of many members, those with the values that speak most against the model, in their order."""
    if len(members) <= _MOST_MEMBERS:
        return list(members)

    def badness(name: str) -> float:
        info, value = catalog.describe(name, promised), metrics[name].value
        return math.inf if math.isnan(value) else value if info and info.better == "lower" else -value

    chosen = set(sorted(members, key=badness, reverse=True)[:_MOST_MEMBERS])
    return [name for name in members if name in chosen]


@dataclass(frozen=True)
class _Measured:
    """A metric, the kind whose units it is shown in, its interval where it has one, and the interval in words."""

    metric: Metric
    kind: MetricKind
    interval: tuple[float, float] | None
    said: str


def _measured(metric: Metric, record: Record, info: MetricInfo | None) -> _Measured:
    """A stored record may hold numbers that have no interval: then the reason is shown in its place."""
    kind = text.shown_as(metric, info)
    if math.isnan(metric.value):
        return _Measured(metric, kind, None, "")
    try:
        low, high = interval_of(metric, record)
    except ValueError as error:
        return _Measured(metric, kind, None, f"none: {reason(error)}")
    if math.isnan(low) or math.isnan(high):
        return _Measured(metric, kind, None, "none")
    return _Measured(metric, kind, (low, high), "" if metric.kind == "exact" else text.span(kind, low, high))


def interval_of(metric: Metric, record: Record) -> tuple[float, float]:
    """The two-sided interval of a metric at its record's confidence; raise ValueError where it can have none."""
    if metric.kind == "proportion" and not clustered(metric):
        return _share_interval(metric.successes or 0, metric.n, record.confidence, record.interval)
    return interval(metric, record.confidence, record.interval)


@lru_cache(maxsize=10_000)
def _share_interval(successes: int, n: int, confidence: float, method: str) -> tuple[float, float]:
    """Exact intervals are slow to find, and large reports ask for the same ones again and again."""
    return interval(proportion(successes, n), confidence, method)


def _headline(
    record: Record,
    measured: Mapping[str, _Measured],
    findings: Mapping[Expectation, Finding],
    promised: Mapping[str, MetricInfo],
) -> Headline | None:
    found = headline(record)
    if found is None:
        return None
    demand, metric = found.expectation, found.metric
    kind = text.shown_as(metric, catalog.describe(demand.metric if demand else found.name, promised))
    if demand is None:
        return Headline(found.name, metric.value, quantity(kind, metric.value), text.counted(metric), "", None)
    of_all = None if demand.versus_baseline else measured[demand.metric].interval
    bar = interval_bar(kind, metric, *_deciding(findings[demand], of_all, demand, zoom=False))
    value = quantity(kind, metric.value, demand.min, demand.max)
    return Headline(found.name, metric.value, value, text.counted(metric), text.wanted(kind, demand), bar)


def _row(
    name: str,
    measured: _Measured | None,
    info: MetricInfo | None,
    demands: Sequence[Expectation],
    findings: Mapping[Expectation, Finding],
) -> Row:
    meaning = info.text if info else ""
    if measured is None:
        promised: MetricKind = info.kind if info else "exact"
        judged = tuple(judged_bar(demand, findings.get(demand), None, promised, info, None) for demand in demands)
        return Row(name, meaning, "not measured", "", "", judged)
    metric, kind = measured.metric, measured.kind
    judged = tuple(
        judged_bar(demand, findings.get(demand), metric, kind, info, measured.interval) for demand in demands
    )
    value = quantity(kind, metric.value, *((demands[0].min, demands[0].max) if demands else ()))
    counted = "; ".join(filter(None, (text.counted(metric), _of_three(metric))))
    return Row(name, meaning, value, counted, _said(measured, demands, findings), judged)


def _of_three(metric: Metric) -> str:
    """Where it was seen in no image, or in all: how many may be otherwise, by the rule of three, or exactly of few.

    Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 1983. Of images that belong together
    the rule would say too little; their interval says it.
    """
    if metric.kind != "proportion" or not metric.n or metric.successes not in (0, metric.n) or clustered(metric):
        return ""
    if metric.n < _FEWEST_OF_THREE:
        return f"otherwise in up to {percent(1 - 0.05 ** (1 / metric.n), to='upper')} (exact, 95%)"
    return f"otherwise in up to {percent(3 / metric.n, to='upper')}, by the rule of three (3/n, 95%)"


def _said(measured: _Measured, demands: Sequence[Expectation], findings: Mapping[Expectation, Finding]) -> str:
    """The interval in words: the one it was judged by; of a fail, or where nothing was judged, the two-sided one."""
    finding = findings.get(demands[0]) if demands else None
    if (
        finding is None
        or finding.status == "fail"
        or not measured.said
        or math.isnan(finding.low)
        or math.isnan(finding.high)
    ):
        return measured.said
    return text.limits(measured.kind, finding.low, finding.high, demands[0])


def _deciding(
    finding: Finding, both: tuple[float, float] | None, demand: Expectation, zoom: bool
) -> tuple[tuple[float, float], Expectation, bool, bool]:
    """What `interval_bar` takes: the interval that a finding was judged by, or of a fail the two-sided one.

    A gate's own limit says how bad it may be at worst; how good it may be at best is what a fail is doubted by.
    """
    if finding.status == "fail" and both is not None:
        return both, demand, zoom, True
    return (finding.low, finding.high), demand, zoom, False


def surely(finding: Finding, both: tuple[float, float] | None, demand: Expectation) -> str:
    """Whether all of an interval violates what is expected, or only the estimate; nothing of what is no fail."""
    if finding.status != "fail" or both is None or both[0] == both[1]:
        return ""
    beyond = (demand.max is not None and both[0] > demand.max) or (demand.min is not None and both[1] < demand.min)
    return (
        "the whole interval violates it" if beyond else "the estimate violates it, the interval reaches what is allowed"
    )


def judged_bar(
    demand: Expectation,
    finding: Finding | None,
    metric: Metric | None,
    kind: MetricKind,
    info: MetricInfo | None,
    both: tuple[float, float] | None,
) -> Judged:
    """What was expected, with the interval that decides drawn against the threshold.

    info: what is known of the metric. both: its two-sided interval.
    """
    wanted = text.wanted(kind, demand)
    if finding is None:
        return Judged(wanted, "", "", "", None)
    bar = None
    if metric is not None and not (math.isnan(finding.low) or math.isnan(finding.high)):
        bar = interval_bar(kind, metric, *_deciding(finding, both, demand, zoom=True))
    word = WEAKNESS if finding.status == "pass" and of_weakness(demand, info) else finding.status
    return Judged(wanted, word, finding.message, surely(finding, both, demand), bar)
