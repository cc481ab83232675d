"""What a spec says beside its measurements: what the system is for, who answers for it, and what each gate is owed to.

None of it is measured, and nothing here changes a verdict. All frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "major", "minor"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor")
"""How much harm it does where a gate doesn't hold, the worst first."""


@dataclass(frozen=True)
class System:
    """What is audited, for whoever uses or oversees it."""

    intended_purpose: str
    operating_conditions: str = ""
    users: str = ""
    input_specification: str = ""
    foreseeable_misuse: tuple[str, ...] = ()
    version: str = ""
    provider: str = ""
    contact: str = ""


@dataclass(frozen=True)
class Person:
    """Who answers. date: ISO, on which they said so; nothing where they haven't."""

    name: str
    role: str
    date: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.role}" + (f", {self.date}" if self.date else "")


@dataclass(frozen=True)
class Requirement:
    """What somebody asks of the system. source: a law's article, a standard's clause, a ticket."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class DataCard:
    """What is said of data that nothing in its files shows."""

    collection_period: str = ""
    source: str = ""
    licence: str = ""
    label_provenance: str = ""
    representativeness: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class ManualEvidence:
    """A document that people made and signed off, beside what was measured; never a pass of a gate.

    document: its path as the spec gives it; sha256: of its bytes. by, date: who looked, and on which day (ISO).
    """

    title: str
    kind: str
    document: str
    sha256: str
    by: str
    date: str
    conclusion: str = ""
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purpose:
    """Why a case is there: ids of requirements, why this metric and this threshold, and what it means if it fails."""

    requirements: tuple[str, ...] = ()
    rationale: str = ""
    severity: Severity | None = None


@dataclass(frozen=True)
class Accountability:
    """All of it. cards: of data, by the name under `other_data`, and by nothing for what is audited.

    profiles: the frameworks that a spec sets out to cover. not_applicable: by control, why it doesn't concern it.
    """

    system: System | None = None
    responsible: Person | None = None
    approver: Person | None = None
    requirements: tuple[Requirement, ...] = ()
    evidence: tuple[ManualEvidence, ...] = ()
    cards: Mapping[str, DataCard] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    not_applicable: Mapping[str, str] = field(default_factory=dict)
