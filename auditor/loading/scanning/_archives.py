"""Zip files: checkpoints of Keras and PyTorch."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from auditor.loading.scanning import _contents, _hdf5, _keras
from auditor.loading.scanning._threat import Threat, unknown, unreadable

# Keras and PyTorch store without compression. Weights that compress at all hardly do by a tenth of this.
_RATIO = 100
_ROOM = 16 << 20
_MOST_TEXT = 64 << 20
# PyTorch's operators that read or write files named in the graph, in TorchScript's code and in graphs of `.pt2`.
_TORCH = re.compile(rb"\b(?:torch|ops\.aten|aten::|torch\.ops\.aten)[.:]*(from_file|save)\b")


def is_pickle(head: bytes) -> bool:
    """Whether a file that begins so is a pickle of protocol 2 or later."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")


def is_zip(file: IO[bytes]) -> bool:
    """Whether a file is a zip file, be it a broken one."""
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:
        return True


def pickles_in(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """Every pickle in a file, or that is the file: what it is called, and its bytes. It has to be a sound archive."""
    with path.open("rb") as file:
        if is_zip(file):
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    with archive.open(entry) as inner:
                        pickled = is_pickle(inner.read(8)) and _bomb(name, entry) is None
                    if pickled:
                        yield f"{name} › {entry.filename}", archive.read(entry)
            return
        file.seek(0)
        if is_pickle(file.read(8)):
            yield name, path.read_bytes()


def threats(name: str, file: IO[bytes]) -> Iterator[Threat]:
    """Look at the names in a zip file, at what its entries unfold to, and into those that a loader reads."""
    try:
        with zipfile.ZipFile(file) as archive:
            refused = list(_of_names(name, archive.infolist()))
            yield from refused
            for entry in archive.infolist():
                bomb = _bomb(f"{name} › {entry.filename}", entry)
                if bomb:
                    yield bomb
                elif not refused:
                    yield from _of_entry(f"{name} › {entry.filename}", archive, entry)
            if not refused and not (_of_pytorch(archive) or _of_keras(archive)):
                yield unknown(name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        yield unreadable(name, error)


def _of_names(name: str, entries: list[zipfile.ZipInfo]) -> Iterator[Threat]:
    seen = set()
    for entry in entries:
        inner, called = entry.filename, f"{name} › {entry.filename}"
        posix, windows = PurePosixPath(inner), PureWindowsPath(inner)
        if posix.is_absolute() or windows.drive or windows.root or ".." in (*posix.parts, *windows.parts):
            yield Threat("critical", called, "path outside", "unpacked, it would land outside of its folder")
        if entry.external_attr >> 28 == 0o12:  # a symbolic link, in the mode that Unix archivers note
            yield Threat("critical", called, "link", "it is a symbolic link, which can lead anywhere")
        if inner in seen:
            message = "two entries have this name, so that one reader sees other content than another"
            yield Threat("critical", called, "twice", message)
        seen.add(inner)


def _bomb(called: str, entry: zipfile.ZipInfo) -> Threat | None:
    if entry.file_size <= _ROOM or entry.file_size <= _RATIO * entry.compress_size:
        return None
    message = f"{entry.compress_size} bytes unfold to {entry.file_size}"
    return Threat("critical", called, "bomb", message)


def _of_entry(called: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[Threat]:
    with archive.open(entry) as file:
        head = file.read(8)
    path = PurePosixPath(entry.filename)
    if path.name == "config.json":
        yield from _keras.of_text(called, _text(archive, entry))
    elif head == _hdf5.MAGIC:
        # h5py goes to and fro, which is slow in what is compressed.
        with io.BytesIO(archive.read(entry)) if entry.compress_type else archive.open(entry) as stream:
            yield from _hdf5.threats(called, stream)
    elif is_pickle(head):
        if not _of_pytorch(archive):
            message = "it is a pickle, which no part of such a checkpoint has to be"
            yield Threat("warning", called, "pickle", message)
    elif path.name == "model.json" or (path.suffix == ".py" and "code" in path.parts):
        for word in sorted(set(_TORCH.findall(_text(archive, entry)))):
            message = f"the operator `{word.decode()}` reads or writes a file of the model's choice"
            yield Threat("critical", called, "file access", message)
    elif not _of_pytorch(archive) and entry.file_size <= _MOST_TEXT and not entry.is_dir():
        yield from _contents.look(called, io.BytesIO(archive.read(entry)), path)
    elif not _of_pytorch(archive) and not entry.is_dir():
        yield unknown(called)


def _of_keras(archive: zipfile.ZipFile) -> bool:
    """Whether it is Keras's: a configuration, weights, or both."""
    names = archive.namelist()
    return "config.json" in names or any(name.endswith(".weights.h5") for name in names)


def _of_pytorch(archive: zipfile.ZipFile) -> bool:
    """Whether it is PyTorch's: TorchScript and `.pt2` have pickles, which `models/torch.py` doesn't open; of weights
    alone `models/torch_weights.py` opens them by a reader that runs nothing.
    """
    return any(PurePosixPath(name).name in ("data.pkl", "archive_format") for name in archive.namelist())


def _text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > _MOST_TEXT:
        raise ValueError(f"{entry.filename} holds more than {_MOST_TEXT >> 20} MiB of text")
    return archive.read(entry)
