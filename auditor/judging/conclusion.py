"""From what was measured to what is concluded: the verdict, at the right confidence, and the waiver's standing.

Pure but for the date: stored records go through here again when they are judged by another spec.
"""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from auditor.judging.verdict import holm, judge
from auditor.records import looks
from auditor.spec import Case, Plan
from auditor.values import Baseline, Evidence, Failure, Record, Status, Verdict, Waiver


def unjudged(
    run: str,
    plan: Plan,
    case: Case,
    evidence: Evidence | None,
    failure: Failure | None,
    provenance: Mapping[str, Any],
    seconds: float = 0.0,
    baseline: Baseline | None = None,
) -> Record:
    """The record of a case as it was measured, or wasn't; `conclude` gives it its verdict."""
    return Record(
        run=run,
        audit=plan.audit,
        case=case.id,
        check=case.check,
        title=case.title,
        model=case.model,
        params=case.asked,
        expectations=case.expectations,
        confidence=case.confidence,
        interval=plan.spec.content.interval,
        verdict=Verdict("error", "not judged yet"),
        evidence=evidence,
        failure=failure,
        provenance=provenance,
        seconds=seconds,
        baseline=baseline,
    )


def conclude(record: Record, plan: Plan, case: Case, level: float | None = None) -> Record:
    """Judge a record by a case of a plan; level: the confidence, where the plan's gates share one."""
    shared = plan.hypotheses
    level = level if level is not None else 1 - (1 - case.confidence) / max(1, shared)
    correction = f"Holm, over {shared} expectations at {plan.spec.content.confidence * 100:.6g}%" if shared else ""
    reruns = plan.spec.content.reruns
    if reruns == "correct":
        level = 1 - (1 - level) * looks.share(record.look)
        part = f"1/{record.look * (record.look + 1)} of the risk, as look {record.look} at the same question"
        correction = f"{correction}; {part}" if correction else part
    demanded = dataclasses.replace(
        record,
        title=case.title,
        expectations=case.expectations,
        confidence=level,
        interval=plan.spec.content.interval,
        correction=correction,
        reruns=reruns,
    )
    verdict = judged(demanded)
    waiver = _standing(case.waiver, verdict.status, record) if case.waiver else None
    return dataclasses.replace(demanded, verdict=verdict, waiver=waiver)


def judged(record: Record) -> Verdict:
    """The verdict that follows from what a record holds: its evidence, its expectations and its confidence."""
    evidence = record.evidence
    if evidence is None:
        return Verdict("error", record.failure.message if record.failure else "nothing was measured")
    if record.reruns == "refuse" and record.look > 1:
        before = "once" if record.look == 2 else f"{record.look - 1} times"
        message = f"the same was measured {before} before with another seed and another outcome, and the spec says "
        return Verdict(
            "error", f"{message}`reruns: refuse`: go back to the seed, and the id, that it was first measured with"
        )
    demands, level = record.expectations, record.confidence
    return judge(evidence.metrics, demands, level, evidence.diagnostics, record.baseline)


def shared_level(records: Mapping[str, Record], plan: Plan) -> float | None:
    """The confidence at which each expectation is judged so that all hold together, None where they share none."""
    if not plan.hypotheses:
        return None

    def passed(level: float) -> int:
        concluded = {case_id: conclude(record, plan, plan.case(case_id), level) for case_id, record in records.items()}
        return sum(
            finding.status == "pass" and finding.expectation in plan.case(case_id).uncertain
            for case_id, record in concluded.items()
            for finding in record.verdict.findings
        )

    return holm(passed, plan.hypotheses, plan.spec.content.confidence)


def settle(records: Mapping[str, Record], plan: Plan) -> Mapping[str, Record]:
    """Judge records together, where the plan's gates share one confidence; those that passed alone stay."""
    level = shared_level(records, plan)
    if level is None:
        return records
    return {case_id: conclude(record, plan, plan.case(case_id), level) for case_id, record in records.items()}


def _standing(waiver: Waiver, status: Status, record: Record) -> Waiver:
    """A waiver covers a failure or a doubt, for its checkpoint and until its last day; never an error."""
    if status in ("pass", "descriptive"):
        return dataclasses.replace(waiver, standing="unneeded")
    if status == "error":
        return dataclasses.replace(waiver, standing="not for errors")
    if waiver.expires < datetime.now(UTC).date().isoformat():
        return dataclasses.replace(waiver, standing="expired")
    if waiver.sha256 is not None and waiver.sha256 not in record.files.values():
        return dataclasses.replace(waiver, standing="other checkpoint")
    return dataclasses.replace(waiver, standing="in force")
