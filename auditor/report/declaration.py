"""A run on one page, for instructions for use: what was measured, how surely, under which conditions; no argument.

The AI Act asks that levels of accuracy and their metrics are declared (Articles 13(3)(b)(ii) and 15(3)). All of it is
taken from the records; nothing stands here that the report doesn't say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from auditor import catalog
from auditor.records.headline import subject
from auditor.report import PAGE, outcome, text
from auditor.report.coverage import coverage
from auditor.report.html import PRINTED, render_template
from auditor.report.measures import interval_of
from auditor.report.origin import origin
from auditor.report.threat import attacker
from auditor.spec import of_weakness
from auditor.telling.numbers import quantity
from auditor.values import Metric, MetricKind, Record, Run, Undrawn, attempt

EXTRACT = "declaration.html"
_CONDITIONS = ("goal", "capability", "budget")
_SHOWN = ("show", "gallery")  # parameters that say what is shown, no condition of what is measured
_LONGEST = 160
_LONGEST_TITLE = 120


@dataclass(frozen=True)
class Line:
    """A metric that a gate is on, or the first of a descriptive case: its value, n and two-sided interval, all in
    words; what was expected of it, and in a word what came of that.
    """

    metric: str
    value: str
    counted: str
    interval: str
    wanted: str
    word: str


@dataclass(frozen=True)
class Declared:
    """One case: its question, its state in a word, its metrics, and the conditions that they hold under.

    caveats: what makes them say less than it seems. lost: why there are none.
    """

    id: str
    title: str
    word: str
    model: str
    lines: tuple[Line, ...]
    conditions: str
    caveats: tuple[str, ...]
    lost: str


def render(run: Run, beside: bool = False) -> str:
    """Render the page; the same run always gives the same page. beside: whether its style lies beside it."""
    measured = {case.model for case in run.cases}
    found = origin(run)
    return render_template(
        "declaration.html",
        beside,
        PRINTED,
        run=run,
        report=PAGE,
        weakness=outcome.WEAKNESS,
        overall=outcome.overall(outcome.counts(run)),
        sentence=outcome.told(run),
        started=text.moment(run.started),
        models=tuple(model for model in found.models if model.name in measured),
        data=found.data,
        cases=tuple(declared(run)),
        untested=coverage(run).untested,
    )


def declared(run: Run) -> Iterator[Declared]:
    """What a run has to declare, in the order of its spec."""
    for case in outcome.selected_cases(run):
        record, word = run.records.get(case.id), outcome.word(run, case)
        title = text.shortened(record.title if record else case.title, _LONGEST_TITLE)
        if record is None or record.evidence is None:
            why = text.shortened(outcome.message(run, case), _LONGEST)
            yield Declared(case.id, title, word, case.model, (), "", (), why)
            continue
        made = attempt("Its metrics", partial(_lines, record))
        lost = made.caption if isinstance(made, Undrawn) else ""
        lines = () if isinstance(made, Undrawn) else made
        yield Declared(case.id, title, word, case.model, lines, _conditions(record), outcome.caveats(run, case), lost)


def _lines(record: Record) -> tuple[Line, ...]:
    return tuple(_each_line(record))


def _each_line(record: Record) -> Iterator[Line]:
    findings = {finding.expectation: finding for finding in record.verdict.findings}
    metrics = record.evidence.metrics if record.evidence else {}
    promised = outcome.promised_by(record.check)
    for demand in record.expectations:
        finding, metric = findings.get(demand), subject(record, demand)
        info = catalog.describe(demand.metric, promised)
        weak = finding is not None and finding.status == "pass" and of_weakness(demand, info)
        word = outcome.WEAKNESS if weak else finding.status if finding else "not judged"
        kind: MetricKind = text.shown_as(metric, info) if metric else info.kind if info else "exact"
        yield _line(demand.subject, metric, kind, record, text.wanted(kind, demand), word)
    if not record.expectations and metrics:
        name, metric = next(iter(metrics.items()))
        kind = text.shown_as(metric, catalog.describe(name, promised))
        yield _line(name, metric, kind, record, "", "")


def _line(name: str, metric: Metric | None, kind: MetricKind, record: Record, wanted: str, word: str) -> Line:
    if metric is None:
        return Line(name, "not measured", "", "", wanted, word)
    value = quantity(kind, metric.value)
    if metric.kind == "exact":
        return Line(name, value, "", "exact", wanted, word)
    try:
        low, high = interval_of(metric, record)
    except ValueError:  # a stored record may hold numbers that have no interval
        return Line(name, value, text.counted(metric), "none", wanted, word)
    return Line(name, value, text.counted(metric), text.span(kind, low, high), wanted, word)


def _conditions(record: Record) -> str:
    """Who attacks and how, where a record names an attack; else its parameters."""
    attacks = attacker(record)
    if attacks is not None:
        return "; ".join(f"{name}: {said}" for name, said in attacks.rows if name in _CONDITIONS)
    given = {name: value for name, value in record.params.items() if value not in (None, [], {}) and name not in _SHOWN}
    return text.shortened(", ".join(f"{name}: {text.plain(value)}" for name, value in given.items()), _LONGEST)
