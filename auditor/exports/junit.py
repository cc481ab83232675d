"""A run as JUnit XML, after the schema of Jenkins' xUnit plugin (junit-10.xsd).

That schema gives properties to test suites alone, so every case is a suite of one test, with its metrics as properties.
Many readers don't look for tests in suites within suites, but take properties of tests: the flat form is for them.
"""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.report import outcome
from auditor.report.doubts import doubts
from auditor.telling.escaping import visible
from auditor.values import PlannedCase, Problem, Run, State

_OUTCOMES = {"failures": ("fail", "inconclusive"), "errors": ("error", "cut off", "not run"), "skipped": ("waived",)}


def render(run: Run) -> str:
    """Put a run into JUnit XML by the strict schema; the same run always gives the same file."""
    return _document([_suite(run, nested=True)], {"name": _said(run.title)})


def render_flat(runs: Sequence[Run], problems: Sequence[Problem] = ()) -> str:
    """Put several runs into one document, every case a test of its audit's suite with its metrics as its properties.

    problems: mistakes in specs that couldn't be run beside them.
    """
    return _document([*_mistaken(problems), *(_suite(run, nested=False) for run in runs)], {})


def of_mistakes(problems: Sequence[Problem]) -> str:
    """Put mistakes in specs into one document: each spec that can't be run is a test of its own, and an error."""
    return _document(_mistaken(problems), {})


def _mistaken(problems: Sequence[Problem]) -> list[Element]:
    """A suite of the specs that can't be run, if there are any."""
    files = sorted({problem.file for problem in problems})
    if not files:
        return []
    counted = {"tests": str(len(files)), "failures": "0", "errors": str(len(files)), "skipped": "0", "time": "0.000"}
    suite = Element("testsuite", {"name": "@specs", **counted})
    for file in files:
        told = [problem for problem in problems if problem.file == file]
        test = SubElement(suite, "testcase", classname="@specs", name=_said(file), time="0.000")
        found = SubElement(test, "error", type="spec", message=_said(told[0].message))
        found.text = _said("\n".join(f"line {problem.line}: {problem.message}" for problem in told))
    return [suite]


def _document(suites: Sequence[Element], named: dict[str, str]) -> str:
    def total(name: str) -> int:
        return sum(int(suite.attrib[name]) for suite in suites)

    counted = {name: str(total(name)) for name in ("tests", "failures", "errors")}
    root = Element("testsuites", {**named, **counted, "time": f"{sum(float(s.attrib['time']) for s in suites):.3f}"})
    root.extend(suites)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(run: Run, nested: bool) -> Element:
    """An audit. nested: whether each of its cases is a suite of its own."""
    cases = outcome.selected_cases(run)
    audit = Element("testsuite", {"name": _said(run.audit), "timestamp": _said(run.started), **_counts(run, cases)})
    about = {"verdict": outcome.overall(outcome.counts(run)), "run": run.id, "commit": run.commit, "spec": run.spec}
    _properties(audit, about | {"spec sha256": run.spec_digest})
    weak = [doubt for doubt in doubts(run) if doubt.planned]
    _aside(audit, [doubt.said for doubt in weak if not doubt.case])
    for case in cases:
        unsaid = [
            doubt.said for doubt in weak if doubt.case == case.id and doubt.said not in outcome.caveats(run, case)
        ]
        if nested:
            named = {"name": _said(f"{run.audit}.{case.id}"), **_counts(run, [case])}
            _case(SubElement(audit, "testsuite", named), run, case, unsaid, of_suite=True)
        else:
            _case(audit, run, case, unsaid)
    return audit


def _case(suite: Element, run: Run, case: PlannedCase, unsaid: Sequence[str], of_suite: bool = False) -> None:
    """Add a case to a suite.

    unsaid: what makes its claim weak. of_suite: whether its properties are the suite's rather than its own.
    """
    record, named = run.records.get(case.id), {"classname": _said(run.audit), "name": _said(case.id)}
    test = Element("testcase", {**named, "time": _seconds(run, [case])})
    about = {"verdict": run.state(case), "check": case.check, "model": case.model}
    metrics = record.evidence.metrics if record and record.evidence else {}
    measured = {name: repr(float(metric.value)) for name, metric in metrics.items()}
    _properties(suite if of_suite else test, about | measured)
    suite.append(test)
    kind = _outcome(run, case)
    if kind:
        tag = {"failures": "failure", "errors": "error", "skipped": "skipped"}[kind]
        found = SubElement(test, tag, type=run.state(case), message=_said(outcome.finding(run, case)))
        found.text = _said(outcome.message(run, case))
    if record and record.evidence:
        SubElement(test, "system-out").text = _said(outcome.found(run, case, record.evidence))
    _aside(test, unsaid)


def _aside(part: Element, said: Sequence[str]) -> None:
    """What stands beside a result, where readers of JUnit look for it."""
    if said:
        SubElement(part, "system-err").text = _said("\n".join(said))


def _outcome(run: Run, case: PlannedCase) -> str | None:
    """Among which tests a case counts; None for one that passed. What a budget left out was chosen not to run."""
    state: State = run.state(case)
    if state == "not run" and case.id in run.left:
        return "skipped"
    return next((kind for kind, states in _OUTCOMES.items() if state in states), None)


def _counts(run: Run, cases: Iterable[PlannedCase]) -> dict[str, str]:
    cases = list(cases)
    found = [_outcome(run, case) for case in cases]
    counted = {kind: str(found.count(kind)) for kind in _OUTCOMES}
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
