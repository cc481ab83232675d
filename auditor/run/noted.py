"""What a run notes of a case before it runs."""

from auditor.spec import Case
from auditor.values import PlannedCase, Problem


def planned(case: Case, selected: bool) -> PlannedCase:
    """A case as a run notes it."""
    warnings = tuple(told_at(problem) for problem in case.warnings)
    return PlannedCase(
        case.id, case.check, case.title, case.model, case.line, selected, warnings, case.controls,
        case.asked, case.expectations, case.confidence, case.caveats, case.purpose,
    )  # fmt: skip


def told_at(problem: Problem) -> str:
    """A problem with its line."""
    return f"line {problem.line}: {problem.message}"
