"""YAML to `Spec`: validated, and every value marked with its line and column.

Each mistake is a `Problem` with its place. All mistakes in the YAML are reported together, then all in its
structure and types.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from auditor.spec.dossier import ManualEntry, PersonEntry, RequirementEntry, SystemEntry
from auditor.spec.fields import (
    AuditName,
    Confidence,
    ControlId,
    Identifier,
    IsoDate,
    OneOrMore,
    Profiles,
    Sha256,
    Tag,
)
from auditor.spec.marked import Location, Marks, parse
from auditor.spec.mistakes import validate
from auditor.spec.syntax import place_at
from auditor.values import EachOnce, FilePath, Parameters, Problem, Real, Severity, SpecError, one_of

SUFFIX = ".audit.yaml"


Parts = Annotated[int, Field(ge=2, le=100)]


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

    @property
    def compares(self) -> bool:
        """Whether it asks for a comparison with the baseline."""
        return self.max_drop is not None or self.max_rise is not None

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
    slices: Annotated[list[str | Annotated[dict[str, Parts], Field(min_length=1, max_length=1)]], *EachOnce] = Field(
        default_factory=list
    )
    """What groups of images its metrics are also given for: attributes of the data, or `brightness`, `contrast` and
    `colourfulness`, such as `[site, {brightness: 4}]`. A group for each value, or that many of equal size by number;
    `accuracy[site=oslo]`, `accuracy[*site]` (every one) and `accuracy[gap site]` can be expected then."""
    weak_segments: bool | Annotated[int, Field(ge=2)] = False
    """Whether to search for the weakest group of images, by one attribute of the data or two, and by what `slices`
    names: on one half of the images, and measured on the other. `accuracy[weak]` can be expected then. A number is how
    many images a group must have on either half; 30 if it is just `true`."""
    confidence: Confidence | None = None
    """Confidence this check's expectations are judged with; the spec's if left out."""
    controls: list[ControlId] | None = None
    """What this case speaks to in MITRE ATLAS, NIST AI 100-2, the OWASP ML Top 10, the EU AI Act or ISO/IEC 24029, such
    as `atlas:AML.T0015` (or `own:…`); what the check says of itself if left out."""
    tags: list[Tag] = Field(default_factory=list)
    """Words to choose it by, such as `pr` or `nightly`: `pytest specs -m pr`. Those of the spec hold as well."""
    priority: int = 0
    """Where `--audit-budget` can't run all, higher ones run first; equal ones in the order of the file."""
    requirement: OneOrMore = Field(default_factory=list)
    """Ids of the `requirements` that it speaks to: one, or a list."""
    rationale: str | None = None
    """Why this metric, and why this threshold: for whoever has to answer for it."""
    severity: Severity | None = None
    """How much harm it does where this doesn't hold. Of findings that are equally urgent, the worst stand first."""


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
    clusters: Annotated[str, Field(min_length=1)] | None = None
    """The attribute of the data that images taken together share, such as `patient`, `video` or `site`: only groups
    count as independent then, and intervals are those of groups. If left out, every image counts as independent."""
    independent: Literal["images", "deduplicated"] = "images"
    """Whether images that look alike, as `data_quality` finds them, count as observations of their own (`images`), or
    together as one group (`deduplicated`), which makes intervals wider."""
    data: dict[str, Any]
    """The samples: a dataset and its parameters; under `card`, what is to be known of them that no file shows."""
    other_data: dict[Identifier, dict[str, Any]] = Field(default_factory=dict)
    """Further data, each under a name, that checks compare the samples with: what lies outside of what the model is
    for, or what it was trained on. Images of the same size, in the same box."""
    checks: Annotated[list[CheckEntry], Field(min_length=1)]
    """What to measure, and what to expect."""
    waivers: list[WaiverEntry] = Field(default_factory=list)
    """Checks that may fail for now, and who answers for each."""
    system: SystemEntry | None = None
    """What the model is part of: its purpose, its users, what may go in. The report begins with it."""
    responsible: PersonEntry | None = None
    """Who answers for the system and for this spec."""
    approver: PersonEntry | None = None
    """Who releases it by this report; somebody else than who is responsible."""
    requirements: list[RequirementEntry] = Field(default_factory=list)
    """What is asked of the system, which checks speak to by `requirement`."""
    evidence: list[ManualEntry] = Field(default_factory=list)
    """What people looked at, beside what is measured: it is shown with who and when, and is never a pass of a gate."""
    profile: Profiles = Field(default_factory=list)
    """Frameworks to cover: one, or a list. What nothing speaks to is a warning, and so fails `validate --strict`."""
    not_applicable: dict[ControlId, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Controls of the profile that don't concern the system, each with the reason."""


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
