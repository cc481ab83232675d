"""A run as a GitLab code quality report: a finding for each case that didn't pass, and for what makes a claim weak.

The fields are those that GitLab documents (docs.gitlab.com, "Code Quality", custom tools): a subset of Code Climate's
issues, in one JSON array.
"""

from collections.abc import Mapping
from typing import Any

from auditor.exports.interchange import fingerprint, spec_path, to_json
from auditor.report import outcome, text
from auditor.report.doubts import doubts
from auditor.telling.escaping import visible
from auditor.values import Problem, Run, State

_SEVERITIES: Mapping[State, str] = {
    "fail": "blocker",
    "error": "critical",
    "cut off": "critical",
    "not run": "critical",
    "inconclusive": "major",
    "waived": "info",
}
_LONGEST = 1000


def render(run: Run) -> str:
    """Put a run into a code quality report; the same run always gives the same file."""
    return to_json(findings(run))


def findings(run: Run) -> list[dict[str, Any]]:
    """The cases of a run that didn't pass, and what makes its claims weak."""
    return [
        *_open_cases(run),
        *(
            {
                "description": visible(text.shortened(doubt.told, _LONGEST)),
                "check_name": doubt.rule,
                "fingerprint": fingerprint(run.audit, doubt.rule, *doubt.names),
                "severity": "minor" if doubt.planned else "info",
                "location": {"path": spec_path(run), "lines": {"begin": doubt.line}},
            }
            for doubt in doubts(run)
        ),
    ]


def _open_cases(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "description": visible(text.shortened(f"{case.id}: {outcome.finding(run, case)}", _LONGEST)),
            "check_name": case.check,
            "fingerprint": fingerprint(run.audit, case.id, case.check),
            "severity": _SEVERITIES[run.state(case)],
            "location": {"path": spec_path(run), "lines": {"begin": case.line}},
        }
        for case in outcome.open_cases(run)
    ]


def mistake(problem: Problem) -> dict[str, Any]:
    """A mistake in a spec, which keeps it from being run at all."""
    return {
        "description": visible(text.shortened(problem.message, _LONGEST)),
        "check_name": "spec",
        "fingerprint": fingerprint("@specs", problem.file, problem.message),
        "severity": "critical",
        "location": {"path": problem.file, "lines": {"begin": problem.line}},
    }


def mistaken(found: Mapping[str, Any]) -> Problem:
    """The mistake that `mistake` told of."""
    return Problem(found["location"]["path"], found["location"]["lines"]["begin"], 1, found["description"])
