"""A run as one JSON document, `results.json`: everything its records say but for arrays and pictures.

The dataclasses are the format: the document is built of them, and its JSON Schema is generated from them
(`exports.results_schema`). Numbers are finite or null; null stands for what has no
value, and for the end of an interval that is open.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from auditor.exports.interchange import to_json
from auditor.report import outcome
from auditor.report.coverage import coverage
from auditor.report.measures import interval_of
from auditor.report.outcome import Overall
from auditor.report.versus import compare
from auditor.statistics import changes, independence, mcnemar
from auditor.values import (
    Accountability,
    Diagnostic,
    Earlier,
    Failure,
    Metric,
    MetricKind,
    PlannedCase,
    Purpose,
    Record,
    Run,
    State,
    Table,
    Verdict,
    Waiver,
)


@dataclass(frozen=True)
class _Part:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True)
class Measured(_Part):
    """A metric."""

    kind: MetricKind
    """What its uncertainty comes from; an exact one has none."""
    value: float
    """A share from 0 to 1, or in the metric's own unit."""
    n: int
    """How many samples it rests on."""
    successes: int | None
    """Of a proportion: how many of the n."""
    clusters: int | None
    """In how many clusters the n lie, of which each counts as one observation; null where all are independent, and 0
    where it isn't known which belong together."""
    effective_n: float | None
    """As how many independent samples the n count, by estimate; null where they are, or where none can be told."""
    low: float
    """Lower end of the two-sided interval at the case's confidence."""
    high: float
    """Upper end of it."""
    beyond: Literal["above", "below"] | None
    """Where the value is infinite, and so null: which way. A radius at which half are broken lies above where more
    than half hold at every radius asked for."""


@dataclass(frozen=True)
class Difference(_Part):
    """A metric less the baseline's, paired where both are of the same samples."""

    before: float
    """The baseline's value, over all its samples."""
    change: Measured
    """The difference."""
    fell: int | None
    """Of a share: for how many samples it fell."""
    rose: int | None
    """Of a share: for how many samples it rose."""
    p: float | None
    """Of a share: exact two-sided p-value of McNemar's test."""


@dataclass(frozen=True)
class Compared(_Part):
    """The baseline of a case."""

    source: str
    """What it is, in words."""
    mismatch: str
    """Why it can't be compared with, or nothing."""
    files: Mapping[str, str]
    """SHA-256 of its checkpoint, by file name."""
    differences: Mapping[str, Difference]
    """By metric, of those that can be compared."""


@dataclass(frozen=True)
class Recorded(_Part):
    """The record that a case left."""

    run: str
    """The run that measured it."""
    verdict: Verdict
    """What was found, whether it is waived or not. The interval of a finding is one-sided where its demand is."""
    confidence: float
    """The level of its intervals."""
    interval: str
    """The method of its intervals of proportions."""
    look: int
    """Which look at the same question it is: one more than other seeds gave another outcome before, as far as the
    reports folder remembers."""
    correction: str
    """How that level came about, where a spec's gates share one."""
    summary: str
    """The finding in one sentence, or nothing where nothing was measured."""
    metrics: Mapping[str, Measured]
    """By name."""
    diagnostics: tuple[Diagnostic, ...]
    """The tell-tale tests of the measurement itself."""
    tables: tuple[Table, ...]
    """What was found, in tables of texts and numbers: a row has as many cells as there are columns."""
    notes: tuple[str, ...]
    """What else there is to know of the measurement."""
    remarks: tuple[str, ...]
    """What this run had to say beside it, such as a cache that couldn't be written to."""
    params: Mapping[str, Any]
    """The parameters of its check, defaults included."""
    provenance: Mapping[str, Any]
    """Where it comes from: digests of spec, data and checkpoints, versions, machine."""
    baseline: Compared | None
    """What it was compared with, if anything."""
    waiver: Waiver | None
    """Who answers for it, whether that holds or not."""
    failure: Failure | None
    """Why nothing could be measured."""
    earlier: Earlier | None
    """What stored evidence was first judged as, where it was judged again."""
    seconds: float
    """How long it took."""
    cached: str | None
    """When it was measured, if an earlier run did; null if this one did."""


@dataclass(frozen=True)
class Case(_Part):
    """A case of the spec."""

    id: str
    """Its id in the spec."""
    check: str
    """The kind of measurement."""
    title: str
    """The question it asks."""
    model: str
    """The model's name in the spec."""
    line: int
    """Where it stands in the spec, from 1."""
    state: State
    """What became of it."""
    message: str
    """Why, in words."""
    warnings: tuple[str, ...]
    """What makes its claim weak, known before it ran."""
    caveats: tuple[str, ...]
    """What its verdict doesn't say, though it may seem to; part of the message too."""
    controls: tuple[str, ...]
    """Controls of frameworks that it speaks to, by their ids."""
    purpose: Purpose
    """Why it is there, as the spec says: ids of requirements, a rationale, how much harm it does where it fails."""
    record: Recorded | None
    """What it left; null where it didn't finish or wasn't selected."""


@dataclass(frozen=True)
class Spec(_Part):
    """The spec that a run was judged by."""

    path: str
    """As it was given."""
    sha256: str
    """Of its content."""
    measured_under: str
    """Where stored evidence was judged again: the digest of the spec that it was measured under."""
    not_judged: tuple[str, ...]
    """Where stored evidence was judged again: cases that this spec leaves out."""


@dataclass(frozen=True)
class Results(_Part):
    """The results of one run of one audit."""

    format: Literal[2]
    """The version of this format: another one where a reader of this one would go wrong. In 1, what is descriptive here
    was a pass, and so was the whole of a run that left cases out or had waived some."""
    audit: str
    """The audit's name."""
    title: str
    """The audit's title."""
    run: str
    """The run's id."""
    started: str
    """When the run began, ISO 8601 in UTC."""
    commit: str
    """The commit that the spec is of, with a + if tracked files were changed since; nothing where there is none."""
    spec: Spec
    """What it was judged by."""
    confidence: float
    """The spec's level; a case may have its own."""
    overall: Overall
    """The verdict on the whole run."""
    sentence: str
    """That verdict in words, with what it doesn't cover."""
    counts: Mapping[State, int]
    """How many cases are in each state."""
    untested: tuple[str, ...]
    """What was not tested, in words."""
    eased: Mapping[str, str]
    """By case, also of those that are gone: what the spec asks less than it did the last time that it asked otherwise,
    as far as the reports folder remembers."""
    remarks: tuple[str, ...]
    """On the spec as a whole, known before it ran."""
    accountability: Accountability
    """What the spec says of the system, of who answers for it, of documents and data: nothing measured."""
    cases: tuple[Case, ...]
    """All cases that were planned, in running order."""


def render(run: Run) -> str:
    """Put a run into JSON; the same run always gives the same document."""
    return to_json(results(run))


def results(run: Run) -> Results:
    """Collect what the records say."""
    counts = outcome.counts(run)
    return Results(
        format=2,
        audit=run.audit,
        title=run.title,
        run=run.id,
        started=run.started,
        commit=run.commit,
        spec=Spec(run.spec, run.spec_digest, run.earlier_spec_digest, run.not_judged),
        confidence=run.confidence,
        overall=outcome.overall(counts),
        sentence=outcome.told(run),
        counts=counts,
        untested=coverage(run).untested,
        eased=run.eased,
        remarks=run.remarks,
        accountability=run.accountability,
        cases=tuple(_case(run, case) for case in run.cases),
    )


def _case(run: Run, case: PlannedCase) -> Case:
    record = run.records.get(case.id)
    return Case(
        id=case.id,
        check=case.check,
        title=case.title,
        model=case.model,
        line=case.line,
        state=run.state(case),
        message=outcome.message(run, case),
        warnings=case.warnings,
        caveats=outcome.caveats(run, case),
        controls=case.controls,
        purpose=case.purpose,
        record=_recorded(record) if record else None,
    )


def _recorded(record: Record) -> Recorded:
    evidence = record.evidence
    metrics = evidence.metrics if evidence else {}
    return Recorded(
        run=record.run,
        verdict=record.verdict,
        confidence=record.confidence,
        interval=record.interval,
        look=record.look,
        correction=record.correction,
        summary=evidence.summary if evidence else "",
        metrics={name: _measured(metric, record) for name, metric in metrics.items()},
        diagnostics=evidence.diagnostics if evidence else (),
        tables=evidence.tables if evidence else (),
        notes=evidence.notes if evidence else (),
        remarks=record.remarks,
        params=record.params,
        provenance=record.provenance,
        baseline=_compared(record),
        waiver=record.waiver,
        failure=record.failure,
        earlier=record.earlier,
        seconds=record.seconds,
        cached=record.cached or None,
    )


def _measured(metric: Metric, record: Record) -> Measured:
    try:
        low, high = interval_of(metric, record)
    except ValueError:  # a stored record may hold numbers that have no interval
        low = high = float("nan")
    beyond: Literal["above", "below"] | None = None
    if math.isinf(metric.value):
        beyond = "above" if metric.value > 0 else "below"
    worth = independence(metric)
    return Measured(metric.kind, metric.value, metric.n, metric.successes, *worth, low, high, beyond)


def _compared(record: Record) -> Compared | None:
    baseline = record.baseline
    if baseline is None:
        return None
    names = record.evidence.metrics if record.evidence else ()
    found = {name: _difference(record, name) for name in names}
    differences = {name: difference for name, difference in found.items() if difference is not None}
    return Compared(baseline.source, baseline.mismatch, baseline.files, differences)


def _difference(record: Record, name: str) -> Difference | None:
    pair = compare(record, name)
    if pair is None:
        return None
    fell, rose = changes(pair.change) if pair.change.kind == "difference" else (None, None)
    p = mcnemar(pair.change) if pair.change.kind == "difference" else None
    return Difference(pair.before.value, _measured(pair.change, record), fell, rose, p)
