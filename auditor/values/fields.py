"""The field types that parameters in a spec are written with."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

_FRACTION = re.compile(r"^([+-]?\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)$")


# Bounds on a value that pydantic validates by a function keep pydantic's short names.
_KEYWORDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}


class SchemaGenerator(GenerateJsonSchema):
    """JSON Schema of parameters, in JSON Schema's own words."""

    def generate_inner(self, schema: CoreSchema) -> dict[str, Any]:  # noqa: D102 - as in the base class
        return {_KEYWORDS.get(keyword, keyword): value for keyword, value in super().generate_inner(schema).items()}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002, D102
        return False  # a title made from the field's name says nothing that the name doesn't


# The type of a pydantic error whose message says everything, so that nothing is added to it.
TOLD = "told"


class Parameters(BaseModel):
    """Base of every `Params`: frozen, no unknown keys, no guessing between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """Every file that is read for `path`, one of these parameters: itself, or all in the folder it names."""
        return (path,) if path.is_file() else tuple(sorted(file for file in path.rglob("*") if file.is_file()))


def _real(value: Any) -> float:
    if isinstance(value, str) and (match := _FRACTION.match(value)) and float(match[2]) != 0:
        value = float(match[1]) / float(match[2])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number, or a fraction such as 8/255")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("should be a finite number")
    return number


def _listed(value: Any) -> Any:
    if not isinstance(value, str | list):
        raise ValueError("should be a name or a list of names")
    return [value] if isinstance(value, str) else value


def _each_once(names: list[Any]) -> list[Any]:
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise ValueError(f"should name each once, as it counts once; {twice!r} stands there twice")
    return names


def either(one: Any, many: Any) -> PlainValidator:
    """A value of one type, or a list of another; mistakes keep their place in it."""
    of_one, of_many = TypeAdapter(one), TypeAdapter(many)

    def validated(given: Any) -> Any:
        return (of_many if isinstance(given, list) else of_one).validate_python(given, strict=True)

    return PlainValidator(validated, json_schema_input_type=one | many)


# Of a list: nothing stands in it twice, since what is measured twice is no larger sample.
EachOnce = AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True})

Real = Annotated[
    float,
    BeforeValidator(_real, json_schema_input_type=float | Annotated[str, Field(pattern=_FRACTION.pattern)]),
]
PositiveReal = Annotated[Real, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
ClassNumber = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class ChoosesClass:
    """Marks a field whose value is a class of the data, by number or by name. also: values that are none."""

    also: tuple[str, ...] = ()


ClassChoice = Annotated[ClassNumber | str, ChoosesClass()]


@dataclass(frozen=True)
class Refers:
    """Marks a field whose value (or each value of its list) names something else in the spec or on disk."""

    to: Literal["case", "model", "data", "file"]


CaseId = Annotated[str, Refers("case")]
CaseIds = Annotated[
    list[str],
    Field(min_length=1),
    AfterValidator(_each_once),
    BeforeValidator(
        _listed,
        json_schema_input_type=str | Annotated[list[str], Field(min_length=1, json_schema_extra={"uniqueItems": True})],
    ),
    Refers("case"),
]
ModelName = Annotated[str, Refers("model")]
ModelNames = Annotated[list[str], Field(min_length=1), *EachOnce, Refers("model")]
DataName = Annotated[str, Refers("data")]
FilePath = Annotated[str, Refers("file")]


@dataclass(frozen=True)
class Reference:
    """One name found in parameters: where it stands (keys and list positions), what it refers to."""

    location: tuple[str | int, ...]
    to: Literal["case", "model", "data", "file"]
    name: str


def references(params: BaseModel) -> tuple[Reference, ...]:
    """Every name in `params` that a `Refers` field holds."""
    found = []
    for name, marker in _referring(type(params)):
        value = getattr(params, name)
        if value is None:
            continue
        if isinstance(value, list):
            found += [Reference((name, i), marker.to, item) for i, item in enumerate(value)]
        else:
            found.append(Reference((name,), marker.to, value))
    return tuple(found)


def chosen_classes(params: BaseModel) -> Iterator[tuple[str, int | str, tuple[str, ...]]]:
    """Every class that a field of `params` chooses: the field's name, the class, and what it may hold that is none."""
    for name, info in type(params).model_fields.items():
        value = getattr(params, name)
        for marker in _markers((*info.metadata, info.annotation), ChoosesClass):
            if value is not None and value not in marker.also:
                yield name, value, marker.also


@cache
def _referring(kind: type[BaseModel]) -> tuple[tuple[str, Refers], ...]:
    """The fields of a kind of parameters that hold names, each with its marker."""
    fields = kind.model_fields.items()
    return tuple(
        (name, marker) for name, info in fields for marker in _markers((*info.metadata, info.annotation), Refers)
    )


_Marker = TypeVar("_Marker", Refers, ChoosesClass)


def _markers(parts: Iterable[Any], kind: type[_Marker]) -> Iterator[_Marker]:
    """Find the markers in an annotation, also within `CaseId | None` or `list[CaseId]`."""
    for part in parts:
        if isinstance(part, kind):
            yield part
        else:
            yield from _markers(get_args(part), kind)
