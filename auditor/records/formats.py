"""The format of records, by number: which are read, and what is made of those that an earlier version left."""

import dataclasses
from pathlib import Path
from typing import Any

from auditor.values import DESCRIBED, Record, RecordError, Verdict

FORMAT = 4
_READABLE = (3, FORMAT)  # 3 called a pass what is descriptive, and knew no caveats


def check_format(content: Any, path: Path) -> None:
    """Raise RecordError for what was read from a path, if it has a format that isn't read."""
    found = content["format"]
    if found not in _READABLE:
        known = " and ".join(map(str, _READABLE))
        raise RecordError(f"{path} has format {found}; this version reads {known}: run the audit again")


def as_now(record: Record) -> Record:
    """A record as this version would have written it."""
    earlier = record.earlier
    if earlier is not None and not earlier.verdict.findings:
        record = dataclasses.replace(record, earlier=dataclasses.replace(earlier, verdict=_described(earlier.verdict)))
    return record if record.expectations else dataclasses.replace(record, verdict=_described(record.verdict))


def _described(verdict: Verdict) -> Verdict:
    """The verdict on a case of which nothing was expected, which earlier versions called a pass."""
    return DESCRIBED if verdict.status == "pass" else verdict
