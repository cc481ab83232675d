"""What a spec says beside its checks, resolved: requirements that exist, documents that are there, what is covered."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.spec.document import Spec
from auditor.spec.dossier import DataCard as WrittenCard
from auditor.spec.dossier import ManualEntry, PersonEntry
from auditor.spec.marked import Location
from auditor.spec.mistakes import validate
from auditor.telling.reason import os_reason
from auditor.values import (
    PROFILES,
    Accountability,
    DataCard,
    ManualEvidence,
    Parameters,
    Person,
    Problem,
    Purpose,
    Requirement,
    SpecError,
    System,
    control,
    one_of,
)


def accountability_of(spec: Spec, problems: list[Problem], files: bool) -> Accountability:
    """All of it; what is wrong goes to `problems`. files: whether documents must be there, as the spec says."""
    content = spec.content
    _check_requirements(spec, problems)
    _check_profile(spec, problems)
    return Accountability(
        system=System(**_plain(content.system)) if content.system else None,
        responsible=_person(content.responsible),
        approver=_person(content.approver),
        requirements=tuple(Requirement(one.id, one.text, one.source) for one in content.requirements),
        evidence=tuple(_manual(spec, i, one, problems, files) for i, one in enumerate(content.evidence)),
        cards=dict(_cards(spec, problems)),
        profiles=tuple(content.profile),
        not_applicable=dict(content.not_applicable),
    )


def _plain(entry: Parameters) -> dict[str, Any]:
    """The fields of an entry; lists as the tuples that frozen values hold."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.model_dump().items()}


def _person(entry: PersonEntry | None) -> Person | None:
    return Person(entry.name, entry.role, entry.date or "") if entry else None


def _manual(spec: Spec, position: int, entry: ManualEntry, problems: list[Problem], files: bool) -> ManualEvidence:
    if files:
        told = _unlike(spec, entry)
        if told:
            problems.append(spec.marks.problem(("evidence", position, told[0]), told[1]))
    fields = {name: value for name, value in _plain(entry).items() if name != "requirement"}
    return ManualEvidence(**fields, requirements=tuple(entry.requirement))


def _unlike(spec: Spec, entry: ManualEntry) -> tuple[str, str] | None:
    """Which field of a document is not as it is there, and how; None where it is."""
    path = (spec.path.parent / entry.document).resolve()
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        told = f"{entry.document} can't be read: {os_reason(error)} (paths are relative to the spec: {path})"
        return "document", told
    if found == entry.sha256:
        return None
    told = f"{entry.document} is another document than was looked at: its digest is {found}"
    return "sha256", f"{told}. Whoever answers for it has to look at this one before its digest is written here"


def _check_requirements(spec: Spec, problems: list[Problem]) -> None:
    """Ids are unique, and whoever names one names one that exists."""
    known = [one.id for one in spec.content.requirements]
    for position, name in enumerate(known):
        if name in known[:position]:
            at: Location = ("requirements", position, "id")
            problems.append(spec.marks.problem(at, f"id {name!r} is used twice; ids of requirements are unique"))
    named = [(("checks", i, "requirement"), one.requirement) for i, one in enumerate(spec.content.checks)]
    named += [(("evidence", i, "requirement"), one.requirement) for i, one in enumerate(spec.content.evidence)]
    for place, names in named:
        for position, name in enumerate(names):
            if name not in known:
                here = spec.marks.existing((*place, position))
                problems.append(spec.marks.problem(here, one_of(name, known, "requirement")))


def _check_profile(spec: Spec, problems: list[Problem]) -> None:
    asked = asked_by(spec.content.profile)
    for name in spec.content.not_applicable:
        if name not in asked:
            told = f"{name!r} is asked for by no `profile` of this spec, so nothing has to be said of it"
            problems.append(spec.marks.problem(("not_applicable", name), told, at_key=True))


def asked_by(profiles: Sequence[str]) -> tuple[str, ...]:
    """The ids of all controls that frameworks ask for."""
    return tuple(name for profile in profiles for name in PROFILES[profile])


def _cards(spec: Spec, problems: list[Problem]) -> Iterator[tuple[str, DataCard]]:
    places: list[tuple[str, Location, Mapping[str, Any]]] = [("", ("data",), spec.content.data)]
    places += [(name, ("other_data", name), entry) for name, entry in spec.content.other_data.items()]
    for name, at, entry in places:
        if "card" in entry:
            try:
                card = validate(WrittenCard, entry["card"], spec.marks, (*at, "card"))
            except SpecError as error:
                problems.extend(error.problems)
            else:
                yield name, DataCard(**_plain(card))


def remarks_on(spec: Spec, speaking: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """What of it is open, before anything runs. speaking: by control, the cases that speak to it."""
    content = spec.content
    named = {name for one in content.checks for name in one.requirement}
    named |= {name for one in content.evidence for name in one.requirement}
    for position, requirement in enumerate(content.requirements):
        if requirement.id not in named:
            told = f"nothing speaks to the requirement {requirement.id!r}: name it under `requirement` of a check"
            yield spec.marks.problem(("requirements", position), told)
    if content.responsible and content.approver and content.responsible.name == content.approver.name:
        told = f"{content.approver.name!r} approves what they are responsible for; four eyes see more than two"
        yield spec.marks.problem(("approver", "name"), told)
    for name in asked_by(content.profile):
        cases, excused = speaking.get(name, ()), name in content.not_applicable
        if not cases and not excused:
            told = f"the profile asks for {name} ({control(name).title}), and no check speaks to it: add one, or say"
            yield spec.marks.problem(("profile",), f"{told} why it doesn't concern this system under `not_applicable`")
        elif cases and excused:
            told = f"{name} is said not to be applicable, and {cases[0]!r} speaks to it: say one or the other"
            yield spec.marks.problem(("not_applicable", name), told, at_key=True)


def purpose_of(spec: Spec, position: int) -> Purpose:
    """Why the check at a position is there."""
    entry = spec.content.checks[position]
    return Purpose(tuple(entry.requirement), entry.rationale or "", entry.severity)
