"""What is demanded, concluded and kept: the values that flow from measurement to report. All frozen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from auditor.telling.numbers import threshold
from auditor.values.accountability import Accountability, Purpose
from auditor.values.evidence import Diagnostic, Evidence
from auditor.values.figures import Figure
from auditor.values.metrics import Metric

Status = Literal["pass", "fail", "inconclusive", "error", "descriptive"]
Standing = Literal["in force", "unneeded", "expired", "other checkpoint", "not for errors", "not judged"]
State = Status | Literal["waived", "cut off", "not run", "not selected"]


@dataclass(frozen=True)
class Expectation:
    """What a spec demands of one metric: at least `min`, at most `max`.

    versus_baseline: the demand is on the metric less the baseline's, image by image. hollow: why it claims nothing,
    where the spec's own words say so. share: whether the metric is a share, so that people read it in per cent.
    gap: whether it is a difference of shares, which people read in points.
    """

    metric: str
    min: float | None = None
    max: float | None = None
    versus_baseline: bool = False
    hollow: str = ""
    share: bool = field(default=False, compare=False)
    gap: bool = field(default=False, compare=False)

    @property
    def unit(self) -> str:
        """The kind of metric whose units people read it in; see `auditor.telling.numbers`."""
        if self.gap or (self.share and self.versus_baseline):
            return "difference"
        return "proportion" if self.share else "exact"

    @property
    def in_words(self) -> str:
        """It as people read it beside what was measured: `accuracy ≥ 94%`."""
        ends = (("≥", self.min), ("≤", self.max))
        return " and ".join(
            f"{self.subject} {sign} {threshold(self.unit, end)}" for sign, end in ends if end is not None
        )

    @property
    def subject(self) -> str:
        """What is demanded of."""
        return f"{self.metric} less the baseline's" if self.versus_baseline else self.metric

    @property
    def span(self) -> tuple[float, float]:
        """What satisfies it, from and to."""
        return -math.inf if self.min is None else self.min, math.inf if self.max is None else self.max

    def unbreakable(self, least: float, most: float) -> str:
        """Why nothing that lies between `least` and `most` violates it, in words, or nothing."""
        floor, ceiling = self.span
        if floor > least or ceiling < most:
            return ""
        if math.isinf(most):
            return f"it is never below {least:g}"
        return f"it is never above {most:g}" if math.isinf(least) else f"it always lies between {least:g} and {most:g}"

    def __str__(self) -> str:
        low = f"{self.subject} ≥ {self.min:g}" if self.min is not None else ""
        high = f"{self.subject} ≤ {self.max:g}" if self.max is not None else ""
        return " and ".join(part for part in (low, high) if part)


@dataclass(frozen=True)
class Remark:
    """What makes a planned measurement weak; at: where, within the check's parameters.

    hollow: metrics of which a gate claims nothing for this reason. caveat: whether it belongs in the line of the
    verdict, as a pass says less than its words do.
    """

    at: tuple[str | int, ...]
    message: str
    hollow: tuple[str, ...] = ()
    caveat: bool = False


@dataclass(frozen=True)
class Finding:
    """One expectation, judged: the estimate, its interval, and a sentence that says why."""

    expectation: Expectation
    status: Status
    value: float
    low: float
    high: float
    n: int
    message: str


@dataclass(frozen=True)
class Verdict:
    """pass, fail, inconclusive or error, with the finding behind each expectation; descriptive where none of them
    claims anything.
    """

    status: Status
    message: str
    findings: tuple[Finding, ...] = ()


DESCRIBED = Verdict("descriptive", "nothing was expected; the evidence was made")
"""The verdict on a case without expectations."""


@dataclass(frozen=True)
class Baseline:
    """The same case measured before, or on the model that a release replaces.

    source: what it is, in words. mismatch: why it can't be compared with, or nothing. files: SHA-256 of the
    checkpoint, by name. figures: images whose outcome changed.
    """

    source: str
    mismatch: str
    metrics: Mapping[str, Metric]
    diagnostics: tuple[Diagnostic, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Waiver:
    """Who answers for a case that doesn't pass, why, and until when (ISO date, that day included).

    sha256: the checkpoint it was given for, if only for that one. standing: what became of it in a run. doubt: what
    makes it none.
    """

    owner: str
    reason: str
    expires: str
    sha256: str | None = None
    standing: Standing = "not judged"
    doubt: str = ""

    def __str__(self) -> str:
        said = f"{self.owner}, until {self.expires}: {self.reason}"
        return f"{said} (it {self.doubt})" if self.doubt else said


@dataclass(frozen=True)
class Earlier:
    """What stored evidence was first judged as: the verdict, and the digest of the spec it was judged by."""

    verdict: Verdict
    spec_digest: str


@dataclass(frozen=True)
class Failure:
    """Why a case could not measure: the kind of error, its message, and for a defect of ours a traceback."""

    kind: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Record:
    """Evidence, verdict and provenance of one case of one run.

    confidence: the level it was judged at. correction: how that level came about, where a spec's gates share one.
    earlier: the verdict before, where stored evidence was judged again. key: the digest of all that the evidence
    depends on, where it is known. cached: when it was measured, where it was taken from the cache and not measured by
    this run. cache_signed: whether that was signed with the key of those who may fill the cache. remarks: what this run
    had to say beside it. look: which one it is at the same question, with other seeds before. reruns: what that does to
    the verdict, as the spec says.
    """

    run: str
    audit: str
    case: str
    check: str
    title: str
    model: str
    params: Mapping[str, Any]
    expectations: tuple[Expectation, ...]
    confidence: float
    interval: str
    verdict: Verdict
    evidence: Evidence | None
    failure: Failure | None
    provenance: Mapping[str, Any]
    seconds: float
    correction: str = ""
    baseline: Baseline | None = None
    waiver: Waiver | None = None
    earlier: Earlier | None = None
    key: str = ""
    cached: str = ""
    cache_signed: bool = False
    remarks: tuple[str, ...] = ()
    look: int = 1
    reruns: str = "count"

    @property
    def recalled(self) -> str:
        """How it was taken from the cache, in words; nothing where it was measured."""
        if not self.cached:
            return ""
        return "cached" if self.cache_signed else "cached, unsigned"

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of the measured checkpoint's files by name, as far as the record says."""
        found: Mapping[str, str] = self.provenance.get("models", {}).get(self.model, {}).get("files", {})
        return found

    @property
    def state(self) -> State:
        """The verdict, or that somebody answers for it."""
        return "waived" if self.waiver and self.waiver.standing == "in force" else self.verdict.status

    def _repr_html_(self) -> str:
        """How Jupyter shows it: as its card in the report."""
        from auditor.report.notebook import framed

        return framed(self)


@dataclass(frozen=True)
class PlannedCase:
    """One case of a spec as a run saw it. selected: it, or one that needs it, was chosen to run.

    warnings: what makes its claim weak, known before it ran. controls: what it speaks to, by the ids of
    `auditor.values.controls`. params, expectations, confidence: what it asks, and how surely. caveats: those warnings
    that stand in the line of its verdict, since a pass says less than it seems to. purpose: why it is there.
    """

    id: str
    check: str
    title: str
    model: str
    line: int
    selected: bool
    warnings: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    confidence: float = 0.0
    caveats: tuple[str, ...] = ()
    purpose: Purpose = field(default_factory=Purpose)


@dataclass(frozen=True)
class Run:
    """One audit, run once: all its cases, and a record for each that finished.

    id: of this run. started: when, as ISO 8601 UTC. spec: its path as shown. place: its path in its repository, with
    forward slashes, where it lies in one. commit: of the repository the spec is
    in, where there is one. begun: ids of the cases that were started; a begun case without a record was cut off (a
    crash, a kill, an interruption). left: by id, why cases were left out of a run that had no time for all.
    earlier_spec_digest: where stored evidence was judged again, the digest of the spec that it was made and first
    judged under. compared_with: the run that this one is shown beside, in words. not_judged: ids of cases that were
    there before and aren't now. code_allowed: whether code of checkpoints was allowed to run, and what looks hostile
    to be loaded. remarks: on the spec as a whole, known before it ran. part_of: the run, in words, whose records this
    one of some cases has left as they are. changed: which records aren't as they were sealed, where somebody accepted
    that. show_channels: of images, those shown as red, green and blue. eased: by id, what this run asks less of a case
    than the last one that asked otherwise did; of cases that are gone, too. accountability: what the
    system is for, who answers for it, and what it is owed to.
    """

    id: str
    audit: str
    title: str
    started: str
    spec: str
    spec_digest: str
    confidence: float
    cases: tuple[PlannedCase, ...]
    begun: frozenset[str]
    records: Mapping[str, Record]
    commit: str = ""
    place: str = ""
    earlier_spec_digest: str = ""
    compared_with: str = ""
    not_judged: tuple[str, ...] = ()
    code_allowed: bool = False
    left: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    part_of: str = ""
    show_channels: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()
    eased: Mapping[str, str] = field(default_factory=dict)
    accountability: Accountability = field(default_factory=Accountability)

    def state(self, case: PlannedCase) -> State:
        """What became of a case."""
        record = self.records.get(case.id)
        if record is not None:
            return record.state
        if not case.selected:
            return "not selected"
        return "cut off" if case.id in self.begun else "not run"
