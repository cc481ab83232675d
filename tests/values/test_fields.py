"""The field types of parameters: strict, and able to say which other things they name."""

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from auditor.values import (
    CaseId,
    CaseIds,
    ClassNumber,
    Count,
    FilePath,
    ModelNames,
    Parameters,
    PositiveReal,
    Real,
    Reference,
    Refers,
    references,
)


class Example(Parameters):
    """Parameters that refer to everything there is."""

    size: Count = 1
    one: CaseId | None = None
    none: CaseId | None = None
    items: list[CaseId] = Field(default=[])
    several: CaseIds = Field(default=["a"])
    models: ModelNames = Field(default=["m"])
    extra: Annotated[list[str], Refers("model")] = Field(default=[])
    path: FilePath = "f"


@pytest.mark.parametrize(
    ("given", "value"), [(1, 1.0), (0.5, 0.5), ("8/255", 8 / 255), ("-1.5/3", -0.5), ("+1/2", 0.5)]
)
def test_a_real_is_a_number_or_a_fraction(given, value):
    made = TypeAdapter(Real).validate_python(given, strict=True)
    assert made == value
    assert type(made) is float


@pytest.mark.parametrize("given", ["1/0", "1/", "/2", "1/-2", "1e3/2", "a", "", " 1/2", "0.5", True, None, [1]])
def test_anything_else_is_no_number(given):
    with pytest.raises(ValidationError, match="should be a number, or a fraction such as 8/255"):
        TypeAdapter(Real).validate_python(given)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), 10**400, "1" * 400 + "/2", "1/0." + "0" * 320 + "1"])
def test_numbers_are_finite(given):
    with pytest.raises(ValidationError, match="should be a"):
        TypeAdapter(Real).validate_python(given)


@pytest.mark.parametrize(
    ("kind", "least", "below"),
    [(Count, 1, 0), (ClassNumber, 0, -1), (PositiveReal, "1/9", "0/1"), (PositiveReal, 1, 0)],
)
def test_ranges_end_where_they_say(kind, least, below):
    TypeAdapter(kind).validate_python(least)
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(below)


@pytest.mark.parametrize(
    "given", [{"size": "1"}, {"size": 1.0}, {"size": True}, {"sise": 1}, {"models": "m"}, {"several": []}]
)
def test_parameters_do_not_guess(given):
    with pytest.raises(ValidationError):
        Example(**given)


def test_parameters_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Example().size = 2


def test_one_case_may_stand_for_a_list():
    assert Example(several="b").several == ["b"]


def test_references_name_every_place_in_order():
    assert references(Example(one="x", several=["a", "b"], items=["i"], extra=["n"])) == (
        Reference(("one",), "case", "x"),
        Reference(("items", 0), "case", "i"),
        Reference(("several", 0), "case", "a"),
        Reference(("several", 1), "case", "b"),
        Reference(("models", 0), "model", "m"),
        Reference(("extra", 0), "model", "n"),
        Reference(("path",), "file", "f"),
    )
