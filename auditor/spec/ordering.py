"""Which cases take images from which, and so the order in which they run."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from auditor import catalog
from auditor.spec.document import Spec
from auditor.spec.marked import Location
from auditor.values import Parameters, Problem, Reference, SpecError, one_of, references


class _Waiting(Protocol):
    """What is asked of a case here."""

    @property
    def id(self) -> str: ...
    @property
    def check(self) -> str: ...
    @property
    def params(self) -> Parameters: ...
    @property
    def needs(self) -> tuple[str, ...]: ...


def check_needs(spec: Spec, planned: Mapping[str, _Waiting], problems: list[Problem]) -> None:
    """A case may take images only from another case of the spec whose check makes some."""
    ids = [entry.id for entry in spec.content.checks]
    places = {case_id: place for place, case_id in enumerate(ids)}
    for case in planned.values():
        at: Location = ("checks", places[case.id], "params")
        for reference in references(case.params):
            if reference.to == "case":
                message = _bad_need(case, reference, ids, planned)
                if message:
                    problems.append(spec.marks.problem(at + reference.location, message))


def _bad_need(case: _Waiting, reference: Reference, ids: list[str], planned: Mapping[str, _Waiting]) -> str | None:
    if reference.name == case.id:
        return f"{case.id!r} points to itself; name another check whose images it takes"
    if reference.name not in ids:
        return one_of(reference.name, [i for i in ids if i != case.id], "check id")
    source = planned.get(reference.name)
    if source and not catalog.makes_images(source.check):
        makers = ", ".join(name for name in catalog.names("checks") if catalog.makes_images(name))
        return f"{source.id!r} makes no images: its check is {source.check!r} (checks that make some: {makers})"
    return None


def in_order(spec: Spec, planned: Mapping[str, _Waiting]) -> tuple[str, ...]:
    """The ids of cases, each after those that it needs, else as a person wrote them; raise SpecError for a ring."""
    graph = TopologicalSorter({case.id: case.needs for case in planned.values()})
    try:
        graph.prepare()
    except CycleError as error:
        ring = error.args[1]
        position = next(i for i, entry in enumerate(spec.content.checks) if entry.id in ring)
        message = f"these checks wait for each other: {' → '.join(ring)}"
        raise SpecError([spec.marks.problem(("checks", position), message)]) from error
    # Depth-first in file order keeps the order a person wrote, moving only what must come earlier.
    done: dict[str, None] = {}

    def visit(case_id: str) -> None:
        if case_id not in done:
            for needed in planned[case_id].needs:
                visit(needed)
            done[case_id] = None

    for case_id in planned:
        visit(case_id)
    return tuple(done)
