"""YAML 1.2 to plain data, every value marked with its line and column.

Data only: no tags, no anchors, no duplicate keys. All mistakes of a file are reported together.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from reprlib import Repr
from types import MappingProxyType
from typing import Any

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    MappingStartEvent,
    ScalarEvent,
    StreamEndEvent,
)
from yaml.reader import Reader

from auditor.spec.syntax import DEEPEST, TOO_DEEP, explained, place_at
from auditor.telling.escaping import unfit
from auditor.values import Problem, SpecError

Location = tuple[str | int, ...]
_repr = Repr()
_repr.maxstring = _repr.maxlong = _repr.maxother = 60


@dataclass(frozen=True)
class Marks:
    """Where each value stands. Keys of `places` are locations such as `("checks", 0, "params", "target")`."""

    file: str
    places: Mapping[Location, tuple[int, int]]
    keys: Mapping[Location, tuple[int, int]]

    def problem(self, location: Location, message: str, at_key: bool = False) -> Problem:
        """Make a problem at `location`, or at the nearest enclosing place that exists in the file."""
        if at_key and location in self.keys:
            return Problem(self.file, *self.keys[location], message)
        return Problem(self.file, *self.places[self.existing(location)], message)

    def existing(self, location: Location) -> Location:
        """Return `location`, or the nearest enclosing one that stands in the file."""
        while location not in self.places:
            location = location[:-1]
        return location

    def line(self, location: Location) -> int:
        """Line, from 1, of the value at `location`."""
        return self.places[location][0]


def parse(text: str, name: str) -> tuple[Any, Marks]:
    """Read YAML 1.2; raise SpecError with every mistake. `name` is what the file is called in them."""
    unprintable = Reader.NON_PRINTABLE.search(text)
    if unprintable:
        place = place_at(text[: unprintable.start()])
        message = f"not valid YAML: the character {unprintable[0]!r} is not allowed"
        raise SpecError([Problem(name, *place, message)])
    reader = _Reader(name, yaml.parse(text, Loader=_LOADER))
    try:
        data = reader.document()
    except MarkedYAMLError as error:
        place, message = explained(text, error, reader.opened, reader.done)
        raise SpecError([Problem(name, *place, message)]) from error
    if reader.problems:
        raise SpecError(list(dict.fromkeys(reader.problems)))
    if data is None:
        message = "the spec is empty; it needs `audit`, `models`, `data` and `checks`"
        raise SpecError([Problem(name, 1, 1, message)])
    return data, Marks(name, MappingProxyType(reader.places), MappingProxyType(reader.keys))


def shown(value: Any) -> str:
    """Quote a value of a spec, shortened, as a person would write it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value).lower() if isinstance(value, bool) else _repr.repr(value)


# The parser in C is thirty times as fast as any in Python; every wheel of PyYAML has it.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
# What a plain scalar is by the core schema of YAML 1.2 (10.3.2), text otherwise. PyYAML's own rules are those of 1.1.
_PLAIN = re.compile(
    r"""(?P<null>~|null|Null|NULL|)
    |(?P<bool>true|True|TRUE|false|False|FALSE)
    |(?P<int>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)
    |(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))""",
    re.VERBOSE,
)
_MADE: Mapping[str, Callable[[str], Any]] = {
    "!!str": str,
    "!!null": lambda _: None,
    "!!bool": lambda text: {"true": True, "false": False}[text.lower()],
    "!!int": lambda text: int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)),
    "!!float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
}
_COLLECTIONS = ("!!map", "!!seq")
_WRITE_OUT = "write the value out, or in quotes if it is text"


class _Reader:
    """Walks a document's events once, collecting data, places and problems."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = self._followed(events)
        self.opened: list[CollectionStartEvent] = []
        self.done = 0
        self.places: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}
        self.anchors: set[str] = set()
        self.problems: list[Problem] = []

    def _followed(self, events: Iterator[Any]) -> Iterator[Any]:
        """The same events; `opened` keeps what began and hasn't ended, `done` the position that was reached."""
        for event in events:
            self.done = event.end_mark.index
            if isinstance(event, CollectionStartEvent):
                self.opened.append(event)
                if len(self.opened) > DEEPEST:
                    raise SpecError([Problem(self.name, 1, 1, TOO_DEEP)])
            elif isinstance(event, CollectionEndEvent):
                self.opened.pop()
            yield event

    def document(self) -> Any:
        """What the only document holds; None where there is none."""
        data = None
        for event in self.events:
            if isinstance(event, AliasEvent | ScalarEvent | CollectionStartEvent):
                data = self.read(event, ())
            elif isinstance(event, DocumentEndEvent):
                break
        after = next(self.events, None)
        if after is not None and not isinstance(after, StreamEndEvent):
            message = "not valid YAML: a spec is one document, and here another begins"
            raise SpecError([Problem(self.name, *_place(after), message)])
        return data

    def read(self, event: Any, location: Location) -> Any:
        """Read the value that begins with this event."""
        absent = event.start_mark.index == event.end_mark.index and isinstance(event, ScalarEvent)
        self.places[location] = self.keys.get(location, _place(event)) if absent else _place(event)
        told = self._refusal(event)
        if told:
            self._problem(event, told)
            self._skip(event)
            return None
        if isinstance(event, MappingStartEvent):
            return self._mapping(location)
        if isinstance(event, CollectionStartEvent):
            return [self.read(item, (*location, i)) for i, item in enumerate(self._inside())]
        return self._scalar(event) if isinstance(event, ScalarEvent) else None

    def _refusal(self, event: Any) -> str | None:
        """Why a value can't stand in a spec, if it can't."""
        if isinstance(event, AliasEvent):
            # One that exists was refused where its anchor stands, and with it documents that contain themselves or
            # unfold without end.
            return None if event.anchor in self.anchors else f"aliases (*{event.anchor}) are not allowed: {_WRITE_OUT}"
        if event.anchor is not None:
            self.anchors.add(event.anchor)
            return f"anchors and aliases (&{event.anchor}) are not allowed: {_WRITE_OUT}"
        tag = _tag(event)
        if tag in _MADE or tag in _COLLECTIONS or tag is None:
            return None
        return f"the tag {tag} is not allowed: specs are data only"

    def _scalar(self, event: ScalarEvent) -> Any:
        tag = _tag(event)
        if tag is None:
            plain = _PLAIN.fullmatch(event.value) if event.implicit[0] else None
            tag = f"!!{plain.lastgroup}" if plain else "!!str"
        hidden = unfit(event.value)
        if hidden:
            self._problem(event, f"the character {hidden} can't be seen, or hides others: leave it out")
            return None
        try:
            return _MADE[tag](event.value)
        except (ValueError, KeyError):
            self._problem(event, f"{shown(event.value)} can't be read as {tag}")
            return None

    def _mapping(self, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_event in self._inside():
            scalar = isinstance(key_event, ScalarEvent)
            told = self._refusal(key_event) if scalar else "a key must be a plain name"
            if scalar and not told and (hidden := unfit(key_event.value)):
                told = f"the character {hidden} can't be seen, or hides others: leave it out of the key"
            if told:
                self._problem(key_event, told)
                self._skip(key_event)
                self._skip(next(self.events))
                continue
            key = str(key_event.value)
            here = (*location, key)
            if key in result:
                line = self.keys[here][0]
                self._problem(key_event, f"the key {key!r} stands twice in one mapping, first at line {line}")
                self._skip(next(self.events))
                continue
            self.keys[here] = _place(key_event)
            result[key] = self.read(next(self.events), here)
        return result

    def _inside(self) -> Iterator[Any]:
        """The events that begin what a collection holds; what begins with each is to be read or skipped."""
        for event in self.events:
            if isinstance(event, CollectionEndEvent):
                return
            yield event

    def _skip(self, event: Any) -> None:
        """Pass over the value that begins with this event."""
        depth = int(isinstance(event, CollectionStartEvent))
        while depth:
            event = next(self.events)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)

    def _problem(self, event: Any, message: str) -> None:
        self.problems.append(Problem(self.name, *_place(event), message))


def _tag(event: Any) -> str | None:
    """The tag as it is written in the file, None where there is none that says anything."""
    tag = getattr(event, "tag", None)
    return str(tag).replace("tag:yaml.org,2002:", "!!") if tag and tag != "!" else None


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
