"""Whether a run and its records are what the spec plans: its cases, what was asked of each, and how surely."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from auditor.evidence.findings import Finding, found, taken
from auditor.evidence.rejudge import other_source
from auditor.judging import conclude, shared_level
from auditor.run.noted import planned
from auditor.spec import Case, Plan
from auditor.values import Accountability, PlannedCase, Record, Run, Waiver


def as_planned(run: Run, plan: Plan, earlier: bool = False) -> Iterator[Finding]:
    """Hold a run, and every record in it, against the plan of the spec.

    earlier: whether an earlier version made the records, which didn't know all parameters.
    """
    same = plan.spec.digest == run.spec_digest
    told = "as it was before the run" if same else "has been changed since; --spec names the one that was run"
    yield found(plan.spec.marks.file, "spec", same, told)
    yield from _cases(run, plan)
    wanted = {case.id: case for case in plan.cases}
    level = shared_level({key: record for key, record in run.records.items() if key in wanted}, plan)
    for record in run.records.values():
        if record.case in wanted:
            yield _asked(record, plan, wanted[record.case], level, earlier)


def _cases(run: Run, plan: Plan) -> Iterator[Finding]:
    """Whether the run planned the spec's cases, and what it says of those that left no record."""
    wanted = {case.id: planned(case, selected=True) for case in plan.cases}
    there = {case.id: case for case in run.cases}
    parts = [
        ("missing", [name for name in wanted if name not in there]),
        ("not the spec's", [name for name in there if name not in wanted]),
        ("described otherwise", [n for n, c in there.items() if n in wanted and not _alike(c, wanted[n])]),
    ]
    said = "; ".join(f"{', '.join(names)}: {what}" for what, names in parts if names)
    whole = (run.audit, run.title) == (plan.audit, plan.spec.content.title or plan.audit)
    said += "" if whole else f"{'; ' if said else ''}its name or title is not the spec's"
    yield found("the run", "planned cases", not said, said or f"the {len(wanted)} cases of the spec")
    same = run.accountability == plan.accountability
    if run.accountability != Accountability() or not same:
        seen = "purpose, people, requirements, documents and data cards are " + ("" if same else "not ") + "the spec's"
        yield found("the run", "accountability", same, seen)
    for case in run.cases:
        if case.id not in run.records:
            state = run.state(case)
            yield taken(case.id, "outcome", f"{state}, says the record; nothing is known of it")


def _alike(told: PlannedCase, wanted: PlannedCase) -> bool:
    """Whether a case is described as the spec does; earlier versions noted what it asks with its record alone.

    They knew fewer frameworks too, so a case may speak to fewer controls than it would now, and to no others.
    """
    if set(told.controls) <= set(wanted.controls):
        wanted = dataclasses.replace(wanted, controls=told.controls)
    if not told.confidence:
        wanted = dataclasses.replace(wanted, params={}, expectations=(), confidence=0.0, caveats=())
    return bool(_bare(told) == _bare(wanted))


def _bare(case: Any) -> Any:
    """A planned case without what depends on the run, or on files that may not be there any more."""
    return dataclasses.replace(case, selected=True, warnings=())


def _asked(record: Record, plan: Plan, case: Case, level: float | None, earlier: bool) -> Finding:
    """Whether a record answers what the case asks, with the seeds and at the confidence that the spec sets."""
    asked = case.asked
    if earlier:  # what a spec of then can't have set is at its default
        asked = {name: value for name, value in asked.items() if name in record.params}
    wrong = [
        f"its {what} is {told}, and {wanted} in the spec"
        for what, told, wanted in (
            ("check", record.check, case.check),
            ("model", record.model, case.model),
            ("title", record.title, case.title),
            ("seed", record.provenance.get("case", {}).get("seed") if record.evidence else case.seed, case.seed),
            *_unlike("parameter", record.params, asked),
        )
        if told != wanted
    ]
    if record.evidence is not None:
        wrong += [told] if (told := other_source(record, plan, case)) else []
    alone, together = conclude(record, plan, case), conclude(record, plan, case, level)
    # Gates that share one confidence are judged alone first, and together only where that decides something.
    unlike = [[name for name in _JUDGED if getattr(record, name) != getattr(one, name)] for one in (alone, together)]
    wrong += [
        f"its {name.replace('expectations', 'demand')} is {_listed(getattr(record, name))}, and "
        f"{_listed(getattr(alone, name))} in the spec"
        for name in min(unlike, key=len)
    ]
    if _terms(record.waiver) != _terms(case.waiver):
        wrong.append(f"its waiver is {record.waiver or 'none'}, and {case.waiver or 'none'} in the spec")
    elif record.waiver is not None and alone.waiver is not None and not _stands(record.waiver, alone.waiver, record):
        wrong.append(f"its waiver is {record.waiver.standing}, and should be {alone.waiver.standing}")
    seen = "; ".join(wrong) or "parameters, demands, confidence, waiver and seeds are the spec's"
    return found(record.case, "asked", not wrong, seen)


_JUDGED = ("expectations", "confidence", "interval", "correction", "reruns")


def _unlike(what: str, told: Any, wanted: Any) -> Iterable[tuple[str, Any, Any]]:
    return [(f"{what} {name!r}", told.get(name), wanted.get(name)) for name in dict.fromkeys((*wanted, *told))]


def _listed(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def _terms(waiver: Waiver | None) -> Waiver | None:
    return None if waiver is None else dataclasses.replace(waiver, standing="not judged")


def _stands(told: Waiver, now: Waiver, record: Record) -> bool:
    """Whether a waiver's standing is what it is now, or was on the day that was measured."""
    finished = str(record.provenance.get("finished", ""))[:10]
    return told.standing == now.standing or (
        told.standing == "in force" and now.standing == "expired" and finished != "" and told.expires >= finished
    )
