"""What a case is headed by, wherever it stands: the expectation that decided its verdict, and that one's metric."""

import math
from dataclasses import dataclass

from auditor.statistics import difference
from auditor.values import CheckError, Expectation, Metric, Record


@dataclass(frozen=True)
class Headline:
    """A metric by the name that people read. expectation: what it was judged by; none where nothing was judged."""

    name: str
    metric: Metric
    expectation: Expectation | None = None


def headline(record: Record) -> Headline | None:
    """The violated expectation first, or else the first one, or else the first metric; None without a number."""
    verdict, metrics = record.verdict, record.evidence.metrics if record.evidence else {}
    findings = {finding.expectation: finding for finding in verdict.findings}
    decisive = [finding.expectation for finding in verdict.findings if finding.status == verdict.status]
    for demand in (*decisive, *record.expectations):
        metric = subject(record, demand)
        if demand in findings and metric is not None and not math.isnan(findings[demand].value):
            return Headline(demand.subject, metric, demand)
    named = [demand.metric for demand in record.expectations if not demand.versus_baseline]
    name = next((name for name in (*named, *metrics) if name in metrics), None)
    return None if name is None else Headline(name, metrics[name])


def subject(record: Record, demand: Expectation) -> Metric | None:
    """What an expectation is about, where it was measured: a metric, or its difference from the baseline's."""
    metrics = record.evidence.metrics if record.evidence else {}
    now = metrics.get(demand.metric)
    if now is None or not demand.versus_baseline:
        return now
    before = record.baseline.metrics.get(demand.metric) if record.baseline else None
    try:
        return difference(now, before) if before else None
    except CheckError:
        return None
