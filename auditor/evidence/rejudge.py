"""Judge stored evidence again, by another spec: no model is loaded, nothing is measured."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from auditor.judging import asked, conclude, eased, settle, unjudged, what_differs
from auditor.records import manifest
from auditor.records.commit import place
from auditor.records.store import Folder
from auditor.run.noted import planned
from auditor.spec import Case, Plan
from auditor.values import Earlier, Failure, Record, Run, references


def rejudge(folder: Folder, plan: Plan, accept_changed: bool = False) -> Run:
    """The run in a folder, with its evidence judged by `plan`; each record keeps the verdict it had before.

    A case of the plan that the run has no evidence for, or evidence of something else, is an error. accept_changed:
    whether records may differ from their manifest, which the run then says; RecordError is raised otherwise.
    """
    if not accept_changed:
        manifest.check_sealed(folder.path)
    run = folder.load_run()
    records = {case.id: conclude(_evidence(run, plan, case), plan, case) for case in plan.cases}
    judged = dataclasses.replace(
        run,
        title=plan.spec.content.title or plan.audit,
        spec=plan.spec.marks.file,
        place=place(plan.spec.path),
        spec_digest=plan.spec.digest,
        confidence=plan.spec.content.confidence,
        cases=tuple(planned(case, selected=True) for case in plan.cases),
        records=dict(settle(records, plan)),
        begun=frozenset(records),
        earlier_spec_digest=run.spec_digest,
        changed=tuple(dict.fromkeys((*run.changed, *manifest.changed(folder.path)))),
        not_judged=tuple(case.id for case in run.cases if case.id not in records),
    )
    return dataclasses.replace(judged, eased=eased(asked(run), run.started, asked(judged)))


def _evidence(run: Run, plan: Plan, case: Case) -> Record:
    record = run.records.get(case.id)
    if record is None:
        message = f"run {run.id[:8]} left no evidence for this case; it has to be run"
        return _without(run, plan, case, message, None)
    earlier = Earlier(record.verdict, run.spec_digest)
    mismatch = what_differs(record, case.check, case.asked) or other_source(record, plan, case)
    if mismatch:
        message = f"the stored evidence is of something else: {mismatch}; it has to be run again"
        return _without(run, plan, case, message, earlier)
    return dataclasses.replace(record, earlier=earlier)


def other_source(record: Record, plan: Plan, case: Case) -> str:
    """How the models, the data or the seed of the plan differ from those the evidence is of."""
    if record.model != case.model:
        return f"its model was {record.model!r} and is {case.model!r} now"
    origin = record.provenance
    seed = origin.get("spec", {}).get("seed")
    if seed is not None and seed != plan.spec.content.seed:
        return f"its seed was {seed} and is {plan.spec.content.seed} now"
    told: list[tuple[str, Any, Any]] = []
    if "data" in origin:
        then = {"dataset": origin["data"]["dataset"], **origin["data"]["params"]}
        told.append(("data", then, {"dataset": plan.data.extension, **plan.data.shown}))
    for name, then in origin.get("other data", {}).items():
        source = plan.others.get(name)
        now = {"dataset": source.extension, **source.shown} if source else None
        told.append((f"data {name!r}", {"dataset": then["dataset"], **then["params"]}, now))
    for name, then in origin.get("models", {}).items():
        source = plan.models.get(name)
        now = {"format": source.extension, **source.shown} if source else None
        told.append((f"model {name!r}", {"format": then["format"], **then["params"]}, now))
    sources = (plan.data, *plan.others.values(), *plan.models.values())
    paths = {str(r.location[0]) for source in sources for r in references(source.written) if r.to == "file"}
    for what, before, now in told:
        if _named(before, paths) != _named(now, paths):
            return f"its {what} was {before} and is {now} now"
    return ""


def _named(params: Mapping[str, Any] | None, paths: Collection[str]) -> Mapping[str, Any] | None:
    """Parameters that say something, with paths as bare file names: another spec may stand in another folder.

    An empty list says no more than no list, which is what a parameter is to a version that didn't know it.
    """
    if params is None:
        return None
    bare = {key: str(value).rpartition("/")[2] if key in paths else value for key, value in params.items()}
    return {key: value for key, value in bare.items() if value not in (None, [], {})}


def _without(run: Run, plan: Plan, case: Case, message: str, earlier: Earlier | None) -> Record:
    origin = {"spec": {"path": plan.spec.marks.file, "sha256": plan.spec.digest}}
    record = unjudged(run.id, plan, case, None, Failure("RecordError", message), origin)
    return dataclasses.replace(record, earlier=earlier)
