"""What GitHub shows beside the lines of a spec: workflow commands, which it reads from a step's output.

They are lines of its log, too, where the whole of it stands already: so they say in one figure what it is about.
"""

from collections.abc import Iterator, Sequence

from auditor.exports.interchange import spec_path
from auditor.report import outcome
from auditor.report.doubts import doubts
from auditor.telling.escaping import visible
from auditor.values import Problem, Run


def of_mistakes(problems: Sequence[Problem]) -> Iterator[str]:
    """Every mistake in a spec as an error."""
    for problem in problems:
        yield _command("error", problem.file, problem.line, f"col={problem.column}", outcome.begun(problem.message))


def of_run(run: Run) -> Iterator[str]:
    """Every case that somebody has to look at; an inconclusive one as a warning, a waived one as nothing.

    So is what a pass doesn't say, or the whole spec: a green line beside a gate that anything would meet is what nobody
    looks at.
    """
    for case in outcome.open_cases(run):
        state = run.state(case)
        if state != "waived":
            level = "warning" if state == "inconclusive" else "error"
            title = f"title={_property(f'{case.id}: {state}')}"
            yield _command(level, spec_path(run), case.line, title, outcome.brief(run, case))
    passed = {case.id for case in run.cases if run.state(case) == "pass"}
    for doubt in doubts(run):
        if doubt.case in passed or not doubt.case:
            title = f"title={_property(f'{doubt.case}: pass, but' if doubt.case else 'weak claim')}"
            yield _command("warning", spec_path(run), doubt.line, title, outcome.begun(doubt.said))


def _command(level: str, path: str, line: int, more: str, said: str) -> str:
    return f"::{level} file={_property(path)},line={line},{more}::{_data(visible(said))}"


def _data(said: str) -> str:
    """A message as GitHub's own toolkit writes it."""
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    """A value as GitHub's own toolkit writes it."""
    return _data(visible(said)).replace(":", "%3A").replace(",", "%2C")
