"""How a case that did not pass stands in pytest's own outputs: its story where failures are told, one line elsewhere.

Part of `auditor.plugin.items`, which imports it where there is such a case.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from auditor.telling.escaping import on_terminal
from auditor.values import Record


def shown(path: Path, line: int, story: str, brief: str) -> ReprExceptionInfo:
    """A story as pytest shows what failed. brief: what stands behind `FAILED …` in its short summary.

    It is of pytest's own kind, so that its list, JUnit file and workers of pytest-xdist know what to take of it.
    """
    told = ReprEntryNative([f"{one}\n" for one in on_terminal(story).splitlines()])
    return ReprExceptionInfo(
        ReprTraceback([told], None, "native"), ReprFileLocation(str(path), line, on_terminal(brief))
    )


def story(record: Record, folder: str) -> str:
    """Why a case didn't pass, line by line, and the command that says more. folder: where its audit's records lie."""
    return "\n".join(
        (f"{record.case} ({record.check} of {record.model}): {record.verdict.status}", *_told(record, folder))
    )


def _told(record: Record, folder: str) -> Iterator[str]:
    if record.failure and record.failure.traceback:
        yield record.failure.traceback
        return
    if record.evidence:
        yield record.evidence.summary
    if record.waiver:
        yield f"its waiver ({record.waiver}) doesn't hold: {record.waiver.standing}"
    findings = [f"{finding.status}: {finding.message}" for finding in record.verdict.findings]
    yield from findings or [record.verdict.message]
    yield f"next: {shlex.join(('auditor', 'explain', folder, record.case))}"
