"""YAML to `Spec`: validated, and every value marked with its line and column.

YAML 1.2, data only: no tags, no anchors, no duplicate keys. Each mistake is a `Problem` with its place; all
mistakes of a file are reported together.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from auditor.errors import Problem, SpecError, one_of
from auditor.fields import Parameters, Real

SUFFIX = ".audit.yaml"
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Bounds(Parameters):
    """What a metric must be: at least `min`, at most `max`."""

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
    models: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
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
        while location and location not in self.places:
            location = location[:-1]
        return Problem(self.file, *self.places.get(location, (1, 1)), message)

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
    """Read and validate one spec file; raise SpecError with every mistake. `shown_as` is its name in errors."""
    name = shown_as or str(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SpecError([Problem(name, 1, 1, f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SpecError([Problem(name, line, 1, "is not UTF-8 text")]) from error
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
        problems = [_explain(model, dict(mistake), marks, at, also) for mistake in error.errors()]
        raise SpecError(list(dict.fromkeys(problems))) from error


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


def _explain(
    model: type[BaseModel], mistake: dict[str, Any], marks: Marks, at: Location, also: Sequence[str]
) -> Problem:
    inner: Location = tuple(mistake["loc"])
    if inner and inner[-1] == "[key]":
        inner = inner[:-1]
    location = at + inner
    kind, given = mistake["type"], mistake["input"]
    where = ".".join(str(part) for part in location) or "the file"
    if kind == "extra_forbidden":
        allowed = [*_fields_at(model, inner[:-1]), *also]
        return marks.problem(location, one_of(inner[-1], allowed, "key"), at_key=True)
    if kind == "missing":
        return marks.problem(location[:-1], f"{where} is missing: {_purpose(model, inner)}")
    message = str(mistake["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if isinstance(given, dict | list) or given is None:
        got = {dict: "a mapping", list: "a list"}.get(type(given), "nothing")
    else:
        got = repr(given)
    return marks.problem(location, f"{where} {message}, got {got}")


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
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise SpecError([Problem(name, line, column, f"not valid YAML: {message}")]) from error
    except (YAMLError, ValueError) as error:
        raise SpecError([Problem(name, 1, 1, f"not valid YAML: {error}")]) from error
    if node is None:
        message = "the spec is empty; it needs `audit`, `models`, `data` and `checks`"
        raise SpecError([Problem(name, 1, 1, message)])
    reader = _Reader(name, yaml)
    data = reader.read(node, ())
    if reader.problems:
        raise SpecError(reader.problems)
    return data, Marks(name, MappingProxyType(reader.places), MappingProxyType(reader.keys))


_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}


class _Reader:
    """Walks the node tree once, collecting data, places and problems."""

    def __init__(self, name: str, yaml: YAML) -> None:
        self.name = name
        self.yaml = yaml
        self.places: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, location: Location) -> Any:
        self.places[location] = _place(node)
        if node.anchor is not None:
            # An alias would also arrive here as its anchored node, so refusing anchors refuses both, and with
            # them documents that contain themselves or unfold without end.
            self._problem(node, f"anchors and aliases (&{node.anchor}) are not part of the spec language")
            return None
        tag = str(node.tag)
        if tag == "tag:yaml.org,2002:timestamp":
            return str(node.value)
        if tag not in _PLAIN_TAGS:
            self._problem(node, f"the tag {tag!r} is not allowed: specs are data only")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, location)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*location, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

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

    def _scalar(self, node: Node) -> Any:
        try:
            value = self.yaml.constructor.construct_object(node)
        except (YAMLError, ValueError) as error:
            self._problem(node, f"{node.value!r} can't be read as a value: {error}")
            return None
        # Plain `str`, not a subclass: execnet and JSON dispatch on exact types.
        return str(value) if isinstance(value, str) else value

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self.name, *_place(node), message))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
