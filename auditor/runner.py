"""One case: load, run, judge, store. And one audit: prepare, and render what there is."""

import time
import traceback
from collections.abc import Collection
from pathlib import Path

from auditor import catalog
from auditor.core import AdversarialImages, Context, Evidence, Failure, PlannedCase, Record, Run, Verdict
from auditor.errors import AuditError, CheckError
from auditor.fields import references
from auditor.plan import Case, Plan
from auditor.resources import Resources, provenance
from auditor.store import Folder, write_text
from auditor.verdict import judge


def new_run(plan: Plan, run_id: str, selected: Collection[str]) -> Run:
    """Describe a run of the cases named in `selected` and of all they need."""
    chosen = {case.id for case in plan.closure(set(selected))}
    content = plan.spec.content
    return Run(
        id=run_id,
        audit=plan.audit,
        title=content.title or plan.audit,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        spec=plan.spec.marks.file,
        spec_digest=plan.spec.digest,
        confidence=content.confidence,
        cases=tuple(PlannedCase(c.id, c.check, c.title, c.model, c.line, selected=c.id in chosen) for c in plan.cases),
        begun=frozenset(),
        records={},
    )


def obtain(plan: Plan, case: Case, run_id: str, folder: Folder, resources: Resources) -> Record:
    """Return this run's record of a case, running it, and what it needs, if there is none yet.

    Several processes may ask for the same case: one runs it, the others wait and read its record.
    """
    with folder.lock(case.id):
        known = folder.load(run_id, case.id)
        if known is not None:
            return known
        folder.begin(run_id, case.id)
        record = _run(plan, case, run_id, folder, resources)
        folder.save(record)
        return record


def _run(plan: Plan, case: Case, run_id: str, folder: Folder, resources: Resources) -> Record:
    def adversarial(case_id: str) -> AdversarialImages:
        source = obtain(plan, plan.case(case_id), run_id, folder, resources)
        if source.failure is not None:
            raise CheckError(f"{case_id!r}, whose images it takes, ended in an error: {source.failure.message}")
        if source.evidence is None or source.evidence.adversarial is None:
            raise CheckError(f"{case_id!r} left no images to take")
        return source.evidence.adversarial

    started = time.perf_counter()
    evidence: Evidence | None = None
    failure: Failure | None = None
    content = plan.spec.content
    try:
        context = Context(
            classifier=resources.classifier(plan, case.model),
            model_name=case.model,
            samples=resources.samples(plan),
            seed=case.seed,
            model=lambda name: resources.classifier(plan, name),
            adversarial=adversarial,
        )
        evidence = catalog.load("checks", case.check).run(context, case.params)
        models = (case.model, *(r.name for r in references(case.params) if r.to == "model"))
        origin = provenance(plan, resources, tuple(dict.fromkeys(models)))
        verdict = judge(evidence.metrics, case.expectations, content.confidence, content.interval, evidence.diagnostics)
    except Exception as error:
        # Whatever stops a case from measuring is the verdict "error", never a pass and never missing.
        expected = isinstance(error, AuditError)
        message = str(error).strip() or type(error).__name__
        trace = "" if expected else traceback.format_exc()
        failure = Failure(type(error).__name__, message, trace)
        evidence, origin = None, {"spec": {"path": plan.spec.marks.file, "sha256": plan.spec.digest}}
        verdict = Verdict("error", message)
    return Record(
        run=run_id,
        audit=plan.audit,
        case=case.id,
        check=case.check,
        title=case.title,
        model=case.model,
        params=case.params.model_dump(mode="json"),
        expectations=case.expectations,
        confidence=content.confidence,
        interval=content.interval,
        verdict=verdict,
        evidence=evidence,
        failure=failure,
        provenance=origin,
        seconds=time.perf_counter() - started,
    )


def render_report(folder: Folder) -> tuple[Run, Path]:
    """Render the last run's report from its records alone; returns the run and the page's path."""
    from auditor.report.html import render

    run = folder.load_run()
    page = folder.path / "index.html"
    write_text(page, render(run))
    return run, page


def passed(run: Run) -> bool:
    """Whether every case that was chosen to run passed."""
    return all(run.state(case) in ("pass", "not selected") for case in run.cases)
