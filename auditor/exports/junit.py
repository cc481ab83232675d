"""A run as JUnit XML, after the schema of Jenkins' xUnit plugin (junit-10.xsd).

That schema gives properties to test suites alone, so every case is a suite of one test, with its metrics as properties.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.report import outcome
from auditor.telling.escaping import visible
from auditor.values import PlannedCase, Run, State

_OUTCOMES = {"failures": ("fail", "inconclusive"), "errors": ("error", "cut off", "not run"), "skipped": ("waived",)}


def render(run: Run) -> str:
    """Put a run into JUnit XML; the same run always gives the same file."""
    cases = outcome.selected_cases(run)
    root = Element("testsuites", {"name": _said(run.title), **_counts(run, cases, skipped=False)})
    named = {"name": _said(run.audit), "timestamp": _said(run.started)}
    audit = SubElement(root, "testsuite", {**named, **_counts(run, cases)})
    about = {"verdict": outcome.overall(outcome.counts(run)), "run": run.id, "commit": run.commit, "spec": run.spec}
    _properties(audit, about | {"spec sha256": run.spec_digest})
    for case in cases:
        _case(audit, run, case)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(audit: Element, run: Run, case: PlannedCase) -> None:
    record, seconds = run.records.get(case.id), _seconds(run, [case])
    suite = SubElement(audit, "testsuite", {"name": _said(f"{run.audit}.{case.id}"), **_counts(run, [case])})
    about = {"verdict": run.state(case), "check": case.check, "model": case.model}
    metrics = record.evidence.metrics if record and record.evidence else {}
    _properties(suite, about | {name: repr(float(metric.value)) for name, metric in metrics.items()})
    test = SubElement(suite, "testcase", classname=_said(run.audit), name=_said(case.id), time=seconds)
    kind = _outcome(run, case)
    if kind:
        tag = {"failures": "failure", "errors": "error", "skipped": "skipped"}[kind]
        found = SubElement(test, tag, type=run.state(case), message=_said(outcome.finding(run, case)))
        found.text = _said(outcome.message(run, case))
    if record and record.evidence:
        SubElement(test, "system-out").text = _said(outcome.found(run, case, record.evidence))


def _outcome(run: Run, case: PlannedCase) -> str | None:
    """Among which tests a case counts; None for one that passed. What a budget left out was chosen not to run."""
    state: State = run.state(case)
    if state == "not run" and case.id in run.left:
        return "skipped"
    return next((kind for kind, states in _OUTCOMES.items() if state in states), None)


def _counts(run: Run, cases: Iterable[PlannedCase], skipped: bool = True) -> dict[str, str]:
    cases = list(cases)
    found = [_outcome(run, case) for case in cases]
    counted = {kind: str(found.count(kind)) for kind in _OUTCOMES if skipped or kind != "skipped"}
    return {"tests": str(len(cases)), **counted, "time": _seconds(run, cases)}


def _seconds(run: Run, cases: Iterable[PlannedCase]) -> str:
    records = (run.records.get(case.id) for case in cases)
    return f"{sum(record.seconds for record in records if record):.3f}"


def _properties(suite: Element, values: dict[str, str]) -> None:
    found = SubElement(suite, "properties")
    for name, value in values.items():
        SubElement(found, "property", name=_said(name), value=_said(value))


def _said(words: str) -> str:
    """Text that XML 1.0 can hold: without control characters, which it has no way to write."""
    return visible(words)
