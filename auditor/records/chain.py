"""Runs of an audit, each tied to the one before: one that is struck, or changed afterwards, leaves a gap.

Links are digests, so whoever may write to the whole reports folder can tie a new chain; what was signed, or kept
elsewhere, doesn't fit to it then.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.values import Run

LINKED = 3  # the version of `history.sqlite` from which runs are linked
ASKED = "SELECT id, link, previous FROM runs WHERE folder = ? ORDER BY rowid"


@dataclass(frozen=True)
class Link:
    """Where a run stands in the chain of its audit.

    run: its id. own: SHA-256 of all that follows, in hex. previous: the one of the run before, empty for the first.
    audit: the folder's name. spec: digest of its spec. records: digest of its records.
    """

    run: str
    own: str
    previous: str
    audit: str
    spec: str
    records: str

    @property
    def sound(self) -> bool:
        """Whether it is the digest of what it says."""
        return self.own == _digest(self.run, self.previous, self.audit, self.spec, self.records)


def tied(run: Run, audit: str, files: Mapping[str, str], previous: str) -> Link:
    """Tie a run to the one before, by the digests of its records, by name."""
    records = digest_of(files)
    own = _digest(run.id, previous, audit, run.spec_digest, records)
    return Link(run.id, own, previous, audit, run.spec_digest, records)


def digest_of(files: Mapping[str, str]) -> str:
    """One digest, in hex, of those of files, by name."""
    listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def read(told: Any) -> Link | None:
    """A link as a manifest holds it, or None."""
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in Link.__match_args__):
        return None
    return Link(**{name: told[name] for name in Link.__match_args__})


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def gaps(links: list[tuple[str, str, str]], of: Link | None = None) -> list[str]:
    """What is wrong with runs (id, own link, link of the one before) of one audit, from old to new, in words.

    of: the link of a run that has to be among them.
    """
    told, before = [], ""
    for run, own, previous in links:
        if own and previous != before:
            told.append(f"between run {run[:8]} and the one before, a run was struck, added or changed")
        before = own
    if of is not None and (of.run, of.own, of.previous) not in links:
        told.append(f"run {of.run[:8]} isn't there as its manifest has it")
    return told


def remembered(history: Path, folder: str) -> list[tuple[str, str, str]] | None:
    """The runs of an audit as `history.sqlite` has them, from old to new; None where it isn't there, or is older.

    Nothing is written. Raises sqlite3.Error where it can't be read.
    """
    if not history.is_file():
        return None
    with closing(sqlite3.connect(f"{history.resolve().as_uri()}?mode=ro", uri=True)) as database:
        if database.execute("PRAGMA user_version").fetchone()[0] < LINKED:
            return None
        return list(database.execute(ASKED, (folder,)))
