"""Metrics of groups of images as tables: every group with its interval, and what a demand on all comes to for each."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor import catalog
from auditor.judging import judge
from auditor.report import text
from auditor.report.bar import IntervalBar, interval_bar
from auditor.statistics import interval
from auditor.telling.numbers import quantity
from auditor.values import Expectation, Metric, MetricInfo, Record, group_metric


@dataclass(frozen=True)
class GroupRow:
    """One group: its name, what its metric rests on, value, interval in words and drawn, and the verdict in a word."""

    name: str
    counted: str
    value: str
    interval: str
    bar: IntervalBar | None
    word: str


@dataclass(frozen=True)
class GroupTable:
    """All groups of one attribute, by one metric."""

    title: str
    attribute: str
    rows: tuple[GroupRow, ...]

    @property
    def judged(self) -> bool:
        """Whether anything was expected of any group."""
        return any(row.word for row in self.rows)


def group_tables(record: Record, promised: Mapping[str, MetricInfo]) -> tuple[GroupTable, ...]:
    """The groups of a record, by those metrics of which something is expected, or else by the first that has groups."""
    metrics = record.evidence.metrics if record.evidence else {}
    parts = [(name, group_metric(name)) for name in metrics]
    pairs = dict.fromkeys((part.metric, part.attribute) for _, part in parts if part and part.of == "every")
    demanded = {part.metric for e in record.expectations if (part := group_metric(e.metric)) is not None}
    chosen = demanded or {metric for metric, _ in list(pairs)[:1]}
    return tuple(_table(record, *pair, catalog.describe(pair[0], promised)) for pair in pairs if pair[0] in chosen)


def _table(record: Record, metric: str, attribute: str, info: MetricInfo | None) -> GroupTable:
    metrics = record.evidence.metrics if record.evidence else {}
    of_all = [e for e in record.expectations if e.metric == f"{metric}[*{attribute}]" and not e.versus_baseline]
    rows = []
    for name, part in metrics.items():
        found = group_metric(name)
        if found and (found.of, found.metric, found.attribute) == ("one", metric, attribute):
            own = [e for e in record.expectations if e.metric == name and not e.versus_baseline]
            demands = [*own, *(dataclasses.replace(e, metric=name) for e in of_all)]
            rows.append(_row(record, found.value or "not known", name, part, demands, info))
    return GroupTable(f"{metric} by {attribute}", attribute, tuple(rows))


def _row(
    record: Record, shown: str, name: str, metric: Metric, demands: Sequence[Expectation], info: MetricInfo | None
) -> GroupRow:
    tests = record.evidence.diagnostics if record.evidence else ()
    # What the demands come to for this group alone, at the level of its record.
    verdict = judge({name: metric}, demands, record.confidence, tests) if demands else None
    word = verdict.status if verdict else ""
    if not metric.n or math.isnan(metric.value):
        return GroupRow(shown, "no images", "not measured", "", None, word)
    kind, both = text.shown_as(metric, info), interval(metric, record.confidence, record.interval)
    said, bar = text.span(kind, *both), interval_bar(kind, metric, both, None, zoom=False)
    if verdict is not None:
        # As everywhere: the limit that decides, or of a fail both, as that may be by chance.
        decides, failed = verdict.findings[0], verdict.findings[0].status == "fail"
        ends = both if failed else (decides.low, decides.high)
        said = said if failed else text.limits(kind, *ends, demands[0])
        bar = interval_bar(kind, metric, ends, demands[0], zoom=False, whole=failed)
    return GroupRow(shown, text.counted(metric), quantity(kind, metric.value), said, bar, word)
