"""YAML to `Spec`: validated, and every value marked with its line and column.

Each mistake is a `Problem` with its place. All mistakes in the YAML are reported together, then all in its
structure and types.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from auditor.spec.marked import Location, Marks, parse
from auditor.spec.mistakes import validate
from auditor.spec.syntax import place_at
from auditor.values import CONTROLS, OWN, FilePath, Parameters, Problem, Real, SpecError, one_of

SUFFIX = ".audit.yaml"

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


class Bounds(Parameters):
    """What a metric must be: at least `min`, at most `max`, and how far it may move from the baseline's."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: Real | None = None
    """The metric's whole interval must lie at or above this."""
    max: Real | None = None
    """The metric's whole interval must lie at or below this."""
    max_drop: Annotated[Real, Field(ge=0)] | None = None
    """How far the metric may lie below the baseline's (a margin of non-inferiority): the interval of the paired
    difference must lie at or above minus this."""
    max_rise: Annotated[Real, Field(ge=0)] | None = None
    """How far the metric may lie above the baseline's, for metrics that are better when low."""

    @model_validator(mode="after")
    def _ordered(self) -> "Bounds":
        if all(value is None for value in (self.min, self.max, self.max_drop, self.max_rise)):
            raise ValueError("needs `min`, `max`, `max_drop` or `max_rise`")
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
    """Bounds by metric. Without any the check is descriptive: it shows its evidence, and claims nothing."""
    confidence: Confidence | None = None
    """Confidence this check's expectations are judged with; the spec's if left out."""
    controls: list[ControlId] | None = None
    """What this case speaks to in MITRE ATLAS, NIST AI 100-2, the OWASP ML Top 10, the EU AI Act or ISO/IEC 24029, such
    as `atlas:AML.T0015` (or `own:…`); what the check says of itself if left out."""
    tags: list[Tag] = Field(default_factory=list)
    """Words to choose it by, such as `pr` or `nightly`: `pytest specs -m pr`. Those of the spec hold as well."""
    priority: int = 0
    """Where `--audit-budget` can't run all, higher ones run first; equal ones in the order of the file."""


class WaiverEntry(Parameters):
    """Somebody answers for a check that doesn't pass, for a while: it then shows as waived."""

    case: str
    """The id of the check."""
    owner: Annotated[str, Field(min_length=1)]
    """Who answers for it."""
    reason: Annotated[str, Field(min_length=1)]
    """Why it may be released all the same."""
    expires: IsoDate
    """The last day it holds, such as 2027-01-31; from the next day on the check fails again."""
    sha256: Sha256 | None = None
    """Digest of the checkpoint it is given for; any checkpoint if left out."""


class Safeguards(Parameters):
    """What is said of a checkpoint of any format, beside the parameters of its own."""

    sha256: Sha256 | Annotated[dict[str, Sha256], Field(min_length=1)] | None = None
    """The checkpoint's digest, as reports show it, or that of every file, as `sha256sum` prints them in its folder.
    With any other, every case that uses the model is an error, and nothing is loaded."""
    public_key: FilePath | None = None
    """Who must have signed it, with `model-signing`: a file with an elliptic-curve key (PEM). Extra `signing`."""
    signature_path: FilePath | None = None
    """The signature; `model.sig` beside the checkpoint, or in its folder, if left out."""
    trusted: bool = False
    """Load it in the audit's own process at once. Else it is first loaded in another one, whose time and memory are
    limited, until it has passed there once."""
    random: bool = False
    """Whether it may hold operations that read a clock or randomness, or keep state. Else no pass of a case that asks
    it stands, and nothing of it is cached. Whether it answers alike each time is measured either way."""
    load_seconds: Annotated[Real, Field(gt=0)] = 120.0
    """How long loading it and two predictions may take, where it isn't trusted."""
    load_gigabytes: Annotated[Real, Field(gt=0)] = 8.0
    """How much memory that may take."""

    @model_validator(mode="after")
    def _with_key(self) -> "Safeguards":
        if self.signature_path is not None and self.public_key is None:
            raise ValueError("`signature_path` needs `public_key`, the key that must have signed it")
        return self


class SpecFile(Parameters):
    """One `*.audit.yaml` file."""

    audit: AuditName
    """The name of this audit; its report lands in a folder of that name."""
    title: str | None = None
    """A headline for the report."""
    seed: Annotated[int, Field(ge=0)] = 0
    """All randomness derives from it."""
    confidence: Confidence = 0.95
    """Confidence level of every interval: how sure a pass must be."""
    interval: Literal["exact", "wilson"] = "exact"
    """The intervals that a report describes shares with: exact (Clopper-Pearson), or score intervals (Wilson's, and
    Tango's for differences from a baseline), which are shorter. Expectations are judged by exact limits either way."""
    tags: list[Tag] = Field(default_factory=list)
    """Words that all checks of this spec can be chosen by, such as `pr` or `nightly`: `pytest specs -m nightly`."""
    correction: Literal["none", "holm"] = "none"
    """With `holm`, the confidence holds for all expectations of the spec together (Holm, 1979), not for each."""
    reruns: Literal["count", "correct", "refuse"] = "count"
    """What asking the same again with another seed does, which passes any gate sometime: it is counted, in the history
    of the reports folder, and shown; with `correct` the k-th look has 1/(k (k + 1)) of the risk, which is never more
    than all of it together; with `refuse` a look with another seed is an error."""
    models: Annotated[dict[Identifier, dict[str, Any]], Field(min_length=1)]
    """The checkpoints, each under a name: its format and that format's parameters. One named `baseline` is what
    `max_drop` and `max_rise` compare with, unless a previous run's records are given."""
    data: dict[str, Any]
    """The samples: a dataset and its parameters."""
    other_data: dict[Identifier, dict[str, Any]] = Field(default_factory=dict)
    """Further data, each under a name, that checks compare the samples with: what lies outside of what the model is
    for, or what it was trained on. Images of the same size, in the same box."""
    checks: Annotated[list[CheckEntry], Field(min_length=1)]
    """What to measure, and what to expect."""
    waivers: list[WaiverEntry] = Field(default_factory=list)
    """Checks that may fail for now, and who answers for each."""


@dataclass(frozen=True)
class Spec:
    """A spec as written: structure and types checked, names not yet resolved (`auditor.spec.plan` does that)."""

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
        place = place_at(raw[: error.start].decode())
        message = f"not UTF-8 text: the byte 0x{raw[error.start]:02x} can't stand here; save the file as UTF-8"
        raise SpecError([Problem(name, *place, message)]) from error
    data, marks = parse(text, name)
    content = validate(SpecFile, data, marks, ())
    _unique_ids(content, marks)
    _waivers_fit(content, marks)
    return Spec(path, hashlib.sha256(raw).hexdigest(), content, marks)


def _unique_ids(content: SpecFile, marks: Marks) -> None:
    first: dict[str, int] = {}
    problems = []
    for position, entry in enumerate(content.checks):
        key = entry.id.lower()
        if key in first:
            other = content.checks[first[key]].id
            line = marks.line(("checks", first[key], "id"))
            if other == entry.id:
                message = f"id {entry.id!r} is used twice, first at line {line}; ids are unique in a file"
            else:
                message = (
                    f"id {entry.id!r} differs from {other!r}, at line {line}, by capitals alone, which not every file "
                    "system tells apart; rename one"
                )
            problems.append(marks.problem(("checks", position, "id"), message))
        first.setdefault(key, position)
    if problems:
        raise SpecError(problems)


def _waivers_fit(content: SpecFile, marks: Marks) -> None:
    ids = [entry.id for entry in content.checks]
    first: dict[str, int] = {}
    problems = []
    for position, waiver in enumerate(content.waivers):
        at: Location = ("waivers", position, "case")
        if waiver.case not in ids:
            problems.append(marks.problem(at, one_of(waiver.case, ids, "check id")))
        elif waiver.case in first:
            message = f"{waiver.case!r} is waived twice, first at line {first[waiver.case]}; keep one"
            problems.append(marks.problem(at, message))
        first.setdefault(waiver.case, marks.line(at))
    if problems:
        raise SpecError(problems)
