"""From pydantic's mistakes to ours: what should stand there, by the words of this project, and where."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from auditor.spec.marked import Location, Marks, shown
from auditor.values import TOLD, Problem, SpecError, one_of

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], data: Any, marks: Marks, at: Location, also: Sequence[str] = ()) -> Model:
    """Validate `data`, found at location `at`, against a pydantic model; raise SpecError with every mistake.

    also: further names that an unknown key may have been meant as.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SpecError(_explain(model, error.errors(), marks, at, also)) from error


# How a person says what pydantic asks for, by pydantic's name of the mistake. Its own sentences change with its
# version; they are shown only for what no parameter of ours asks for, so that extensions may use every type it has.
WISHES = {
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping",
    "greater_than": "should be above {gt:g}",
    "greater_than_equal": "should be at least {ge:g}",
    "int_from_float": "should be a whole number",
    "int_parsing_size": "should be a whole number of fewer digits",
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
    "string_unicode": "should be text without halves of characters (surrogates)",
    "too_long": "should have {max_length} or fewer entries",
    "too_short": "should have {min_length} or more entries",
}


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
    wishes, names = [], list[str]()
    for mistake in mistakes:
        details = mistake.get("ctx", {})
        wish = WISHES.get(mistake["type"])
        told = str(details.get("error", mistake["msg"]))  # a validator's own words, or else pydantic's
        wishes.append(wish.format(**details) if wish else told)
        names += re.findall(r"'([^']+)'", details.get("expected", ""))
    close = get_close_matches(str(mistakes[0]["input"]), names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    given, called = mistakes[0]["input"], _called(location)
    if mistakes[0]["type"] == "value_error" and isinstance(given, dict):
        return f"{called}: {wishes[0]}"  # what is wrong is how the values of a mapping go together
    wish = " or ".join([wishes[0], *(other.removeprefix("should be ") for other in wishes[1:])])
    got = mistakes[0].get("ctx", {}).get("actual_length", shown(given))
    return f"{called} {wish}, got {got}{hint}"


_LISTED = (("checks",), ("waivers",), ("requirements",), ("evidence",))


def _called(location: Location) -> str:
    """What a person calls a place whose line is known: `params.target`, item 2 of `data.box`."""
    if location[:1] in _LISTED and len(location) > 2:
        location = location[2:]
    name = f"`{'.'.join(part for part in location if isinstance(part, str))}`"
    last = location[-1] if location else None
    return f"item {last + 1} of {name}" if isinstance(last, int) else name if location else "the spec"


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Follow a location through nested models, lists and dicts of models to the model that stands there."""
    current: type[BaseModel] | None = model
    annotation: Any = model
    for part in location:
        if isinstance(part, str) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            info = annotation.model_fields.get(part)
            annotation = info.annotation if info else None
            while get_origin(annotation) in (Union, UnionType, Annotated):  # as in `Model | None`
                annotation = get_args(annotation)[0]
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
