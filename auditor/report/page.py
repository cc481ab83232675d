"""A run as one page: the overall verdict, the counts, the findings that matter most, and a card per case."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auditor.drawing import Drawable, prepare
from auditor.report import outcome, text
from auditor.report.cards import Card, card_of, command, told_apart
from auditor.report.coverage import Coverage, coverage
from auditor.report.explain import explain
from auditor.report.opening import Opening, opening, urgency
from auditor.report.origin import File, Origin, origin
from auditor.report.outcome import STATES, Overall
from auditor.report.terms import VERDICTS, Term, terms
from auditor.values import Run, State, attempt

_MOST_FINDINGS = 3
_MANY = 50
_MOST_FILES = 2
_LONGEST_GAPS = 260


@dataclass(frozen=True)
class Page:
    """What the template shows. counts: how many cases are in each state; states: those that occur. seconds: what the
    cases took that were measured by this run; cached: how many weren't. again: the command that runs all of it again.
    signed_by: the SHA-256 of the key that a statement beside the page is signed with, if any.
    """

    run: Run
    signed_by: str
    overall: Overall
    sentence: str
    counts: Mapping[State, int]
    planned: int
    finished: int
    started: str
    seconds: str
    cached: int
    findings: tuple[Card, ...]
    cards: tuple[Card, ...]
    origin: Origin
    coverage: Coverage
    opening: Opening
    again: str

    @property
    def ranked(self) -> tuple[Card, ...]:
        """All cards, what is most urgent first, else in the order of the spec."""
        return tuple(sorted(self.cards, key=urgency))

    @property
    def many(self) -> bool:
        """Whether there are so many cases that a browser shouldn't have to read them all at once."""
        return len(self.cards) > _MANY

    @property
    def drawables(self) -> tuple[Drawable, ...]:
        """Every chart of the page, to be drawn together."""
        return tuple(drawable for card in self.cards for drawable in card.drawables)

    def draw(self) -> None:
        """Draw all charts together; what fails here fails again where it is shown, and is told there."""
        attempt("charts", lambda: prepare(self.drawables))

    @property
    def audited(self) -> tuple[tuple[str, File], ...]:
        """The checkpoint files that cases measured, each with its model's name."""
        measured = {case.model for case in self.run.cases}
        return tuple(
            (model.name, file) for model in self.origin.models if model.name in measured for file in model.files
        )

    @property
    def first_audited(self) -> tuple[tuple[str, File], ...]:
        """As many of them as the first screen has room for."""
        return self.audited[:_MOST_FILES]

    @property
    def gaps(self) -> str:
        """What was not tested: as many whole sentences as the first screen has room for, and how many more."""
        said, untested = list[str](), self.coverage.untested
        for sentence in untested:
            if said and len(" ".join([*said, sentence])) > _LONGEST_GAPS:
                break
            said.append(sentence)
        more = len(untested) - len(said)
        return " ".join([*said, f"And {more} more."] if more else said)

    @property
    def disjoint(self) -> bool:
        """Whether some case looked for its images in training data."""
        return any(
            card.record and card.record.evidence and "in_training" in card.record.evidence.metrics
            for card in self.cards
        )

    @property
    def verdicts(self) -> tuple[tuple[str, str], ...]:
        """The words for what became of the cases that occur, most urgent first, and what they mean."""
        return tuple((word, VERDICTS[word]) for word in dict.fromkeys(card.word for card in self.ranked))

    @property
    def attacks(self) -> frozenset[str]:
        """The attacks that its cases name."""
        return frozenset(name for card in self.cards for name in card.attacks)

    def terms(self, also: Iterable[Term] = ()) -> tuple[Term, ...]:
        """The words of the field on this page, and what they mean. also: those that else were found on it."""
        return terms((said for card in self.cards for said in card.texts), self.attacks, also)

    @property
    def states(self) -> tuple[State, ...]:
        """The states that occur, most urgent first."""
        return tuple(state for state in STATES if self.counts[state])


def make_page(run: Run, beside_records: bool = False, signed_by: str = "") -> Page:
    """Put a page together from a run. beside_records: whether it lies in the folder of the run's records. signed_by:
    the digest of the key whose statement lies there too.
    """
    explanations = {check: explain(check) for check in sorted(_checks(run))}
    cards = told_apart(
        [card_of(run, case, number, explanations, beside_records) for number, case in enumerate(run.cases)]
    )
    counts = outcome.counts(run)
    ranked = sorted((card for card in cards if card.state != "not selected"), key=urgency)
    return Page(
        run=run,
        signed_by=signed_by,
        overall=outcome.overall(counts),
        sentence=outcome.told(run),
        counts=counts,
        planned=len(cards),
        finished=sum(card.record is not None for card in cards),
        started=text.moment(run.started),
        seconds=text.seconds(sum(card.record.seconds for card in cards if card.record and not card.record.cached)),
        cached=sum(bool(card.record and card.record.cached) for card in cards),
        findings=tuple(ranked[:_MOST_FINDINGS]),
        cards=cards,
        origin=origin(run),
        coverage=coverage(run),
        opening=opening(run, cards),
        again=command(run.spec),
    )


def _checks(run: Run) -> set[str]:
    return {case.check for case in run.cases} | {record.check for record in run.records.values()}
