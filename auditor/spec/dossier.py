"""What a spec says beside its checks, as it is written: the system, who answers, requirements, documents, cards."""

from typing import Annotated

from pydantic import Field

from auditor.spec.fields import Identifier, IsoDate, OneOrMore, Sha256
from auditor.values import FilePath, Parameters

_Said = Annotated[str, Field(min_length=1)]


class SystemEntry(Parameters):
    """What the model is part of."""

    intended_purpose: _Said
    """What it is for, in the words of whoever places it on the market."""
    operating_conditions: str = ""
    """Where and how it runs: sensors, light, places, what watches over it."""
    users: str = ""
    """Who works with it, and what they have to know."""
    input_specification: str = ""
    """What may go in: size, range, how images are taken and prepared."""
    foreseeable_misuse: list[_Said] = Field(default_factory=list)
    """What it isn't for, though somebody will try."""
    version: str = ""
    """The release that is audited."""
    provider: str = ""
    """Who places it on the market, or puts it into service."""
    contact: str = ""
    """Whom to write to."""


class PersonEntry(Parameters):
    """Who answers."""

    name: _Said
    """Of the person."""
    role: _Said
    """In which role."""
    date: IsoDate | None = None
    """The day on which they said so, such as 2027-01-31."""


class RequirementEntry(Parameters):
    """What somebody asks of the system."""

    id: Identifier
    """Unique in the file; checks name it under `requirement`."""
    text: _Said
    """What is asked, in one sentence."""
    source: _Said
    """Who asks: an article of a law such as `AI Act Art. 15(4)`, a clause of a standard, a ticket."""


class DataCard(Parameters):
    """What is to be known of data that no file shows."""

    collection_period: str = ""
    """From when to when it was collected."""
    source: str = ""
    """Where it comes from, and who collected it."""
    licence: str = ""
    """What it may be used for."""
    label_provenance: str = ""
    """Who labelled it, how, and what was done where they disagreed."""
    representativeness: str = ""
    """How far it stands for what the system will meet."""
    gaps: list[_Said] = Field(default_factory=list)
    """What is known to be missing from it."""


class ManualEntry(Parameters):
    """A document that people made and answer for: a checklist, a review, a red-team report."""

    title: _Said
    """What it is."""
    kind: str = "document"
    """What sort of thing it is, such as `checklist` or `red-team report`."""
    document: FilePath
    """The file."""
    sha256: Sha256
    """Digest of the file, as `sha256sum` prints it; with any other the spec is wrong."""
    by: _Said
    """Who looked."""
    date: IsoDate
    """When, such as 2027-01-31."""
    conclusion: str = ""
    """What they found, in a sentence."""
    requirement: OneOrMore = Field(default_factory=list)
    """Ids of the `requirements` that it speaks to: one, or a list."""
