"""The types of fields that a spec's own words have: names, dates, digests, tags, controls, frameworks."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from auditor.values import CONTROLS, OWN, PROFILES, EachOnce, Real, one_of

_IDENTIFIER = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")
_BESIDE = ("index.html", "history.sqlite")  # what lies beside the folders of audits


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("should be 1 to 100 of the characters A-Z a-z 0-9 _ . -")
    return value


Identifier = Annotated[
    str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": _IDENTIFIER.pattern})
]


def _folder(value: str) -> str:
    if value.startswith(".") or value.lower() in _BESIDE:
        raise ValueError("is the name of a folder in `reports/`: it can't begin with a dot, or be that of a file there")
    return value


AuditName = Annotated[
    str,
    AfterValidator(_identifier),
    AfterValidator(_folder),
    WithJsonSchema({"type": "string", "pattern": _IDENTIFIER.pattern, "not": {"pattern": r"^\."}}),
]


def _iso_date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise ValueError("should be a date such as 2027-01-31") from error


IsoDate = Annotated[str, AfterValidator(_iso_date), WithJsonSchema({"type": "string", "format": "date"})]
Confidence = Annotated[Real, Field(gt=0.5, lt=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _known_control(value: str) -> str:
    if value not in CONTROLS and not (value.startswith(OWN) and len(value) > len(OWN)):
        raise ValueError(f"is an {one_of(value, list(CONTROLS), 'control')}; begin one of your own with `{OWN}`")
    return value


_TAG = re.compile(r"^[a-z][a-z0-9_-]{0,49}$")
# Tags become marks, and these have a meaning to pytest, to plugins that are often installed, or to this one.
_PYTESTS = ("filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail")
_PLUGINS = ("asyncio", "audit", "flaky", "timeout", "xdist_group")
_TAKEN = (*_PYTESTS, *_PLUGINS, "and", "not", "or")


def _tag(value: str) -> str:
    if not _TAG.fullmatch(value):
        raise ValueError("should be up to 50 of the characters a-z 0-9 _ -, the first a letter")
    if value in _TAKEN:
        raise ValueError("should be another word, as this one means something else to pytest's -m")
    return value


Tag = Annotated[
    str,
    AfterValidator(_tag),
    WithJsonSchema({"type": "string", "pattern": _TAG.pattern, "not": {"enum": list(_TAKEN)}}),
]
ControlId = Annotated[
    str,
    AfterValidator(_known_control),
    WithJsonSchema({"anyOf": [{"enum": list(CONTROLS)}, {"type": "string", "pattern": f"^{OWN}."}]}),
]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _profile(value: str) -> str:
    if value not in PROFILES:
        raise ValueError(f"is an {one_of(value, list(PROFILES), 'profile')}")
    return value


_OneId = Annotated[list[Identifier], *EachOnce]
OneOrMore = Annotated[
    _OneId,
    BeforeValidator(_listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": _IDENTIFIER.pattern},
                {"type": "array", "items": {"type": "string", "pattern": _IDENTIFIER.pattern}, "uniqueItems": True},
            ]
        }
    ),
]
Profiles = Annotated[
    list[Annotated[str, AfterValidator(_profile)]],
    *EachOnce,
    BeforeValidator(_listed),
    WithJsonSchema(
        {"anyOf": [{"enum": list(PROFILES)}, {"type": "array", "items": {"enum": list(PROFILES)}, "uniqueItems": True}]}
    ),
]
