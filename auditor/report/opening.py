"""What a report begins with, where its spec says it: gates by requirement, what is left out, what risk remains."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.report.cards import Card
from auditor.report.outcome import WEAKNESS
from auditor.values import SEVERITIES, ManualEvidence, Requirement, Run, Waiver, control

_FEW = 10


@dataclass(frozen=True)
class Owed:
    """A requirement, the cases that speak to it, most urgent first, and documents; word: the most urgent outcome."""

    requirement: Requirement
    cases: tuple[Card, ...]
    documents: tuple[ManualEvidence, ...]
    word: str


@dataclass(frozen=True)
class Opening:
    """What stands before the findings. excluded: what was left out, and why. waivers: by case. risks: what remains."""

    owed: tuple[Owed, ...]
    excluded: tuple[tuple[str, str], ...]
    waivers: tuple[tuple[str, Waiver], ...]
    risks: tuple[tuple[Card, str], ...]

    @property
    def anything(self) -> bool:
        """Whether there is something to show."""
        return bool(self.owed or self.excluded or self.waivers)


def opening(run: Run, cards: Sequence[Card]) -> Opening:
    """Put together what stands before the findings."""
    ranked = sorted(cards, key=urgency)
    return Opening(
        owed=tuple(_owed(run, ranked)),
        excluded=tuple(_excluded(run)),
        waivers=tuple((card.case.id, card.record.waiver) for card in cards if card.record and card.record.waiver),
        risks=tuple(_risks(ranked)),
    )


def urgency(card: Card) -> tuple[int, int]:
    """What stands first: the state as it is read, then the harm that a fail does."""
    severity = card.case.purpose.severity if card.word != "pass" else None
    return card.urgency, SEVERITIES.index(severity) if severity else len(SEVERITIES)


def _owed(run: Run, ranked: Sequence[Card]) -> Iterator[Owed]:
    for requirement in run.accountability.requirements:
        cases = tuple(card for card in ranked if requirement.id in card.case.purpose.requirements)
        documents = tuple(one for one in run.accountability.evidence if requirement.id in one.requirements)
        yield Owed(requirement, cases, documents, cases[0].word if cases else "")


def _excluded(run: Run) -> Iterator[tuple[str, str]]:
    for name, why in run.accountability.not_applicable.items():
        yield control(name).title, f"not applicable: {why}"
    for case in run.cases:
        if case.id in run.left:
            yield case.id, f"left out: {run.left[case.id]}"
        elif run.state(case) == "not selected":
            yield case.id, "not selected in this run"


_REMAINS = {
    "error": "nothing is known: it could not be measured",
    "cut off": "nothing is known: it was cut off",
    "not run": "nothing is known: it was not run",
    "fail": "does not hold what the spec asks for",
    "inconclusive": "is not shown to hold",
    "waived": "does not hold, and somebody answers for that",
    WEAKNESS: "is known to be weak",
}


def _risks(ranked: Sequence[Card]) -> Iterator[tuple[Card, str]]:
    for card in [card for card in ranked if card.word in _REMAINS][:_FEW]:
        yield card, _REMAINS[card.word]
