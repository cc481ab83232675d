"""What became of a run and of each of its cases, in words: the same in every output."""

from collections.abc import Mapping, Sequence
from typing import Literal

from auditor import catalog
from auditor.judging import in_words
from auditor.records.headline import headline
from auditor.report.text import shortened
from auditor.spec import of_weakness
from auditor.telling.lists import and_more, first, listed
from auditor.values import Evidence, ExtensionError, MetricInfo, PlannedCase, Record, Run, State

Overall = Literal["pass", "fail", "inconclusive", "error", "incomplete", "waived", "descriptive"]

STATES: tuple[State, ...] = (
    "error", "fail", "cut off", "not run", "inconclusive", "waived", "pass", "descriptive", "not selected",
)  # fmt: skip
"""All states, the most urgent first."""

# Colour is never the only sign: each state has a symbol and a word too.
WEAKNESS = "weakness, as expected"
"""What a pass is called that shows what speaks against the model."""

SYMBOLS: Mapping[str, str] = {
    "pass": "✓",
    "fail": "✕",
    "inconclusive": "?",
    "waived": "~",
    "error": "!",
    "cut off": "↯",
    "not run": "–",
    "descriptive": "•",
    "not selected": "○",
    "incomplete": "…",
    WEAKNESS: "▼",
}

_WORDS = ("error", "fail", "cut off", "not run", "inconclusive", "waived", WEAKNESS, "pass", "descriptive")
_MOST_NAMED = 5
_BRIEF = 70
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
    """Those of them that somebody has to look at: that didn't pass, waived ones too. Descriptive ones claim nothing."""
    return tuple(case for case in selected_cases(run) if run.state(case) not in ("pass", "descriptive"))


def overall(counts: Mapping[State, int]) -> Overall:
    """Pass only where every planned case ran, some gate was judged, and all of them passed.

    A case that left no record outweighs an inconclusive one; one that wasn't selected outweighs a waived one.
    """
    if counts["error"]:
        return "error"
    if counts["fail"]:
        return "fail"
    if counts["cut off"] or counts["not run"]:
        return "incomplete"
    if counts["inconclusive"]:
        return "inconclusive"
    if counts["not selected"] or not any(counts.values()):
        return "incomplete"
    if counts["waived"]:
        return "waived"
    return "pass" if counts["pass"] else "descriptive"


def sentence(counts: Mapping[State, int]) -> str:
    """The overall verdict in words, with what it doesn't cover."""
    selected = sum(counts.values()) - counts["not selected"]
    if not selected:
        return "No case was selected in this run, so nothing is known."
    described, gated = counts["descriptive"], selected - counts["descriptive"]
    if described == selected:
        cases = "The one case is" if selected == 1 else f"All {selected} cases are"
        said = f"{cases} descriptive: nothing was claimed, so nothing passed."
    elif counts["pass"] == gated:
        said = f"All {gated} cases passed." if gated > 1 else "The one case passed."
    else:
        words: Mapping[State, str] = {
            "error": "could not be measured",
            "fail": "failed",
            "cut off": "cut off",
            "not run": "not run",
            "inconclusive": "inconclusive",
            "waived": "waived",
        }
        parts = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
        said = f"{counts['pass']} of {gated} cases passed; {', '.join(parts)}."
    if 0 < described < selected:
        said += f" {described} more {'is' if described == 1 else 'are'} descriptive: nothing is claimed there."
    unselected = counts["not selected"]
    if unselected:
        one = unselected == 1
        few = "1 planned case was" if one else f"{unselected} planned cases were"
        said += f" {few} not selected: this verdict says nothing about {'it' if one else 'them'}."
    return said


def remarks(run: Run) -> tuple[str, ...]:
    """What was said beside the results: of the spec, of what its cases can show, of how they were carried out.

    What stands in the line of its case, as what a verdict doesn't say, isn't told again.
    """
    in_line = {case.id: caveats(run, case) for case in run.cases}
    eased = (f"{name}: {said}" for name, said in run.eased.items() if said not in in_line.get(name, ()))
    of_cases = (
        f"{case.id}: {said}"
        for case in run.cases
        for said in (*case.warnings, *(run.records[case.id].remarks if case.id in run.records else ()))
        if not said.endswith(tuple(f": {told}" for told in in_line[case.id]))
    )
    return (*eased, *run.remarks, *of_cases)


def told(run: Run) -> str:
    """The overall verdict in words, with what it doesn't cover, and which run has the rest."""
    said = sentence(counts(run))
    shown = [case.id for case in run.cases if word(run, case) == WEAKNESS]
    if shown:
        many = "1 pass shows a weakness" if len(shown) == 1 else f"{len(shown)} passes show a weakness"
        said += f" {many} that the spec expects: {_listed(shown)}."
    weak = [case.id for case in run.cases if run.state(case) == "pass" and caveats(run, case)]
    if weak:
        said += f" What passed says less than it seems to in {_listed(weak)}."
    if run.eased:
        said += f" The spec asks less than it did, in {_listed(tuple(run.eased))}."
    if run.changed:
        said += f" Nothing shows that its records are what the run measured: {first(run.changed)}."
    if run.part_of:
        said += f" The other cases' records are those of {run.part_of}, which lies in the folder above this one."
    return said


def word(run: Run, case: PlannedCase) -> str:
    """The state of a case as people read it: a pass is a weakness where gates with a better side ask for the worse."""
    record, state = run.records.get(case.id), run.state(case)
    if record is None or state != "pass":
        return state
    gates = [expectation for expectation in record.expectations if not expectation.hollow]
    promised = promised_by(record.check)
    told = [(gate, catalog.describe(gate.metric, promised)) for gate in gates]
    # What is no better high than low, such as where an attack began, is a condition and speaks for neither side.
    sided = [(gate, info) for gate, info in told if info is None or info.better is not None or gate.versus_baseline]
    return WEAKNESS if sided and all(of_weakness(gate, info) for gate, info in sided) else state


def urgency_of(word: str) -> int:
    """The place of a state, as it is read, among all, from 0 for the most urgent; a weakness precedes other passes."""
    return _WORDS.index(word) if word in _WORDS else len(_WORDS)


def promised_by(check: str) -> Mapping[str, MetricInfo]:
    """The metrics of a check, none where it isn't installed: then nobody knows which way they are better."""
    try:
        return catalog.metrics_of(check)
    except ExtensionError:
        return {}


def message(run: Run, case: PlannedCase, unsaid: Sequence[str] | None = None) -> str:
    """Why a case is in its state. unsaid: what it doesn't say (default: all of it), where some is told elsewhere."""
    record = run.records.get(case.id)
    if record:
        return _but(record.verdict.message, caveats(run, case) if unsaid is None else unsaid)
    why = run.left.get(case.id)
    return f"Not run: {why}" if why and run.state(case) == "not run" else _ABSENT[run.state(case)]


def finding(run: Run, case: PlannedCase, most: int | None = None) -> str:
    """What is most worth saying of a case on one line: why it didn't pass, or what was found.

    most: the characters of it that are told at most; what a pass doesn't say comes beside them, and is never cut.
    """
    record = run.records.get(case.id)
    if record is None or record.evidence is None or record.verdict.status not in ("pass", "descriptive"):
        said = message(run, case)
        said = f"waived by {record.waiver}; {said}" if record and record.state == "waived" else said
        return said if most is None else shortened(said, most)
    return found(run, case, record.evidence, most)


def brief(run: Run, case: PlannedCase) -> str:
    """Why a case didn't pass, in one figure; for where the whole of it stands elsewhere."""
    record = run.records.get(case.id)
    return in_brief(record) if record else begun(message(run, case))


def in_brief(record: Record) -> str:
    """What decided a verdict in one figure: what was asked beside what was measured, or how an error begins."""
    decisive = [finding for finding in record.verdict.findings if finding.status == record.verdict.status]
    head = headline(record)
    if not decisive or record.verdict.status == "error" or head is None or head.expectation is None:
        return begun(record.verdict.message)
    value, (floor, ceiling) = in_words(head.metric, head.expectation), head.expectation.span
    why = ""
    if record.verdict.status == "inconclusive":
        within = floor <= decisive[0].low and decisive[0].high <= ceiling
        why = ", but the measurement is suspect" if within else ", which isn't settled"
    told = f"{head.expectation.in_words} asked, {value} measured{why}"
    return f"{told};{and_more(len(decisive) - 1)}" if decisive[1:] else told


def begun(said: str) -> str:
    """The beginning of what was said, on one line of a log."""
    return shortened(said, _BRIEF)


def found(run: Run, case: PlannedCase, evidence: Evidence, most: int | None = None) -> str:
    """What was found, and what it doesn't say; most: as for `finding`."""
    said = evidence.summary if most is None else shortened(evidence.summary, most)
    return _but(said, caveats(run, case))


def caveats(run: Run, case: PlannedCase) -> tuple[str, ...]:
    """What makes the verdict on a case say less than it seems to; it belongs in the verdict's own line, everywhere."""
    record = run.records.get(case.id)
    if record is None or record.evidence is None or record.verdict.status == "error":
        return ()
    eased = (run.eased[case.id],) if case.id in run.eased else ()
    if record.state not in ("pass", "descriptive"):
        return eased  # a doubt about a pass says nothing of what is none
    hollow = (finding.message for finding in record.verdict.findings if finding.status == "descriptive")
    return tuple(dict.fromkeys((*eased, *hollow, *case.caveats, *record.evidence.caveats)))


def _but(said: str, caveats: Sequence[str]) -> str:
    return f"{said.removesuffix('.')}. But: {'; '.join(caveats)}." if caveats else said


def _listed(ids: Sequence[str]) -> str:
    return listed(ids, _MOST_NAMED)
