"""Files as a session first saw them, and private copies of checkpoints: what was hashed and scanned is what is loaded.

Between a digest and the opening of the file that it is of, anybody who may write there can put another in its place.
A process that is killed can't remove its copies: the next one does, which finds that nobody holds their lock.
"""

import hashlib
import os
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from auditor.telling.reason import os_reason
from auditor.values import ModelError, Parameters, references

_CHUNK = 1 << 20
_PREFIX, _LOCK = "auditor-", ".lock"
_FRESH = 60.0  # seconds in which whoever made a folder has its lock


@dataclass(frozen=True)
class Held:
    """Parameters that name copies, the copy of every file, and the SHA-256 of each, by the original's path."""

    params: Parameters
    copies: Mapping[Path, Path]
    digests: Mapping[Path, str]


class Files:
    """What a session knows of files: what it first saw of each, for which no size or time of change is ever taken."""

    def __init__(self) -> None:
        self._digests: dict[Path, str] = {}
        self._held: dict[str, Held] = {}

    @cached_property
    def folder(self) -> Path:
        """A folder that no other user can look into, gone when the session ends."""
        found = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(found / _LOCK, thread_local=False)
        lock.acquire()
        weakref.finalize(self, _remove, found, lock)
        _sweep()
        return found

    def digest(self, path: Path) -> str:
        """SHA-256 of a file, in hex, as it was when it was first asked for; raise OSError if it can't be read."""
        if path not in self._digests:
            self._digests[path] = _digest(path)
        return self._digests[path]

    def content(self, path: Path) -> bytes:
        """A small file's bytes; raise OSError if it can't be read, ModelError if it isn't what it was before."""
        found = path.read_bytes()
        if self._digests.setdefault(path, hashlib.sha256(found).hexdigest()) != hashlib.sha256(found).hexdigest():
            raise ModelError(_exchanged(path))
        return found

    def held(self, params: Parameters) -> Held:
        """Copies of what parameters name, made once; raise ModelError where a file isn't what it was before."""
        key = f"{type(params).__module__} {params.model_dump_json()}"
        if key not in self._held:
            made = held(params, self.folder / str(len(self._held)), self.folder)
            for path, digest in made.digests.items():
                if self._digests.setdefault(path, digest) != digest:
                    raise ModelError(_exchanged(path))
            self._held[key] = made
        return self._held[key]

    def check_unchanged(self, paths: Iterable[Path]) -> None:
        """Read files again; raise OSError for one that can't be read, ModelError for one that isn't what it was."""
        for path in paths:
            if _digest(path) != self._digests.get(path):
                raise ModelError(_exchanged(path))


def _remove(folder: Path, lock: FileLock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what processes of this user have left that were killed: one that lives holds the lock in its folder."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):  # somebody else's, one that is in use, or one that has just gone
            told, lock = folder.lstat(), (folder / _LOCK).lstat()
            mine = not hasattr(os, "geteuid") or told.st_uid == os.geteuid()
            plain = stat.S_ISDIR(told.st_mode) and stat.S_ISREG(lock.st_mode)  # a link may lead anywhere
            if mine and plain and time.time() - lock.st_mtime > _FRESH:
                with FileLock(folder / _LOCK, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


def _exchanged(path: Path) -> str:
    return f"{path} was exchanged while it was audited: it isn't the file it was before; run the audit again"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def held(params: Parameters, folder: Path, own: Path | None = None) -> Held:
    """Copy every file that parameters name into a folder of one's own; raise OSError for one that can't be read.

    Each is read once: the digest is of the bytes that were written. own: a folder whose files needn't be copied.
    """
    found: dict[str, str] = {}
    copies: dict[Path, Path] = {}
    digests: dict[Path, str] = {}
    for number, reference in enumerate(references(params)):
        if reference.to != "file":
            continue
        path = Path(reference.name)
        if own is not None and path.is_relative_to(own):
            files = params.files_at(path)
            copies |= {file: file for file in files}
            digests |= {file: _digest(file) for file in files}
            continue
        whole, inside = path.is_dir(), folder / str(number)
        base, inside = (path, inside / path.name) if whole else (path.parent, inside)
        for file in params.files_at(path):
            copies[file] = inside / file.relative_to(base)
            copies[file].parent.mkdir(parents=True, exist_ok=True)
            digests[file] = _copied(file, copies[file])
        found[str(reference.location[0])] = str(inside if whole else inside / path.name)
    return Held(params.model_copy(update=found), copies, digests)


def _copied(source: Path, target: Path) -> str:
    """Copy a file's bytes; the SHA-256 of what was copied, in hex."""
    digest = hashlib.sha256()
    with source.open("rb") as original:
        try:
            with target.open("xb") as copy:
                while chunk := original.read(_CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
        except OSError as error:
            message = f"{source} can't be copied to {target.parent}, where nobody exchanges it while it is audited"
            way = "TMPDIR names the folder for such copies"
            raise ModelError(f"{message}: {os_reason(error)} ({way}; it is in {tempfile.gettempdir()} now)") from error
    return digest.hexdigest()
