"""A run as one page: the overall verdict, the counts, the findings that matter most, and a card per case."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from auditor.drawing import Drawable, prepare
from auditor.records.store import case_files
from auditor.report import outcome, text
from auditor.report.coverage import Coverage, coverage
from auditor.report.drawing import Chart, Drawing, Picture, lay_out, telling_pictures
from auditor.report.explain import Explanation, explain
from auditor.report.measures import Measures, measures
from auditor.report.origin import File, Origin, flat, origin
from auditor.report.outcome import STATES, Overall
from auditor.report.terms import VERDICTS, Term, terms
from auditor.report.versus import Versus, versus
from auditor.values import PlannedCase, Record, Run, State, Undrawn, attempt

_MOST_FINDINGS = 3
_MANY = 50
_MOST_FILES = 2
_LONGEST_FINDING = 320
_LONGEST_MESSAGE = _LONGEST_VALUE = 2000
_LONGEST_GAPS = 260
_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]+")
_SAFE_TARGET = re.compile(r"[\w@%+=:,./ -]+", re.ASCII)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a case, with its meaning where the check is installed."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Card:
    """Everything about one case. anchor: its id on the page; word: its state as it is read; message: why, in words.
    found: what was found, in short, and nothing where nothing was measured. caveats: what a pass doesn't say.

    files: where its record lies, relative to the page, if the page lies beside its records. channels: of images, those
    that are shown as red, green and blue. lost: why the rest of the case can't be shown.
    """

    anchor: str
    case: PlannedCase
    state: State
    word: str
    record: Record | None
    message: str
    measures: Measures | None
    versus: Versus | None
    drawings: tuple[Drawing, ...]
    parameters: tuple[Parameter, ...]
    provenance: tuple[tuple[str, str], ...]
    explanation: Explanation
    command: str
    found: str
    caveats: tuple[str, ...]
    seconds: str
    cached: str
    reused: bool
    files: tuple[str, ...]
    channels: tuple[int, ...] = ()
    lost: str = ""

    @property
    def urgency(self) -> int:
        """The place of its state among all states, from 0 for the most urgent."""
        return STATES.index(self.state)

    @property
    def title(self) -> str:
        """The question, as the record asked it or else as it was planned."""
        return self.record.title if self.record else self.case.title

    @property
    def drawables(self) -> Iterator[Drawable]:
        """Every chart of the card."""
        drawings = (*self.drawings, *(self.versus.drawings if self.versus else ()))
        yield from (drawing.body.figure for drawing in drawings if isinstance(drawing.body, Chart))
        found = self.measures
        bars = [found.headline.bar] if found and found.headline else []
        judged = [j for row in (found.rows + found.members if found else ()) for j in row.judged]
        judged += [j for row in (self.versus.rows if self.versus else ()) for j in row.judged]
        yield from (bar.plot for bar in (*bars, *(j.bar for j in judged)) if bar)

    @cached_property
    def sentence(self) -> str:
        """The finding in a sentence or two."""
        if self.record and self.record.failure:
            return text.shortened(self.record.failure.message, _LONGEST_FINDING)
        return self.found or text.shortened(self.message, _LONGEST_FINDING)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """An example of what was found, if the case has images."""
        evidence = self.record.evidence if self.record else None
        return telling_pictures(evidence.figures, self.channels) if evidence else ()

    @property
    def texts(self) -> Iterator[str]:
        """What is said on the card in words."""
        yield from (self.title, self.message, self.sentence)
        yield from (f"{parameter.name} {parameter.value}" for parameter in self.parameters)
        yield from (f"{drawing.title} {drawing.caption}" for drawing in self.drawings)
        found = self.measures
        yield from (f"{row.name} {row.meaning}" for row in (found.rows + found.members if found else ()))
        if self.record and self.record.evidence:
            yield from (f"{test.name} {test.message}" for test in self.record.evidence.diagnostics)

    @property
    def attacks(self) -> Iterator[str]:
        """The attacks that its parameters name."""
        given = self.record.params.get("attacks") if self.record else None
        for attack in given if isinstance(given, list | tuple) else ():
            if isinstance(attack, dict) and "attack" in attack:
                yield str(attack["attack"])

    def bare(self, why: str) -> "Card":
        """The card with its verdict, and why there is no more."""
        shown = text.shortened(self.message, _LONGEST_MESSAGE)
        return replace(
            self,
            record=None,
            message=shown,
            measures=None,
            versus=None,
            drawings=(),
            parameters=(),
            provenance=(),
            lost=why,
        )


@dataclass(frozen=True)
class Page:
    """What the template shows. counts: how many cases are in each state; states: those that occur. seconds: what the
    cases took that were measured by this run; cached: how many weren't.
    """

    run: Run
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
    def verdicts(self) -> tuple[tuple[str, str], ...]:
        """The words for what became of the cases that occur, most urgent first, and what they mean."""
        ranked = sorted(self.cards, key=lambda card: card.urgency)
        return tuple((word, VERDICTS[word]) for word in dict.fromkeys(card.word for card in ranked))

    @property
    def terms(self) -> tuple[Term, ...]:
        """The words of the field on this page, and what they mean."""
        return terms(
            (said for card in self.cards for said in card.texts),
            (name for card in self.cards for name in card.attacks),
        )

    @property
    def states(self) -> tuple[State, ...]:
        """The states that occur, most urgent first."""
        return tuple(state for state in STATES if self.counts[state])


def make_page(run: Run, beside_records: bool = False) -> Page:
    """Put a page together from a run. beside_records: whether it lies in the folder of the run's records."""
    explanations = {check: explain(check) for check in sorted(_checks(run))}
    cards = tuple(_card(run, case, number, explanations, beside_records) for number, case in enumerate(run.cases))
    counts = outcome.counts(run)
    ranked = sorted((c for c in cards if c.state != "not selected"), key=lambda c: (c.urgency, c.word == c.state))
    return Page(
        run=run,
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
    )


def _checks(run: Run) -> set[str]:
    return {case.check for case in run.cases} | {record.check for record in run.records.values()}


def _card(
    run: Run, case: PlannedCase, number: int, explanations: Mapping[str, Explanation], beside_records: bool
) -> Card:
    record = run.records.get(case.id)
    explanation = explanations[record.check if record else case.check]
    card = Card(
        # No id of a spec has a tilde in it, so that the two kinds of anchor can't meet.
        anchor=f"case-{case.id}" if _SAFE_ID.fullmatch(case.id) else f"case-~{number}",
        case=case,
        state=run.state(case),
        word=outcome.word(run, case),
        record=record,
        message=outcome.message(run, case),
        measures=None,
        versus=None,
        drawings=(),
        parameters=(),
        provenance=(),
        explanation=explanation,
        found=outcome.found(run, case, record.evidence, _LONGEST_FINDING) if record and record.evidence else "",
        caveats=outcome.caveats(run, case),
        command=_command(f"{run.spec}::{case.id}"),
        seconds=text.seconds(record.seconds) if record else "",
        cached=text.moment(record.cached) if record and record.cached else "",
        reused=record is not None and record.run != run.id,
        files=case_files(case.id) if record and beside_records else (),
        channels=run.show_channels,
    )
    if record is None:
        return card
    filled = attempt("The rest of this case", lambda: _filled(card, record, explanation))
    return card.bare(filled.caption) if isinstance(filled, Undrawn) else filled


def _filled(card: Card, record: Record, explanation: Explanation) -> Card:
    """A card with all that its record says."""
    figures = record.evidence.figures if record.evidence else ()
    return replace(
        card,
        measures=measures(record, explanation.metrics),
        versus=versus(record, card.channels),
        drawings=tuple(lay_out(figure, card.channels) for figure in figures),
        parameters=_parameters(record, explanation),
        provenance=tuple((name, text.cut(value, _LONGEST_VALUE)) for name, value in flat(record.provenance)),
    )


def _parameters(record: Record, explanation: Explanation) -> tuple[Parameter, ...]:
    said = {name: text.cut(text.plain(value), _LONGEST_VALUE) for name, value in record.params.items()}
    return tuple(Parameter(name, value, explanation.params.get(name, "")) for name, value in said.items())


def _command(target: str) -> str:
    """A command line that runs one case again; a strange path is quoted so that a shell can't act on it."""
    quoted = f'"{target}"' if _SAFE_TARGET.fullmatch(target) else shlex.quote(target)
    return f"pytest {quoted}"
