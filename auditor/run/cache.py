"""Results kept under the digest of all they depend on, so that nothing unchanged is measured again.

    <folder>/CACHEDIR.TAG
    <folder>/<2 digits of the key>/<key>    a seal of what follows and a newline; then an `.npz`
    <folder>/learned/<2 digits>/<key>       the same, of what is of a model and its data, and of no case
    <folder>/timings, <folder>/loaded       notes: how long cases and models took, which models a trial has loaded
    <folder>/drawings                       pictures of reports, as `auditor.drawing` keeps them

An entry appears in one move and is never changed, so any number of processes and machines may share a folder. One that
is damaged, or lies under another's name, is dropped and measured again, never believed. The seal is its SHA-256, in
hex, which finds damage and no malice: whoever may write to the folder can put results there. With a key it is followed
by a space and the HMAC-SHA256, in hex, and what those who have the key didn't put there is measured again.
"""

import hashlib
import hmac
import io
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.records.arrays import read_arrays
from auditor.records.encoding import decode, encode
from auditor.records.formats import FORMAT
from auditor.records.store import UNREADABLE, write
from auditor.telling.reason import os_reason, reason
from auditor.telling.remarks import remark
from auditor.values import RecordError

Value = TypeVar("Value")
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of robustness audits: safe to delete.\n"
_VALUE = "value.json"  # the member that holds all but the arrays
_RESULTS, _NOTES = "[0-9a-f][0-9a-f]/*", ("timings/[0-9a-f][0-9a-f]/*", "loaded/*", "learned/[0-9a-f][0-9a-f]/*")
_SHORTEST = 16
_DRAWINGS = "drawings/[0-9a-f][0-9a-f]/*"

Kind = Literal["results", "notes", "drawings"]


@dataclass(frozen=True)
class Entry:
    """One kept result, note or drawing: bytes on disk, and when it was last of use (seconds since 1970)."""

    path: Path
    size: int
    used: float
    kind: Kind = "results"


class Cache:
    """A folder of results by key. Keys are SHA-256 digests, in hex.

    secret: what entries are signed with; without it, any that are whole are believed.
    """

    def __init__(self, path: Path, secret: bytes = b"") -> None:
        self.path = path
        self.secret = secret
        self._writes = True

    @property
    def drawings(self) -> Path:
        """Where pictures of reports are kept."""
        return self.path / "drawings"

    @property
    def learned(self) -> "Cache":
        """Where what is of a model and its data alone is kept."""
        return Cache(self.path / "learned", self.secret)

    def _place(self, key: str) -> Path:
        return self.path / key[:2] / key

    def get(self, kind: type[Value], key: str) -> Value | None:
        """The value of this kind kept under a key, or None."""
        path = self._place(key)
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None  # where the folder has gone too, `put` says so
        except OSError as error:
            remark(f"{path} can't be read: {os_reason(error)}")
            return None
        try:
            if self.secret and not _signed(content, self.secret):
                remark(f"{path} isn't signed with this key; it isn't used")
                return None
            value = _unpack(kind, key, content)
        except UNREADABLE as error:
            remark(f"{path} is damaged ({reason(error)}); it is dropped")
            self._drop(path)
            return None
        self._touch(path)
        return value

    def put(self, key: str, value: Any) -> None:
        """Keep a dataclass under a key. A folder that can't be written to is said once, and left alone."""
        if not self._writes:
            return
        try:
            path = self._place(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (self.path / "CACHEDIR.TAG").exists():
                write(self.path / "CACHEDIR.TAG", _TAG.encode())
            write(path, _pack(key, value, self.secret))
        except OSError as error:
            self._writes = False
            remark(f"the cache {self.path} can't be written to ({os_reason(error)}); results aren't kept")

    def remove(self, keys: Iterable[str]) -> None:
        """Drop what is kept under these keys, if anything is."""
        for key in keys:
            self._drop(self._place(key))

    def _drop(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return  # a file has taken the folder's place: nothing is left to drop
        except OSError as error:
            remark(f"{path} can't be removed: {os_reason(error)}")

    def _touch(self, path: Path) -> None:
        # How recently an entry was of use only decides what `prune` takes first: a read-only folder may stay as it is.
        if os.access(path, os.W_OK):
            try:
                os.utime(path)
            except (FileNotFoundError, NotADirectoryError):
                return  # gone in between; the value was read whole

    def entries(self) -> list[Entry]:
        """Every result, the least recently used first."""
        return self._matching("results", _RESULTS)

    def everything(self) -> list[Entry]:
        """Every result, note and drawing, the least recently used first."""
        found = self.entries() + self._matching("notes", *_NOTES) + self._matching("drawings", _DRAWINGS)
        return sorted(found, key=lambda entry: (entry.used, entry.path))

    def _matching(self, kind: Kind, *patterns: str) -> list[Entry]:
        found = []
        for pattern in patterns:
            for path in self.path.glob(pattern):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # another process pruned it
                found.append(Entry(path, status.st_size, status.st_mtime, kind))
        return sorted(found, key=lambda entry: (entry.used, entry.path))

    def prune(self, unused_days: float, most_bytes: float) -> list[Entry]:
        """Remove what hasn't been of use for so many days, then the least recently used until the rest fits.

        Returns what was removed; raises OSError where that isn't allowed.
        """
        entries = self.everything()
        oldest = time.time() - unused_days * 86400
        left = sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            if entry.used >= oldest and left <= most_bytes:
                break
            entry.path.unlink(missing_ok=True)
            left -= entry.size
            removed.append(entry)
        return removed


def secret_in(path: Path) -> bytes:
    """The key in a file; raise RecordError for one that can't be read, or is too short to be a secret."""
    try:
        found = path.read_bytes().strip()
    except OSError as error:
        raise RecordError(f"the cache's key {path} can't be read: {os_reason(error)}") from error
    if len(found) < _SHORTEST:
        way = f"`openssl rand -hex 32 > {path}` makes one, for those alone who may put results into the cache"
        raise RecordError(f"the cache's key {path} has {len(found)} bytes, and at least {_SHORTEST} are needed: {way}")
    return found


def _signed(content: bytes, secret: bytes) -> bool:
    seal, _, data = content.partition(b"\n")
    return hmac.compare_digest(seal.partition(b" ")[2], _signature(data, secret))


def _signature(data: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, data, "sha256").hex().encode()


def _pack(key: str, value: Any, secret: bytes) -> bytes:
    arrays: dict[str, NDArray[Any]] = {}
    content = {"format": FORMAT, "key": key, "kind": type(value).__name__, "value": encode(value, arrays)}
    text = json.dumps(content, allow_nan=False).encode()
    body = io.BytesIO()
    # Uncompressed: what is kept while an attack runs must cost next to nothing.
    np.savez(body, allow_pickle=False, **{_VALUE: np.frombuffer(text, np.uint8)}, **arrays)
    data = body.getvalue()
    seal = hashlib.sha256(data).hexdigest().encode() + (b" " + _signature(data, secret) if secret else b"")
    return seal + b"\n" + data


def _unpack(kind: type[Value], key: str, content: bytes) -> Value:
    """Read an entry; raise ValueError, or whatever reading it raises, for one that isn't whole or isn't this one."""
    seal, _, data = content.partition(b"\n")
    if hashlib.sha256(data).hexdigest().encode() != seal.partition(b" ")[0]:
        raise ValueError("its content doesn't have its digest")
    arrays = read_arrays(io.BytesIO(data))
    found = json.loads(arrays.pop(_VALUE).tobytes())
    if (found["format"], found["key"], found["kind"]) != (FORMAT, key, kind.__name__):
        raise ValueError(f"it is a {found['kind']} of format {found['format']} under the key {found['key'][:12]}…")
    value: Value = decode(kind, found["value"], arrays)
    return value
