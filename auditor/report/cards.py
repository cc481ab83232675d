"""A card of a report: everything about one case, and what tells it from others that ask the same."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from auditor.drawing import Drawable
from auditor.records.store import case_files
from auditor.report import outcome, text
from auditor.report.drawing import Chart, Drawing, Picture, lay_out, telling_pictures
from auditor.report.explain import Explanation
from auditor.report.facts import facts, looks
from auditor.report.measures import Measures, measures
from auditor.report.origin import flat
from auditor.report.threat import Attacker, attacker
from auditor.report.versus import Versus, versus
from auditor.values import PlannedCase, Record, Run, State, Undrawn, attempt

_FEW = 10
_LONGEST_DIFFERENCE = 120
_LONGEST_FINDING = 320
_LONGEST_MESSAGE = _LONGEST_VALUE = 2000
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
    that are shown as red, green and blue. lost: why the rest of the case can't be shown. differs: of cases that ask the
    same question, what tells this one from the others. facts: what metrics say beside each other. looks: where images
    don't bear out what the title says of how they look.
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
    attacker: Attacker | None = None
    facts: tuple[str, ...] = ()
    looks: str = ""
    differs: str = ""

    @property
    def urgency(self) -> int:
        """The place of its state, as it is read, among all: 0 for the most urgent."""
        return outcome.urgency_of(self.word)

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
        bars += [row.bar for by in (found.groups if found else ()) for row in by.rows]
        yield from (bar.plot for bar in (*bars, *(j.bar for j in judged)) if bar)

    @cached_property
    def sentence(self) -> str:
        """The finding in a sentence or two."""
        if self.record and self.record.failure:
            return text.shortened(self.record.failure.message, _LONGEST_FINDING)
        if self.state not in ("pass", "descriptive"):
            return text.shortened(self.message, _LONGEST_FINDING)  # what was violated comes before all else
        return self.found or text.shortened(self.message, _LONGEST_FINDING)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """An example of what was found, if the case has images."""
        evidence = self.record.evidence if self.record else None
        return telling_pictures(evidence.figures, self.channels) if evidence else ()

    @property
    def few(self) -> bool:
        """Whether it rests on so few images that a tell-tale test which found nothing says nothing."""
        evidence = self.record.evidence if self.record else None
        counted = [one.n for one in evidence.metrics.values() if one.kind != "exact"] if evidence else []
        return bool(counted) and max(counted) < _FEW

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
            attacker=None,
            facts=(),
            lost=why,
        )


def told_apart(cards: list[Card]) -> tuple[Card, ...]:
    """Cards whose titles are alike say which of their parameters aren't."""
    alike: dict[str, list[Card]] = {}
    for card in cards:
        alike.setdefault(card.title, []).append(card)
    return tuple(replace(card, differs=_apart(card, alike[card.title])) for card in cards)


def _apart(card: Card, others: list[Card]) -> str:
    named = [{one.name: one.value for one in other.parameters} for other in others]
    own = {one.name: one.value for one in card.parameters}
    unlike = [name for name in own if any(other.get(name) != own[name] for other in named)]
    return text.shortened(", ".join(f"{name}: {own[name]}" for name in unlike), _LONGEST_DIFFERENCE)


def card_of(
    run: Run, case: PlannedCase, number: int, explanations: Mapping[str, Explanation], beside_records: bool
) -> Card:
    """Everything about one case. number: its place among all. explanations: by check."""
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
        command=command(f"{run.spec}::{case.id}"),
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
        attacker=attacker(record),
        facts=facts(record),
        looks=looks(record),
        provenance=tuple((name, text.cut(value, _LONGEST_VALUE)) for name, value in flat(record.provenance)),
    )


def _parameters(record: Record, explanation: Explanation) -> tuple[Parameter, ...]:
    said = {name: text.cut(text.plain(value), _LONGEST_VALUE) for name, value in record.params.items()}
    return tuple(Parameter(name, value, explanation.params.get(name, "")) for name, value in said.items())


def command(target: str) -> str:
    """A command line that runs one case again; a strange path is quoted so that a shell can't act on it."""
    quoted = f'"{target}"' if _SAFE_TARGET.fullmatch(target) else shlex.quote(target)
    return f"pytest {quoted}"
