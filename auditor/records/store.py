"""Records on disk: one folder an audit, one folder a case, JSON beside `.npz`, never a pickle.

    reports/<audit>/run.json                    what was planned, by which run
    reports/<audit>/records/<case>/begun        which run began the case
    reports/<audit>/records/<case>/left         which run left it out, and why
    reports/<audit>/records/<case>/record.json  evidence, verdict, provenance; arrays by name
    reports/<audit>/records/<case>/arrays.npz
    reports/<audit>/partial/                    the same, of a run of some cases that would have dropped other records

Files appear in one move, so a reader sees a whole file or none. A record of another run is not a record of
this one.
"""

import dataclasses
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.records.arrays import read_arrays
from auditor.records.encoding import decode, encode
from auditor.records.formats import FORMAT, as_now, check_format
from auditor.telling.lists import first
from auditor.telling.reason import named_reason, os_reason
from auditor.values import Record, RecordError, Run

Value = TypeVar("Value")
PARTIAL = "partial"
_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# What reading a file raises that was damaged, or made to mislead.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError, zipfile.BadZipFile)


class Folder:
    """The records of one audit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def spared_by(self, run: Run) -> Run | None:
        """The run here with records that a run of some cases would drop and not replace; None if there is none."""
        chosen = {case.id for case in run.cases if case.selected}
        if len(chosen) == len(run.cases):
            return None
        try:
            there = self.load_plan()
        except RecordError:
            return None  # nothing, or nothing that can be read
        kept = {case.id for case in there.cases if (self.case_folder(case.id) / "record.json").exists()}
        return there if there.id != run.id and kept - chosen else None

    def part(self) -> "Folder":
        """Where a run of some cases lies that leaves the run here as it is."""
        return Folder(self.path / PARTIAL)

    @property
    def reports(self) -> Path:
        """The folder of all audits' reports, in which this is one, or in one."""
        path = self.path.resolve()
        whole = path.parent if path.name == PARTIAL and (path.parent / "run.json").exists() else path
        return whole.parent

    def step_aside(self, run: str) -> None:
        """Note that a run lies in `part`, for the processes that take part in it."""
        write_bytes(self.path / ".locks" / "aside", run.encode())

    def folder_of(self, run: str) -> "Folder":
        """Where a run lies that has begun: here, or in `part`."""
        return self.part() if _says(self.path / ".locks" / "aside", run) else self

    def prepare(self, run: Run) -> None:
        """Begin a run: drop records of other runs, say what is planned. Safe to call by every worker."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with self._lock("run"):
                if self._current_run() == run.id:
                    return
                for older in ("records", PARTIAL):
                    shutil.rmtree(self.path / older, ignore_errors=True)
                self._write_plan(run)
        except OSError as error:
            raise RecordError(f"reports can't be written to {self.path}: {os_reason(error)}") from error

    def _write_plan(self, run: Run) -> None:
        encoded = encode(dataclasses.replace(run, records={}, begun=frozenset(), left={}), {})
        write(self.path / "run.json", _json({"format": FORMAT, "run": encoded}))

    def mark_changed(self, changed: tuple[str, ...]) -> None:
        """Note that records aren't as they were sealed, and that somebody accepted it."""
        run = self.load_plan()
        try:
            self._write_plan(dataclasses.replace(run, changed=tuple(dict.fromkeys((*run.changed, *changed)))))
        except OSError as error:
            raise RecordError(f"{self.path / 'run.json'} can't be written: {os_reason(error)}") from error

    def _current_run(self) -> str | None:
        try:
            return str(json.loads((self.path / "run.json").read_text("utf-8"))["run"]["id"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # no run, or one that can't be read: it is replaced either way

    def lock(self, case: str) -> AbstractContextManager[Any]:
        """One process at a time for one case."""
        return self._lock(f"case-{case}")

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """The system gives a lock back when its process ends, however it ends."""
        from filelock import FileLock

        folder = self.path / ".locks"
        lock = FileLock(folder / f"{name}.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise RecordError(f"{folder} can't be written to: {os_reason(error)}") from error
        try:
            yield
        finally:
            lock.release()

    def case_folder(self, case: str) -> Path:
        """Where one case's record lies."""
        return self.path / _case_folder(case)

    def begin(self, run: str, case: str) -> None:
        """Note that a run began a case, so that one that is cut off is told from one that never ran."""
        write_bytes(self.case_folder(case) / "begun", run.encode())

    def let_stand(self, run: str) -> None:
        """Note that a new run leaves the finished one as it is, for the processes that take part in it."""
        write_bytes(self.path / ".locks" / "standing", run.encode())

    def stands_for(self, run: str) -> bool:
        """Whether a new run left the finished one as it is."""
        return _says(self.path / ".locks" / "standing", run)

    def has_begun(self, run: str, case: str) -> bool:
        """Whether a run began a case."""
        return _says(self.case_folder(case) / "begun", run)

    def leave(self, run: str, case: str, why: str) -> None:
        """Note that a run leaves a case out, and why."""
        write_bytes(self.case_folder(case) / "left", f"{run}\n{why}".encode())

    def _left(self, run: str, case: str) -> str:
        path = self.case_folder(case) / "left"
        if not path.is_file():
            return ""
        _refuse_links(self.path, path)
        by, _, why = path.read_text("utf-8").partition("\n")
        return why if by == run else ""

    def save(self, record: Record) -> None:
        """Store a record; raise RecordError if it can't be written."""
        folder = self.case_folder(record.case)
        arrays: dict[str, NDArray[Any]] = {}
        data = {"format": FORMAT, "record": encode(record, arrays)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _replacing(folder / "arrays.npz") as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
            # The JSON goes last: where it is, its arrays are.
            write(folder / "record.json", _json(data))
        except OSError as error:
            raise RecordError(f"record {folder} can't be written: {os_reason(error)}") from error

    def load(self, run: str, case: str, arrays: bool = True) -> Record | None:
        """The record this run left of a case, or None; raise RecordError for one that can't be read.

        arrays: whether they are read too. If not, there are no figures and images, and empty arrays beside the values
        of metrics, which verdicts need no more.
        """
        folder = self.case_folder(case)
        path = folder / "record.json"
        if not path.exists():
            return None
        _refuse_links(self.path, folder, path, folder / "arrays.npz")
        try:
            content = json.loads(path.read_text("utf-8"))
            check_format(content, path)
            if content["record"]["run"] != run:
                return None
            if not arrays:
                return _checked(case, decode(Record, _undrawn(content["record"]), defaultdict(lambda: np.empty(0))))
            with (folder / "arrays.npz").open("rb") as file:
                return _checked(case, decode(Record, content["record"], read_arrays(file)))
        except UNREADABLE as error:
            raise RecordError(f"record {folder} can't be read: {named_reason(error)}") from error

    def load_plan(self) -> Run:
        """The last run as it was planned, without records; raise RecordError if there is none or it can't be read."""
        return self._planned()[1]

    @property
    def earlier(self) -> bool:
        """Whether the run that is here was written by an earlier version; raise RecordError if it can't be read."""
        return self._planned()[0] < FORMAT

    def _planned(self) -> tuple[int, Run]:
        """The format of what is here, and the last run as it was planned."""
        path = self.path / "run.json"
        _refuse_links(self.path, path)
        try:
            content = json.loads(path.read_text("utf-8"))
            check_format(content, path)
            run: Run = decode(Run, content["run"], {})
            for case in run.cases:
                if not _SAFE_ID.fullmatch(case.id):
                    raise ValueError(f"{case.id!r} is no case id")
        except FileNotFoundError as error:
            raise RecordError(f"{self.path} holds no audit records (no {path.name}){_below(self.path)}") from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecordError(f"{path} can't be read: {named_reason(error)}") from error
        return content["format"], run

    def load_run(self, arrays: bool = True) -> Run:
        """The last run, with every record it left; raise RecordError if there is none or it can't be read.

        arrays: as for `load`.
        """
        run = self.load_plan()
        records = {case.id: self.load(run.id, case.id, arrays) for case in run.cases}
        begun = {case.id for case in run.cases if self.has_begun(run.id, case.id)}
        kept = {case_id: record for case_id, record in records.items() if record is not None}
        left = {case.id: why for case in run.cases if (why := self._left(run.id, case.id))}
        return dataclasses.replace(run, records=kept, begun=frozenset(begun), left=left)

    def save_run(self, run: Run) -> None:
        """Store a whole run, replacing the one that is here."""
        shutil.rmtree(self.path / "records", ignore_errors=True)
        (self.path / "run.json").unlink(missing_ok=True)
        self.prepare(run)
        for case, why in run.left.items():
            self.leave(run.id, case, why)
        for record in run.records.values():
            self.begin(run.id, record.case)
            self.save(record)

    def copy_to(self, target: Path) -> None:
        """Copy run and records to another folder, replacing what it holds; raise RecordError if that fails."""
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            shutil.copy2(self.path / "run.json", unfinished)
            shutil.copytree(self.path / "records", unfinished / "records")
            shutil.rmtree(target, ignore_errors=True)
            unfinished.replace(target)
        except OSError as error:
            raise RecordError(f"{target} can't be written: {os_reason(error)}") from error


def case_files(case: str) -> tuple[str, ...]:
    """The files of a case's record, relative to the audit's folder, with forward slashes."""
    return tuple((_case_folder(case) / name).as_posix() for name in ("record.json", "arrays.npz"))


def _case_folder(case: str) -> Path:
    # A leading dot would make `.` and `..` of a case id, which the spec's pattern allows; `_.a` is another than `.a`.
    return Path("records", f"_{case}" if case.lstrip("_").startswith(".") else case)


def _checked(case: str, record: Record) -> Record:
    if record.case != case:
        raise ValueError(f"it is of the case {record.case!r}")
    return as_now(record)


def _undrawn(record: dict[str, Any]) -> dict[str, Any]:
    """An encoded record without what holds most of its arrays."""
    bare = {"evidence": {"figures": [], "adversarial": None, "arrays": {}}, "baseline": {"figures": []}}
    return record | {part: record[part] | less for part, less in bare.items() if record.get(part)}


def _says(path: Path, run: str) -> bool:
    return path.exists() and path.read_text("utf-8") == run


def _refuse_links(root: Path, *paths: Path) -> None:
    """A record may come from a stranger: nothing in it may lead elsewhere."""
    for path in paths:
        if path.is_symlink():
            raise RecordError(f"{path} is a link; records are files in {root} itself")


# --- files that appear whole


class _replacing:  # noqa: N801 - reads as a verb where it is used
    """Give a temporary path beside `path`; move it there when the block ends well, remove it otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Path:
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        os.close(handle)
        self.temporary = Path(name)
        return self.temporary

    def __exit__(self, kind: object, value: object, trace: object) -> None:
        if kind is None:
            self.temporary.chmod(0o644)
            self.temporary.replace(self.path)
        else:
            self.temporary.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Write a file in one move; raise OSError if it can't be written."""
    with _replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a file in one move, making its folder; raise RecordError if it can't be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one move, making its folder; raise RecordError if it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, data)
    except OSError as error:
        raise RecordError(f"{path} can't be written: {os_reason(error)}") from error


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()


def _below(folder: Path) -> str:
    """Which folders in this one are audits', as they are easily meant."""
    audits = sorted(str(path.parent) for path in folder.glob("*/run.json"))
    return f"; {first(audits)} {'does' if len(audits) == 1 else 'do'}" if audits else ""
