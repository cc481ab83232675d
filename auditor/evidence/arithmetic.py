"""Whether what a record says follows from what it holds: metrics from values, and its verdict from its metrics."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from auditor.evidence.findings import Finding, found
from auditor.judging import as_told_before, judged
from auditor.telling.numbers import same_told
from auditor.values import Metric, Record, Verdict, binned_value, crossed, highest, lowest, ranked, spread


def arithmetic(record: Record) -> Iterator[Finding]:
    """Whether metrics follow from their values, and the verdict from the metrics."""
    if record.evidence is None:
        return
    wrong = [name for name, metric in record.evidence.metrics.items() if not _follows(metric)]
    seen = f"{', '.join(wrong)} don't follow from their values" if wrong else "metrics follow from their values"
    yield found(record.case, "metrics", not wrong, seen)
    again = judged(record)
    same = _same_verdict(record.verdict, again)
    seen = f"again {again.status}" if same else f"{again.status} now ({again.message}); {record.verdict.status} stored"
    yield found(record.case, "verdict", same, seen)


def _same_verdict(told: Verdict, now: Verdict) -> bool:
    """Whether a verdict is what follows now; sentences may be written as an earlier version did."""
    bare = [
        replace(one, message="", findings=tuple(replace(f, message="") for f in one.findings)) for one in (told, now)
    ]
    if repr(bare[0]) != repr(bare[1]):  # by repr, as NaN is not equal to itself
        return False
    said, *known = [[one.message, *(f.message for f in one.findings)] for one in (told, now, as_told_before(now))]
    return any(all(map(same_told, said, sentences)) for sentences in known)


def _follows(metric: Metric) -> bool:
    values = metric.values
    if metric.kind == "proportion":
        whole = values is None or (values.size == metric.n and values.sum() == metric.successes)
        return whole and (metric.n == 0 or metric.value == (metric.successes or 0) / metric.n)
    if metric.groups:
        return all(_follows(group) for group in metric.groups.values()) and _follows_groups(metric)
    if values is None:
        return metric.kind == "exact"
    expected = np.median(values) if metric.kind == "median" else values.mean() if values.size else np.nan
    return values.size == metric.n and bool(np.isclose(metric.value, expected, rtol=1e-9, equal_nan=True))


def _follows_groups(metric: Metric) -> bool:
    """Whether what is made of several metrics is what they make."""
    if metric.kind == "crossing":
        radii = metric.values if metric.values is not None else np.zeros(0)
        counted = {group.n for group in metric.groups.values()} == {metric.n}
        return counted and len(radii) == len(metric.groups) and metric.value == crossed(radii, metric.groups)
    if metric.kind == "binned":
        samples = sum(group.n for group in metric.groups.values())
        return metric.n == samples and metric.value == binned_value(metric.groups)
    if metric.kind == "auroc":
        return metric.n == min(group.n for group in metric.groups.values()) and metric.value == ranked(metric.groups)
    made = {"lowest": lowest, "highest": highest, "spread": spread}.get(metric.kind)
    again = made(metric.groups) if made else None
    return again is not None and (metric.value, metric.n) == (again.value, again.n)
