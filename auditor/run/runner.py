"""One case: load, run, judge, store. And one audit: prepare, and render what there is."""

import dataclasses
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from auditor.judging import MODEL, changed_images, conclude, from_records, shared_level, unjudged
from auditor.loading.provenance import now, provenance, spec_origin
from auditor.loading.resources import Resources
from auditor.measuring import STATEFUL
from auditor.records import history, manifest
from auditor.records.commit import commit_of, place
from auditor.records.store import Folder
from auditor.report import PAGE
from auditor.run.cache import Cache
from auditor.run.case_key import case_key
from auditor.run.engines import Run as EngineRun
from auditor.run.engines.kept import Kept
from auditor.run.engines.threads import Threads
from auditor.run.measuring import confirmed, measured
from auditor.run.noted import planned, told_at
from auditor.spec import Case, Plan
from auditor.telling.reason import os_reason, reason, trace
from auditor.telling.remarks import heard
from auditor.values import (
    AdversarialImages,
    AuditError,
    Baseline,
    CheckError,
    Classifier,
    Context,
    CutOffError,
    Engine,
    Evidence,
    Failure,
    Record,
    RecordError,
    Run,
    pictured,
    undrawn,
)

if TYPE_CHECKING:
    from auditor.run.budget import Budget


@dataclass(frozen=True)
class Work:
    """What a run of one audit works with. baseline: records of a previous run to compare with. cache: results kept.
    engine: where the blocks of attacks are worked off. budget: of time, where not all may have it.
    levels: the confidence that gates share, once that is known.
    """

    plan: Plan
    run: str
    folder: Folder
    resources: Resources
    baseline: Folder | None = None
    cache: Cache | None = None
    engine: EngineRun = Threads().run
    budget: "Budget | None" = None
    levels: list[float | None] = field(default_factory=list)


def new_run(plan: Plan, run_id: str, selected: Collection[str], code_allowed: bool = False) -> Run:
    """Describe a run of the cases named in `selected` and of all they need.

    code_allowed: whether code of checkpoints may run.
    """
    chosen = {case.id for case in plan.closure(set(selected))}
    content, commit = plan.spec.content, commit_of(plan.spec.path.parent)
    return Run(
        id=run_id,
        audit=plan.audit,
        title=content.title or plan.audit,
        started=now(),
        spec=plan.spec.marks.file,
        spec_digest=plan.spec.digest,
        confidence=content.confidence,
        cases=tuple(planned(case, case.id in chosen) for case in plan.cases),
        begun=frozenset(),
        records={},
        commit=commit.name,
        place=place(plan.spec.path),
        code_allowed=code_allowed,
        remarks=(*(told_at(problem) for problem in plan.remarks), *([commit.problem] if commit.problem else [])),
        show_channels=plan.show_channels,
        accountability=plan.accountability,
    )


def standing(work: Work, run: Run, layout: manifest.Layout = manifest.USUAL, arrays: bool = True) -> Run | None:
    """The finished run that lies in the folder, if running `run` could only repeat it; None otherwise.

    Same plan, same commit, every record made of what is there now, no file changed since: then the report stands as
    it is. layout: the one that is asked for. arrays: whether those of its records are needed.
    """
    folder = work.folder.path
    try:
        # What costs least first: whole records are read last.
        if _as_planned(work.folder.load_plan()) != _as_planned(run) or manifest.layout(folder) != layout:
            return None
        if not all((folder.parent / name).is_file() for name in (PAGE, history.NAME)):
            return None  # the page of all audits is made when one of them is rendered
        if manifest.broken(folder):
            return None
        there = work.folder.load_run(arrays)
        for planned_case in (case for case in run.cases if case.selected):
            record, case = there.records.get(planned_case.id), work.plan.case(planned_case.id)
            if record is None or not record.key or record.key != case_key(work.plan, case, work.resources):
                return None
            if case.waiver:
                whole = work.folder.load(there.id, case.id)
                if whole is None or record.waiver != conclude(whole, work.plan, case).waiver:
                    return None  # a waiver may have expired
    except (AuditError, OSError):
        return None  # nothing there, or nothing that can be trusted: the run replaces it
    return there


def _as_planned(run: Run) -> Run:
    return dataclasses.replace(run, id="", started="", begun=frozenset(), records={}, left={})


def placed(folder: Folder, run: Run) -> tuple[Folder, Run]:
    """Where a run is to lie, and the run as it says so: a run of some cases destroys no record that it doesn't replace.

    It gets a folder of its own within that of the run it spares. Raises RecordError where that can't be written.
    """
    spared = folder.spared_by(run)
    if spared is None:
        return folder, run
    folder.step_aside(run.id)
    return folder.part(), dataclasses.replace(run, part_of=f"the run {spared.id[:8]} of {spared.started}")


def begin_run(folder: Folder, run: Run) -> None:
    """Note on disk what is planned, and drop what an earlier run left: its pass must not outlive a crash of this one.

    Safe to call again while the run goes on. Raises RecordError where it can't be written.
    """
    from auditor.exports.files import NAMES

    folder.prepare(run)
    try:
        for name in (*NAMES, manifest.NAME):
            (folder.path / name).unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"{folder.path} can't be written: {os_reason(error)}") from error


def obtain(work: Work, case: Case) -> Record:
    """Return this run's record of a case, running it, and what it needs, if there is none yet.

    Several processes may ask for the same case: one runs it, the others wait and read its record. What ended one
    process would end the next, so a case that was cut off isn't tried again in the same run, but raises CutOffError.
    """
    with work.folder.lock(case.id):
        known = work.folder.load(work.run, case.id)
        if known is not None:
            return known
        if work.folder.has_begun(work.run, case.id):
            raise CutOffError(
                f"{case.id!r} was cut off: it began and left no record, because its process died (a crash, a kill, too "
                "little memory), was interrupted or couldn't write. Find out which, and run it again"
            )
        work.folder.begin(work.run, case.id)
        with heard() as remarks:
            measured = _recall_or_measure(work, case)
            looked = history.look(work.folder.reports, measured)
            record = conclude(dataclasses.replace(measured, look=looked), work.plan, case)
        return _saved(work.folder, dataclasses.replace(record, remarks=tuple(remarks)))


def _saved(folder: Folder, record: Record) -> Record:
    """Store a record; where figures or arrays are such that they can't be, without them, and with the reason."""
    try:
        folder.save(record)
    except (TypeError, ValueError) as error:
        if record.evidence is None:
            raise
        why = undrawn("Figures and arrays", error)
        record = dataclasses.replace(record, evidence=dataclasses.replace(record.evidence, figures=(why,), arrays={}))
        folder.save(record)
    return record


def left_out(work: Work, case: Case) -> str:
    """Why a case is left out of this run, which is noted, or nothing."""
    if work.budget is None:
        return ""
    why = work.budget.refusal(work.plan, case, work.resources, work.cache, work.folder, work.run)
    if why:
        work.folder.leave(work.run, case.id, why)
    return why


def obtain_settled(work: Work, case: Case) -> Record:
    """Return this run's record of a case, judged together with the others where the spec's gates share one confidence.

    Only what the strictest level leaves open, and the loosest would not, needs the others: they are run first.
    """
    record = obtain(work, case)
    if not work.plan.hypotheses or record.verdict.status != "inconclusive":
        return record
    if conclude(record, work.plan, case, work.plan.spec.content.confidence).verdict.status == "inconclusive":
        return record
    settled = conclude(record, work.plan, case, _level(work))
    with work.folder.lock(case.id):
        work.folder.save(settled)
    return settled


def _level(work: Work) -> float | None:
    """The confidence that the gates share once all cases have run, which is found out once a process."""
    if not work.levels:
        chosen = {other.id for other in work.folder.load_plan().cases if other.selected}
        together = {}
        for other in work.plan.cases:
            if other.id in chosen and other.expectations and not left_out(work, other):
                with suppress(CutOffError):  # it counts as not passed, and its own item says so
                    together[other.id] = obtain(work, other)
        work.levels.append(shared_level(together, work.plan))
    return work.levels[0]


def _recall_or_measure(work: Work, case: Case) -> Record:
    """Take a case's evidence from the cache, or measure it and keep it there; an error is never kept."""
    blocks = Kept(work.engine, work.resources, work.cache)
    if work.cache is None:
        return _measure(work, case, blocks)
    try:
        key = case_key(work.plan, case, work.resources, work.baseline)
    except (OSError, AuditError):
        key = None  # a file is gone, or isn't what the spec demands: measuring says so, as this case's error
    kept = work.cache.get(Record, key) if key else None
    if kept is not None:
        for needed in case.needs:
            obtain(work, work.plan.case(needed))  # it belongs to the run, whether or not its images are asked for
        return _replayed(kept, work, case)
    record = _measure(work, case, blocks)
    if record.evidence is not None:
        from auditor.run.estimate import remember  # not needed where nothing is measured

        remember(work.plan, record, work.cache)
    if key and record.evidence is not None:
        if _lasts(record.evidence, work, case):
            record = dataclasses.replace(record, key=key)
            work.cache.put(key, record)
        blocks.forget()
    return record


def _lasts(evidence: Evidence, work: Work, case: Case) -> bool:
    """Whether what was measured would be measured again: not on a model that reads the clock, nor on its images."""
    moving = any(diagnostic.name == STATEFUL and not diagnostic.ok for diagnostic in evidence.diagnostics)
    return not moving and all(obtain(work, work.plan.case(needed)).key for needed in case.needs)


def _replayed(kept: Record, work: Work, case: Case) -> Record:
    """A kept record as this run's: the evidence is of then, everything else of now."""
    plan, told = work.plan, kept.provenance["models"]
    models = {name: {**told[name], **work.resources.demanded(plan.models[name])} for name in told}
    origin = {**kept.provenance, "spec": spec_origin(plan), "models": models}
    signed = work.cache is not None and bool(work.cache.secret)
    again = unjudged(work.run, plan, case, kept.evidence, None, origin, kept.seconds, kept.baseline)
    return dataclasses.replace(again, key=kept.key, cached=str(kept.provenance["finished"]), cache_signed=signed)


def _measure(work: Work, case: Case, blocks: Engine) -> Record:
    """Run a case; whatever stops it from measuring is a failure, never a pass and never missing."""

    def adversarial(case_id: str) -> AdversarialImages:
        source = obtain(work, work.plan.case(case_id))
        if source.failure is not None:
            raise CheckError(f"{case_id!r}, whose images it takes, ended in an error: {source.failure.message}")
        if source.evidence is None or source.evidence.adversarial is None:
            raise CheckError(f"{case_id!r} left no images to take")
        return source.evidence.adversarial

    plan, resources = work.plan, work.resources
    used: dict[str, Classifier] = {}

    def model(name: str) -> Classifier:
        used[name] = resources.classifier(plan, name)
        return used[name]

    started = time.perf_counter()
    evidence: Evidence | None = None
    failure: Failure | None = None
    baseline: Baseline | None = None
    try:
        context = Context(
            model_name=case.model,
            samples=resources.samples(plan),
            seed=case.seed,
            spec_seed=plan.spec.content.seed,
            model=model,
            adversarial=adversarial,
            checkpoint=lambda name: resources.checkpoint(plan, name),
            engine=blocks,
            random=plan.random,
            data=lambda name: resources.other_samples(plan, name),
        )
        as_given = partial(resources.take_as_given, plan, case.model)
        evidence = confirmed(case.check, context, case.params, as_given, case.slices, case.weak_segments)
        origin = provenance(plan, resources, case, used)
        baseline = _baseline(work, case, context, evidence, origin)
    except AuditError as error:
        failure = Failure(type(error).__name__, str(error).strip() or type(error).__name__, "")
    except Exception as error:
        failure = Failure(type(error).__name__, reason(error), trace())
    if failure is not None:
        evidence, origin = None, {"spec": spec_origin(plan)}
    seconds = time.perf_counter() - started
    return unjudged(work.run, plan, case, evidence, failure, origin, seconds, baseline)


def _baseline(
    work: Work, case: Case, context: Context, evidence: Evidence, origin: Mapping[str, Any]
) -> Baseline | None:
    """A previous run's record of the case, or else the same check on the model named `baseline`."""
    demanded = any(expectation.versus_baseline for expectation in case.expectations)
    if work.baseline is not None:
        found = from_records(work.baseline, case.id, case.check, case.asked, origin)
    elif demanded and MODEL in work.plan.models and case.model != MODEL:
        other = dataclasses.replace(context, model_name=MODEL)
        before = measured(case.check, other, case.params, case.slices)
        files = work.resources.digests(work.plan.models[MODEL])
        found = Baseline(f"the spec's model {MODEL!r}", "", before.metrics, before.diagnostics, files)
    else:
        return None
    changed = pictured(lambda: changed_images(evidence, found, case.check, case.expectations, context.samples))
    return dataclasses.replace(found, figures=changed)
