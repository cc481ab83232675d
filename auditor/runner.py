"""One case: load, run, judge, store. And one audit: prepare, and render what there is."""

import dataclasses
import os
import time
import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import catalog
from auditor.baseline import MODEL, changed_images, from_records
from auditor.commit import commit_of
from auditor.conclusion import conclude, hypotheses, settle, unjudged
from auditor.core import AdversarialImages, Context, Evidence
from auditor.errors import AuditError, CheckError, RecordError
from auditor.fields import references
from auditor.history import add, audits
from auditor.manifest import seal
from auditor.models._common import own_errors
from auditor.plan import Case, Plan
from auditor.record import Baseline, Failure, PlannedCase, Record, Run
from auditor.resources import Resources, provenance
from auditor.store import Folder, write_text

PAGE = "index.html"


@dataclass(frozen=True)
class Work:
    """What a run of one audit works with. baseline: records of a previous run to compare with."""

    plan: Plan
    run: str
    folder: Folder
    resources: Resources
    baseline: Folder | None = None


def new_run(plan: Plan, run_id: str, selected: Collection[str]) -> Run:
    """Describe a run of the cases named in `selected` and of all they need."""
    chosen = {case.id for case in plan.closure(set(selected))}
    content = plan.spec.content
    return Run(
        id=run_id,
        audit=plan.audit,
        title=content.title or plan.audit,
        started=_now(),
        spec=plan.spec.marks.file,
        spec_digest=plan.spec.digest,
        confidence=content.confidence,
        cases=tuple(planned(case, case.id in chosen) for case in plan.cases),
        begun=frozenset(),
        records={},
        commit=commit_of(plan.spec.path.parent),
    )


def planned(case: Case, selected: bool) -> PlannedCase:
    """A case as a run notes it."""
    warnings = tuple(f"line {problem.line}: {problem.message}" for problem in case.warnings)
    return PlannedCase(case.id, case.check, case.title, case.model, case.line, selected, warnings, case.controls)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def obtain(work: Work, case: Case) -> Record:
    """Return this run's record of a case, running it, and what it needs, if there is none yet.

    Several processes may ask for the same case: one runs it, the others wait and read its record.
    """
    with work.folder.lock(case.id):
        known = work.folder.load(work.run, case.id)
        if known is not None:
            return known
        work.folder.begin(work.run, case.id)
        record = conclude(_measure(work, case), work.plan, case)
        work.folder.save(record)
        return record


def obtain_settled(work: Work, case: Case) -> Record:
    """Return this run's record of a case, judged together with the others where the spec's gates share one confidence.

    Only what the strictest level leaves open, and the loosest would not, needs the others: they are run first.
    """
    record = obtain(work, case)
    if not hypotheses(work.plan) or record.verdict.status != "inconclusive":
        return record
    if conclude(record, work.plan, case, work.plan.spec.content.confidence).verdict.status == "inconclusive":
        return record
    chosen = {other.id for other in work.folder.load_plan().cases if other.selected}
    together = {other.id: obtain(work, other) for other in work.plan.cases if other.id in chosen and other.expectations}
    settled = settle(together, work.plan)[case.id]
    with work.folder.lock(case.id):
        work.folder.save(settled)
    return settled


def _measure(work: Work, case: Case) -> Record:
    """Run a case; whatever stops it from measuring is a failure, never a pass and never missing."""

    def adversarial(case_id: str) -> AdversarialImages:
        source = obtain(work, work.plan.case(case_id))
        if source.failure is not None:
            raise CheckError(f"{case_id!r}, whose images it takes, ended in an error: {source.failure.message}")
        if source.evidence is None or source.evidence.adversarial is None:
            raise CheckError(f"{case_id!r} left no images to take")
        return source.evidence.adversarial

    plan, resources = work.plan, work.resources
    started = time.perf_counter()
    evidence: Evidence | None = None
    failure: Failure | None = None
    baseline: Baseline | None = None
    try:
        context = Context(
            classifier=resources.classifier(plan, case.model),
            model_name=case.model,
            samples=resources.samples(plan),
            seed=case.seed,
            model=lambda name: resources.classifier(plan, name),
            adversarial=adversarial,
        )
        with own_errors():
            evidence = catalog.load("checks", case.check).run(context, case.params)
        models = (case.model, *(r.name for r in references(case.params) if r.to == "model"))
        origin = provenance(plan, resources, tuple(dict.fromkeys(models)), case.seed)
        baseline = _baseline(work, case, context, evidence, origin)
    except Exception as error:
        expected = isinstance(error, AuditError)
        message = str(error).strip() or type(error).__name__
        trace = "" if expected else traceback.format_exc()
        failure = Failure(type(error).__name__, message, trace)
        evidence, origin = None, {"spec": {"path": plan.spec.marks.file, "sha256": plan.spec.digest}}
    seconds = time.perf_counter() - started
    return unjudged(work.run, plan, case, evidence, failure, origin, seconds, baseline)


def _baseline(
    work: Work, case: Case, context: Context, evidence: Evidence, origin: Mapping[str, Any]
) -> Baseline | None:
    """A previous run's record of the case, or else the same check on the model named `baseline`."""
    demanded = any(expectation.versus_baseline for expectation in case.expectations)
    if work.baseline is not None:
        found = from_records(work.baseline, case.id, case.check, case.params.model_dump(mode="json"), origin)
    elif demanded and MODEL in work.plan.models and case.model != MODEL:
        classifier = work.resources.classifier(work.plan, MODEL)
        other = dataclasses.replace(context, classifier=classifier, model_name=MODEL)
        with own_errors():
            before = catalog.load("checks", case.check).run(other, case.params)
        files = work.resources.digests(work.plan.models[MODEL])
        found = Baseline(f"the spec's model {MODEL!r}", "", before.metrics, before.diagnostics, files)
    else:
        return None
    return dataclasses.replace(
        found, figures=changed_images(evidence, found, case.check, case.expectations, context.samples)
    )


def render_report(folder: Folder) -> tuple[Run, Path]:
    """Render the last run, for people and for other programs, from its records alone.

    Returns the run and the page's path; the other files lie beside it. The page of the whole reports folder is
    brought up to date too.
    """
    from auditor.report.files import render_files
    from auditor.report.index import render_index

    run = folder.load_run()
    for name, content in render_files(run).items():
        write_text(folder.path / name, content)
    seal(folder.path)
    reports = folder.path.resolve().parent
    add(folder.path.resolve(), run)
    write_text(reports / "index.html", render_index(audits(reports)))
    page = folder.path / PAGE
    return run, page


def add_to_step_summary(run: Run) -> None:
    """Append a run to the summary of a GitHub Actions step, whose file GITHUB_STEP_SUMMARY names, if it does.

    A run takes at most half of what room there is, so that several audits of one step all have theirs.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    from auditor.report.summary import MOST_BYTES, render

    try:
        with Path(name).open("ab") as file:
            file.write(render(run, (MOST_BYTES - file.tell()) // 2).encode())
    except OSError as error:
        raise RecordError(f"the step summary {name} can't be written: {error.strerror or error}") from error


def passed(run: Run) -> bool:
    """Whether every case that was chosen to run passed."""
    return all(run.state(case) in ("pass", "waived", "not selected") for case in run.cases)
