"""What became of a run and of each of its cases, in words: the same in every output."""

from collections.abc import Mapping
from typing import Literal

from auditor.values import PlannedCase, Run, State

Overall = Literal["pass", "fail", "inconclusive", "error", "incomplete"]

STATES: tuple[State, ...] = ("error", "fail", "cut off", "not run", "inconclusive", "waived", "pass", "not selected")
"""All states, the most urgent first."""

# Colour is never the only sign: each state has a symbol and a word too.
SYMBOLS: Mapping[State | Overall, str] = {
    "pass": "✓",
    "fail": "✕",
    "inconclusive": "?",
    "waived": "~",
    "error": "!",
    "cut off": "↯",
    "not run": "–",
    "not selected": "○",
    "incomplete": "…",
}

_ABSENT: Mapping[State, str] = {
    "cut off": "Cut off: it began and left no record – a crash, a kill, an interruption or a full disk.",
    "not run": "Not run: the session ended before it began.",
    "not selected": "Not selected in this run, so nothing is known about it.",
}


def counts(run: Run) -> Mapping[State, int]:
    """How many cases are in each state; all states, the most urgent first."""
    states = [run.state(case) for case in run.cases]
    return {state: states.count(state) for state in STATES}


def selected_cases(run: Run) -> tuple[PlannedCase, ...]:
    """The cases that this run was about, in running order."""
    return tuple(case for case in run.cases if run.state(case) != "not selected")


def open_cases(run: Run) -> tuple[PlannedCase, ...]:
    """Those of them that didn't pass, waived ones too."""
    return tuple(case for case in selected_cases(run) if run.state(case) != "pass")


def overall(counts: Mapping[State, int]) -> Overall:
    """Pass only where every selected case did; a case that left no record outweighs an inconclusive one."""
    if counts["error"]:
        return "error"
    if counts["fail"]:
        return "fail"
    if counts["cut off"] or counts["not run"] or not (counts["inconclusive"] or counts["waived"] or counts["pass"]):
        return "incomplete"
    return "inconclusive" if counts["inconclusive"] else "pass"


def sentence(counts: Mapping[State, int]) -> str:
    """The overall verdict in words, with what it doesn't cover."""
    selected = sum(counts.values()) - counts["not selected"]
    if not selected:
        return "No case was selected in this run, so nothing is known."
    if overall(counts) == "pass" and not counts["waived"]:
        said = f"All {selected} cases passed." if selected > 1 else "The one case passed."
    else:
        words: Mapping[State, str] = {
            "error": "could not be measured",
            "fail": "failed",
            "cut off": "cut off",
            "not run": "not run",
            "inconclusive": "inconclusive",
            "waived": "waived",
        }
        parts = [f"{counts[state]} {said}" for state, said in words.items() if counts[state]]
        said = f"{counts['pass']} of {selected} cases passed; {', '.join(parts)}."
    unselected = counts["not selected"]
    if unselected:
        one = unselected == 1
        cases = "1 planned case was" if one else f"{unselected} planned cases were"
        said += f" {cases} not selected: this verdict says nothing about {'it' if one else 'them'}."
    return said


def remarks(run: Run) -> tuple[str, ...]:
    """What was said beside the results: of the spec, of what its cases can show, of how they were carried out."""
    of_cases = (
        f"{case.id}: {said}"
        for case in run.cases
        for said in (*case.warnings, *(run.records[case.id].remarks if case.id in run.records else ()))
    )
    return (*run.remarks, *of_cases)


def told(run: Run) -> str:
    """The overall verdict in words, with what it doesn't cover, and which run has the rest."""
    said = sentence(counts(run))
    if run.changed:
        more = f" (and {len(run.changed) - 1} more)" if run.changed[1:] else ""
        said += f" Nothing shows that its records are what the run measured: {run.changed[0]}{more}."
    if run.part_of:
        said += f" The other cases' records are those of {run.part_of}, which lies in the folder above this one."
    return said


def message(run: Run, case: PlannedCase) -> str:
    """Why a case is in its state."""
    record = run.records.get(case.id)
    if record:
        return record.verdict.message
    why = run.left.get(case.id)
    return f"Not run: {why}" if why and run.state(case) == "not run" else _ABSENT[run.state(case)]


def finding(run: Run, case: PlannedCase) -> str:
    """What is most worth saying of a case on one line: why it didn't pass, or what was found."""
    record = run.records.get(case.id)
    if record is None or record.evidence is None or record.verdict.status != "pass":
        said = message(run, case)
        return f"waived by {record.waiver}; {said}" if record and record.state == "waived" else said
    return record.evidence.summary
