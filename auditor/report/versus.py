"""A record beside its baseline: what each metric was, what it is, and how far apart they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor import catalog
from auditor.records.headline import subject
from auditor.report import text
from auditor.report.drawing import Drawing, lay_out
from auditor.report.measures import Judged, judged_bar
from auditor.statistics import changes, interval, mcnemar
from auditor.telling.numbers import quantity
from auditor.values import Expectation, Metric, Record


@dataclass(frozen=True)
class Pair:
    """A metric now and before. change: their difference, paired where both are of the same samples."""

    now: Metric
    before: Metric
    change: Metric


@dataclass(frozen=True)
class Beside:
    """One metric, before and now. interval: of the difference, two-sided. changed: of how many images it rose and fell,
    with McNemar's exact p-value, for shares.
    """

    name: str
    before: str
    now: str
    difference: str
    interval: str
    counted: str
    changed: str
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Versus:
    """Everything a card says of the baseline. mismatch: why it can't be compared with. told: what the check says."""

    source: str
    mismatch: str
    told: str
    rows: tuple[Beside, ...]
    drawings: tuple[Drawing, ...]


def versus(record: Record, channels: Sequence[int] = ()) -> Versus | None:
    """Lay out the comparison, metrics that something is demanded of first; None without a baseline.

    channels: of images, those that are shown as red, green and blue.
    """
    if record.baseline is None:
        return None
    demanded = [e.metric for e in record.expectations if e.versus_baseline]
    measured = record.evidence.metrics if record.evidence else {}
    names = list(dict.fromkeys([*demanded, *(name for name in measured if "." not in name)]))
    rows = tuple(row for row in (_row(record, name) for name in names) if row is not None)
    drawings = tuple(lay_out(figure, channels) for figure in record.baseline.figures)
    told = "" if record.baseline.mismatch else catalog.beside(record.check, measured, record.baseline.metrics)
    return Versus(record.baseline.source, record.baseline.mismatch, told, rows, drawings)


def compare(record: Record, name: str) -> Pair | None:
    """A metric of a record, the baseline's, and their difference; None where they can't be compared."""
    change = subject(record, Expectation(name, versus_baseline=True))
    if change is None or record.evidence is None or record.baseline is None:
        return None
    return Pair(record.evidence.metrics[name], record.baseline.metrics[name], change)


def _row(record: Record, name: str) -> Beside | None:
    pair = compare(record, name)
    if pair is None:
        return None
    now, before, change = pair.now, pair.before, pair.change
    low, high = interval(change, record.confidence, record.interval)
    fell, rose = changes(change)
    p = mcnemar(change) if change.kind == "difference" else None
    changed = f"{fell} fell, {rose} rose" + ("" if p is None else f" (p {p:.3g})")
    changed = changed if change.kind == "difference" else ""
    kind = text.shown_as(change)
    findings = {finding.expectation: finding for finding in record.verdict.findings}
    demands = [e for e in record.expectations if e.versus_baseline and e.metric == name]
    return Beside(
        name=name,
        before=quantity(text.shown_as(before), before.value),
        now=quantity(text.shown_as(now), now.value),
        difference=quantity(kind, change.value),
        interval="" if change.kind == "exact" else text.span(kind, low, high),
        counted=text.counted(change),
        changed=changed,
        judged=tuple(judged_bar(demand, findings.get(demand), change, kind, None, None) for demand in demands),
    )
