"""YAML to `Spec`: validated, and every value marked with its line and column.

YAML 1.2, data only: no tags, no anchors, no duplicate keys. Each mistake is a `Problem` with its place. All
mistakes in the YAML are reported together, then all in its structure and types.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from auditor.errors import Problem, SpecError, one_of
from auditor.fields import TOLD, Parameters, Real

SUFFIX = ".audit.yaml"
Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_IDENTIFIER = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("should be 1 to 100 of the characters A-Z a-z 0-9 _ . -")
    return value


Identifier = Annotated[
    str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": _IDENTIFIER.pattern})
]


class Bounds(Parameters):
    """What a metric must be: at least `min`, at most `max`."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: Real | None = None
    """The metric's whole interval must lie at or above this."""
    max: Real | None = None
    """The metric's whole interval must lie at or below this."""

    @model_validator(mode="after")
    def _ordered(self) -> "Bounds":
        if self.min is None and self.max is None:
            raise ValueError("needs `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min:g} is above `max` {self.max:g}")
        return self


class CheckEntry(Parameters):
    """One check of a spec: a kind of measurement, its parameters, and what is expected of it."""

    id: Identifier
    """Unique in the file; part of the test's name."""
    check: str
    """Which measurement; `auditor checks` lists them."""
    title: str | None = None
    """The claim or question in plain words, for the report."""
    model: str | None = None
    """The model to measure, by its name under `models`; the first one if left out."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the check; `auditor checks NAME` explains them."""
    expect: dict[str, Bounds] = Field(default_factory=dict)
    """Bounds by metric. Without any the check is descriptive: it passes when its evidence was made."""


class SpecFile(Parameters):
    """One `*.audit.yaml` file."""

    audit: Identifier
    """The name of this audit; its report lands in a folder of that name."""
    title: str | None = None
    """A headline for the report."""
    seed: Annotated[int, Field(ge=0)] = 0
    """All randomness derives from it."""
    confidence: Annotated[Real, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of every interval."""
    interval: Literal["exact", "wilson"] = "exact"
    """The interval of a proportion: exact (Clopper-Pearson) or Wilson's score interval."""
    models: Annotated[dict[Identifier, dict[str, Any]], Field(min_length=1)]
    """The checkpoints, each under a name: its format and that format's parameters."""
    data: dict[str, Any]
    """The samples: a dataset and its parameters."""
    checks: Annotated[list[CheckEntry], Field(min_length=1)]
    """What to measure, and what to expect."""


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


@dataclass(frozen=True)
class Spec:
    """A spec as written: structure and types checked, names not yet resolved (`auditor.plan` does that)."""

    path: Path
    digest: str
    content: SpecFile
    marks: Marks


def read_spec(path: Path, shown_as: str | None = None) -> Spec:
    """Read and validate one spec file, called `shown_as` in errors; raise SpecError with its mistakes."""
    name = shown_as or str(path)
    try:
        raw = path.read_bytes()
        text = raw.decode().removeprefix("\ufeff")
    except OSError as error:
        raise SpecError([Problem(name, 1, 1, f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        place = _place_at(raw[: error.start].decode())
        message = f"not UTF-8 text: the byte 0x{raw[error.start]:02x} can't stand here; save the file as UTF-8"
        raise SpecError([Problem(name, *place, message)]) from error
    data, marks = _parse(text, name)
    content = validate(SpecFile, data, marks, ())
    _unique_ids(content, marks)
    return Spec(path, hashlib.sha256(raw).hexdigest(), content, marks)


def validate(model: type[Model], data: Any, marks: Marks, at: Location, also: Sequence[str] = ()) -> Model:
    """Validate `data`, found at location `at`, against a pydantic model; raise SpecError with every mistake.

    also: further names that an unknown key may have been meant as.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SpecError(_explain(model, error.errors(), marks, at, also)) from error


def _unique_ids(content: SpecFile, marks: Marks) -> None:
    first: dict[str, int] = {}
    problems = []
    for position, entry in enumerate(content.checks):
        if entry.id in first:
            line = marks.line(("checks", first[entry.id], "id"))
            message = f"id {entry.id!r} is used twice, first at line {line}; ids are unique in a file"
            problems.append(marks.problem(("checks", position, "id"), message))
        first.setdefault(entry.id, position)
    if problems:
        raise SpecError(problems)


# --- from pydantic's mistakes to ours

# How a person says what pydantic asks for, by pydantic's name of the mistake.
_WISHES = {
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping",
    "greater_than": "should be above {gt:g}",
    "greater_than_equal": "should be at least {ge:g}",
    "int_from_float": "should be a whole number",
    "int_type": "should be a whole number",
    "less_than": "should be below {lt:g}",
    "less_than_equal": "should be at most {le:g}",
    "list_type": "should be a list",
    "literal_error": "should be {expected}",
    "model_type": "should be a mapping",
    "string_pattern_mismatch": "should match {pattern}",
    "string_too_long": "should have {max_length} or fewer characters",
    "string_too_short": "should have {min_length} or more characters",
    "string_type": "should be text",
    "too_long": "should have {max_length} or fewer entries",
    "too_short": "should have {min_length} or more entries",
}
_repr = Repr()
_repr.maxstring = _repr.maxlong = _repr.maxother = 60


def _explain(
    model: type[BaseModel], mistakes: Sequence[ErrorDetails], marks: Marks, at: Location, also: Sequence[str]
) -> list[Problem]:
    problems = []
    unmet: dict[Location, list[ErrorDetails]] = {}
    for mistake in mistakes:
        inner = mistake["loc"]
        location = at + inner
        if mistake["type"] == "extra_forbidden":
            allowed = [*_fields_at(model, inner[:-1]), *also]
            problems.append(marks.problem(location, one_of(inner[-1], allowed, "key"), at_key=True))
        elif mistake["type"] == TOLD:
            problems.append(marks.problem(location, mistake["msg"], at_key=True))
        elif mistake["type"] == "missing":
            message = f"{_called(location)} is missing: {_purpose(model, inner)}"
            problems.append(marks.problem(location[:-1], message))
        elif inner and inner[-1] == "[key]":
            problems.append(marks.problem(location[:-1], _unmet(location[:-1], [mistake]), at_key=True))
        else:
            # Each alternative of a union makes a mistake of its own, below the place that stands in the file.
            unmet.setdefault(marks.existing(location), []).append(mistake)
    return problems + [marks.problem(place, _unmet(place, together)) for place, together in unmet.items()]


def _unmet(location: Location, mistakes: Sequence[ErrorDetails]) -> str:
    """Say what should stand at `location`, by any one of the alternatives that failed, and what does."""
    wishes, hint = [], ""
    for mistake in mistakes:
        details = mistake.get("ctx", {})
        message = mistake["msg"].removeprefix("Value error, ").removeprefix("Input ")
        wish = _WISHES.get(mistake["type"])
        wishes.append(wish.format(**details) if wish else message)
        names = re.findall(r"'([^']+)'", details.get("expected", ""))
        close = get_close_matches(str(mistake["input"]), names, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else hint
    given, called = mistakes[0]["input"], _called(location)
    if mistakes[0]["type"] == "value_error" and isinstance(given, dict):
        return f"{called}: {wishes[0]}"  # what is wrong is how the values of a mapping go together
    wish = " or ".join([wishes[0], *(other.removeprefix("should be ") for other in wishes[1:])])
    got = mistakes[0].get("ctx", {}).get("actual_length", _shown(given))
    return f"{called} {wish}, got {got}{hint}"


def _called(location: Location) -> str:
    """What a person calls a place whose line is known: `params.target`, item 2 of `data.box`."""
    if location[:1] == ("checks",) and len(location) > 2:
        location = location[2:]
    name = f"`{'.'.join(part for part in location if isinstance(part, str))}`"
    last = location[-1] if location else None
    return f"item {last + 1} of {name}" if isinstance(last, int) else name if location else "the spec"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value).lower() if isinstance(value, bool) else _repr.repr(value)


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Follow a location through nested models, lists and dicts of models to the model that stands there."""
    current: type[BaseModel] | None = model
    annotation: Any = model
    for part in location:
        if isinstance(part, str) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            info = annotation.model_fields.get(part)
            annotation = info.annotation if info else None
        else:
            arguments = getattr(annotation, "__args__", ())
            annotation = arguments[-1] if arguments else None
        current = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return current


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    found = _model_at(model, location)
    return list(found.model_fields) if found else []


def _purpose(model: type[BaseModel], location: Location) -> str:
    found = _model_at(model, location[:-1])
    info = found.model_fields.get(str(location[-1])) if found else None
    return (info.description if info else None) or "it has no default"


# --- from text to plain data with marks


def _parse(text: str, name: str) -> tuple[Any, Marks]:
    yaml = YAML(typ="safe", pure=True)
    reader = _Reader(name, yaml)
    try:
        node = yaml.compose(text)
        data = reader.read(node, ()) if node else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise SpecError([Problem(name, line, column, f"not valid YAML: {message}")]) from error
    except ReaderError as error:
        place = _place_at(text[: error.position])
        message = f"not valid YAML: the character {text[error.position]!r} is not allowed"
        raise SpecError([Problem(name, *place, message)]) from error
    except RecursionError as error:
        raise SpecError([Problem(name, 1, 1, "nested too deeply to be a spec")]) from error
    if reader.problems:
        raise SpecError(list(dict.fromkeys(reader.problems)))
    if data is None:
        message = "the spec is empty; it needs `audit`, `models`, `data` and `checks`"
        raise SpecError([Problem(name, 1, 1, message)])
    return data, Marks(name, MappingProxyType(reader.places), MappingProxyType(reader.keys))


_PLAIN_TAGS = ("!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq")


class _Reader:
    """Walks the node tree once, collecting data, places and problems."""

    def __init__(self, name: str, yaml: YAML) -> None:
        self.name = name
        self.yaml = yaml
        self.places: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, location: Location) -> Any:
        absent = node.start_mark.index == node.end_mark.index
        self.places[location] = self.keys.get(location, _place(node)) if absent else _place(node)
        if node.anchor is not None:
            # An alias would also arrive here as its anchored node, so refusing anchors refuses both, and with
            # them documents that contain themselves or unfold without end.
            self._problem(node, f"anchors and aliases (&{node.anchor}) are not allowed: write the value out")
            return None
        tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
        if tag == "!!timestamp":
            return str(node.value)
        if tag not in _PLAIN_TAGS:
            self._problem(node, f"the tag {tag} is not allowed: specs are data only")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, location)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*location, i)) for i, item in enumerate(node.value)]
        try:
            value = self.yaml.constructor.construct_object(node)
        except ValueError:
            self._problem(node, f"{_shown(node.value)} can't be read as {tag}")
            return None
        # Plain `str`, not a subclass: execnet and JSON dispatch on exact types.
        return str(value) if isinstance(value, str) else value

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key must be a plain name")
                continue
            key = str(key_node.value)
            here = (*location, key)
            if key in result:
                line = self.keys[here][0]
                self._problem(key_node, f"the key {key!r} stands twice in one mapping, first at line {line}")
                continue
            self.keys[here] = _place(key_node)
            result[key] = self.read(value_node, here)
        return result

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self.name, *_place(node), message))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _place_at(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows the text `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")
