"""Why a case has its verdict, what would change it, and what to do next: in sentences, from its record alone."""

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.records.headline import subject
from auditor.report import outcome
from auditor.report.measures import interval_of, surely
from auditor.report.threat import attacker
from auditor.values import Diagnostic, Finding, PlannedCase, Record, Run


@dataclass(frozen=True)
class Reasons:
    """why: what decided the verdict. changes: what would change it. commands: what to run next, each with what for."""

    why: tuple[str, ...]
    changes: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]


def reasons(run: Run, case: PlannedCase, folder: str) -> Reasons:
    """Explain a case of a run whose records lie in `folder`."""
    record = run.records.get(case.id)
    why = tuple(dict.fromkeys(_why(run, case, record)))
    return Reasons(why, tuple(dict.fromkeys(_changes(run, case, record))), tuple(_commands(run, case, record, folder)))


def _why(run: Run, case: PlannedCase, record: Record | None) -> Iterator[str]:
    if record is None:
        yield outcome.message(run, case)
        return
    if record.evidence:
        yield record.evidence.summary
    if record.waiver:
        yield f"waiver of {record.waiver}: {record.waiver.standing}"
    for finding in record.verdict.findings:
        yield f"{finding.status}: {finding.message}"
    if not record.verdict.findings:
        yield record.verdict.message
    yield from (f"doubtful: {test.name}: {test.message}" for test in _doubts(record))
    yield from (f"what it doesn't say: {caveat}" for caveat in outcome.caveats(run, case))


def _doubts(record: Record) -> list[Diagnostic]:
    return [test for test in (record.evidence.diagnostics if record.evidence else ()) if not test.ok]


def _changes(run: Run, case: PlannedCase, record: Record | None) -> Iterator[str]:
    state = run.state(case)
    if record is None:
        yield "Running it: nothing is known until it has."
    elif state == "error":
        yield "Mending what the error names; until then nothing is known, which is no pass and no fail."
    elif state == "descriptive":
        named = ", ".join(record.evidence.metrics if record.evidence else ()) or "its metrics"
        yield f"An expectation, `expect: {{METRIC: {{min: …}}}}`, on one of: {named}. Without one it claims nothing."
    elif state == "pass":
        first = "A stronger attacker than those tried, other images" if attacker(record) else "Other images"
        yield f"{first}, or a stricter expectation: see what was not tested."
    else:
        yield from _to_pass(record)
    if state == "waived":
        yield "The end of the waiver: then it fails as it would now."


def _to_pass(record: Record) -> Iterator[str]:
    for finding in record.verdict.findings:
        if finding.status == "fail":
            yield f"{finding.expectation.subject}: {_of_fail(record, finding)}"
        elif finding.status == "inconclusive" and not _doubts(record):
            yield f"{finding.expectation.subject}: more images ({_taken(record)}), of which the finding says how many."
    if record.verdict.status == "inconclusive" and _doubts(record):
        yield (
            "An attack that its tell-tale tests don't doubt: more `steps` or `restarts`, another attack beside it, or "
            "a model whose gradients are of use. More images alone don't help."
            if attacker(record)
            else "What the tell-tale tests doubt, mended: each says above what it found. More images of the same kind "
            "don't help."
        )


def _taken(record: Record) -> str:
    """What says how many images a case takes: a parameter, that of the case whose images they are, or its data."""
    if "samples" in record.params:
        return "`samples`"
    source = record.params.get("adversarial")
    return f"`samples` of {source}" if isinstance(source, str) else "it takes all that the data has"


def _of_fail(record: Record, finding: Finding) -> str:
    metric = subject(record, finding.expectation)
    both = interval_of(metric, record) if metric else None
    if metric is None or both is None or not all(map(math.isfinite, both)):
        return "a better model, or an expectation that somebody answers for."
    if surely(finding, both, finding.expectation).startswith("the whole"):
        return f"a better model; more images than these {metric.n} wouldn't: the whole interval violates it."
    return f"a better model, or if it was chance, more than {metric.n} images: the interval reaches what is allowed."


def _commands(run: Run, case: PlannedCase, record: Record | None, folder: str) -> Iterator[tuple[str, str]]:
    here = shlex.quote(folder)
    there = "" if Path(run.spec).is_file() else f", in the folder in which {run.spec} lies"
    yield f"auditor run {shlex.quote(f'{run.spec}::{case.id}')} --audit-no-cache", f"measure it again{there}"
    if record and record.evidence and record.evidence.adversarial:
        yield f"auditor replay {here} {shlex.quote(case.id)}", "one of its images again, step by step"
    if record:
        yield f"auditor verify {here}", "derive what the report says from spec, data and checkpoint"
    if record and record.verdict.status == "inconclusive":
        yield f"auditor plan {shlex.quote(run.spec)}", f"how many images each gate takes{there}"
    yield f"auditor checks {case.check}", "what the check measures, and its parameters"
