"""What a file is, by its bytes and not by its name: which of our readers looks into it, or that none does.

What none of them knows isn't looked into. That is said of it: nothing found in it means nothing.
"""

import ast
import codecs
import os
import pickletools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath, PurePosixPath
from typing import IO

from auditor.loading.scanning import _graphs, _keras, _onnx, _protobuf, _tflite
from auditor.loading.scanning._threat import Threat, unknown

_MOST_TEXT = 64 << 20
# The last eight bytes of a table of TensorFlow's checkpoints, and of LevelDB's, from which it is.
_TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_SHARD = re.compile(r"(?P<of>.*)\.data-\d{5}-of-\d{5}")
_FINGERPRINT = "fingerprint.pb"  # a few numbers, in a SavedModel
_SMALL = 1024
# What a graph begins with where it is written as text.
_GRAPH_TEXT = re.compile(rb"(node|library|versions?|graph_def|meta_graphs|meta_info_def|saved_model_\w+)\s*[:{]")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
# What a pickle of protocol 0 or 1 has if it is to do anything: it calls something.
_CALLS = frozenset({"GLOBAL", "INST", "OBJ", "REDUCE", "BUILD"})
_YAML_CODE = b"!!python/"
_MOST_CODE = 1 << 20
_ACTS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Call)


def look(called: str, file: IO[bytes], name: PurePath, siblings: frozenset[str] = frozenset()) -> Iterator[Threat]:
    """Look into a file that is neither a zip file, nor HDF5, nor a pickle of protocol 2 or later.

    called: what threats shall call it. siblings: the names of all files of the checkpoint, in its folder.
    """
    size = file.seek(0, os.SEEK_END)
    if name.name == "saved_model.pb":
        yield from _of_graph(called, _whole(file), _graphs.of_saved_model)
    elif name.suffix == ".meta":
        yield from _of_graph(called, _whole(file), _graphs.of_meta_graph)
    elif name.suffix == ".json":
        yield from _keras.of_text(called, _whole(file))
    elif name.suffix == ".pbtxt":
        yield from _graphs.of_text(called, _whole(file))
    elif size and not _is_data(file, size, name, siblings):
        yield from _by_bytes(called, file, size, name, siblings)


def _of_graph(called: str, content: bytes, named: Callable[[str, bytes], Iterator[Threat]]) -> Iterator[Threat]:
    """Look for graphs as the file's name says it holds them, and as any other: a reader may not go by the name."""
    found = list(named(called, content))
    whatever = _graphs.of_any(called, content)
    yield from found
    yield from whatever or ()
    if not found and whatever is None:
        yield unknown(called)


def hidden(called: str, file: IO[bytes]) -> Iterator[Threat]:
    """Look for a graph in what is something else as well: a file can be read in more than one way."""
    if _fields(file) is not None:
        yield from _graphs.of_any(called, _whole(file)) or ()


def _by_bytes(called: str, file: IO[bytes], size: int, name: PurePath, siblings: frozenset[str]) -> Iterator[Threat]:
    file.seek(0)
    head = file.read(8)
    fields = _fields(file)
    found: Iterable[Threat] | None = None
    if fields is not None:
        whole = _whole(file)
        found = _graphs.of_any(called, whole)
        if found is None and fields >= _onnx.FIELDS:
            found = _onnx.threats(called, whole, PurePosixPath(name).parent, siblings)
    elif head[4:8] == _tflite.MARK:
        found = _tflite.threats(called, _whole(file))
    elif size <= _MOST_TEXT and _is_text(_whole(file)):
        found = _of_text(called, _whole(file))
    yield from found if found is not None else [unknown(called)]


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return _NO_TEXT.search(content) is None


def _of_text(called: str, text: bytes) -> Iterable[Threat]:
    text = text.removeprefix(codecs.BOM_UTF8)
    if text.lstrip()[:1] in (b"{", b"["):
        return [t for t in _keras.of_text(called, text) if t.kind != "unreadable"]  # what is no JSON is a text
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if _GRAPH_TEXT.match(first):
        return _graphs.of_text(called, text)
    if _is_old_pickle(text):
        message = "it is a pickle, which runs whatever code it likes when it is opened"
        return [Threat("critical", called, "pickle", message)]
    if _YAML_CODE in text:
        return [
            Threat("critical", called, "code", "it is YAML that makes objects of Python, of whatever class it likes")
        ]
    return [unknown(called, "a program")] if _is_program(text) else []


def _is_program(text: bytes) -> bool:
    """Whether a text says what is to run it, or is Python that imports, defines or calls something."""
    if text.startswith(b"#!"):
        return True
    if len(text) > _MOST_CODE:
        return False
    try:
        with warnings.catch_warnings(action="ignore"):  # what Python thinks of a text that isn't meant for it
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(part, _ACTS) for part in ast.walk(tree))


def _is_old_pickle(text: bytes) -> bool:
    try:
        return bool(_CALLS & {operation.name for operation, _, _ in pickletools.genops(text)})
    except Exception:  # of a text that is no pickle, anything may be said
        return False


def _is_data(file: IO[bytes], size: int, name: PurePath, siblings: frozenset[str]) -> bool:
    """Whether it is a part of TensorFlow's checkpoints that holds numbers, and nothing to act upon."""
    file.seek(max(0, size - len(_TABLE)))
    if file.read() == _TABLE:
        return True
    if name.name == _FINGERPRINT:
        return size <= _SMALL and _fields(file) is not None
    shard = _SHARD.fullmatch(name.as_posix())
    return shard is not None and f"{shard['of']}.index" in siblings and _fields(file) is None


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _fields(file: IO[bytes]) -> frozenset[tuple[int, int]] | None:
    """The fields, by number and wire type, on the uppermost level of a protocol buffer; None for anything else."""
    try:
        return frozenset((number, kind) for number, kind, _, _ in _protobuf.fields(file))
    except (ValueError, OverflowError, OSError):
        return None
