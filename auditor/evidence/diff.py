"""Two runs of an audit side by side, from their records alone."""

import dataclasses

from auditor.judging import changed_images, from_records
from auditor.records.store import Folder
from auditor.values import Earlier, Record, RecordError, Run, pictured


def diff(before: Folder, now: Folder) -> Run:
    """The run in `now` with the one in `before` as every case's baseline and earlier verdict; nothing is judged."""
    then, run = before.load_run(), now.load_run()
    if then.audit != run.audit:
        raise RecordError(f"{before.path} is of the audit {then.audit!r} and {now.path} of {run.audit!r}")
    return dataclasses.replace(
        run,
        records={case: _beside(record, then, before) for case, record in run.records.items()},
        compared_with=f"run {then.id} of {then.started}",
        not_judged=tuple(case for case in then.records if case not in run.records),
    )


def _beside(record: Record, then: Run, before: Folder) -> Record:
    old = then.records.get(record.case)
    earlier = Earlier(old.verdict, then.spec_digest) if old else None
    found = from_records(before, record.case, record.check, record.params, record.provenance)
    if record.evidence is not None:
        evidence, old_one = record.evidence, found
        changed = pictured(lambda: changed_images(evidence, old_one, record.check, record.expectations))
        found = dataclasses.replace(found, figures=changed)
    return dataclasses.replace(record, baseline=found, earlier=earlier)
