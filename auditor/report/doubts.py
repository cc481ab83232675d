"""What makes a run's claims say less than they seem to, each once: for outputs that have a place for such things."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from auditor.report import outcome
from auditor.values import PlannedCase, Run

_AT = re.compile(r"line (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Doubt:
    """case: the id of the case it is about, none for the whole spec. line: of the spec. planned: whether it was known
    before anything ran. nth: its place among those of the case that say the same, from 0.
    """

    case: str
    line: int
    said: str
    planned: bool
    nth: int = 0

    @property
    def rule(self) -> Literal["weak-claim", "says-less"]:
        """Its kind, by the name that other programs know it by; no check has such a name."""
        return "weak-claim" if self.planned else "says-less"

    @property
    def told(self) -> str:
        """It, with the case it is about."""
        return f"{self.case}: {self.said}" if self.case else self.said

    @property
    def names(self) -> tuple[str, str, str]:
        """What tells it from all others of an audit, run after run, wherever in the spec it stands."""
        return self.case, self.said, str(self.nth)


def doubts(run: Run) -> tuple[Doubt, ...]:
    """What was known before it ran, of every case, and then what verdicts don't say besides."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for doubt in (*_planned(run), *_found(run)):
        found.append(replace(doubt, nth=seen[doubt.case, doubt.said]))
        seen[doubt.case, doubt.said] += 1
    return tuple(found)


def _planned(run: Run) -> Iterator[Doubt]:
    for said in run.remarks:
        yield _placed("", said, 1)
    for case in run.cases:
        for said in case.warnings:
            yield _placed(case.id, said, case.line)


def _placed(case: str, said: str, otherwise: int) -> Doubt:
    at = _AT.fullmatch(said)
    return Doubt(case, int(at[1]), at[2], True) if at else Doubt(case, otherwise, said, True)


def _found(run: Run) -> Iterator[Doubt]:
    """Of passes, and what is asked less than before; what didn't pass is a finding, with all that is said of it."""
    there = {case.id for case in run.cases}
    yield from (Doubt(gone, 1, said, False) for gone, said in run.eased.items() if gone not in there)
    for case in run.cases:
        if run.state(case) == "pass":
            for said in unplanned(run, case):
                yield Doubt(case.id, case.line, said, False)
        elif case.id in run.eased and run.state(case) in ("descriptive", "not selected"):
            yield Doubt(case.id, case.line, run.eased[case.id], False)


def unplanned(run: Run, case: PlannedCase) -> tuple[str, ...]:
    """What a verdict doesn't say, but for what was known before it ran."""
    record = run.records.get(case.id)
    hollow = {f.message for f in record.verdict.findings if f.expectation.hollow} if record else set()
    return tuple(said for said in outcome.caveats(run, case) if said not in case.caveats and said not in hollow)
