"""Safetensors: a table of names, types and places, then nothing but numbers."""

import json
from collections.abc import Iterator
from pathlib import Path

from auditor.loading.scanning._threat import Threat, unreadable

_HEAD = 8
_MOST_TABLE = 100_000_000  # as its own reader allows


def is_safetensors(path: Path, head: bytes) -> bool:
    """Whether a file begins as one: with the size of a table of JSON, which it holds."""
    size = int.from_bytes(head[:_HEAD], "little")
    if len(head) < _HEAD or not 2 <= size <= min(_MOST_TABLE, path.stat().st_size - _HEAD):
        return False
    with path.open("rb") as file:
        file.seek(_HEAD)
        return file.read(1) == b"{"


def threats(name: str, path: Path) -> Iterator[Threat]:
    """Look whether the numbers are all there is: the format allows no byte beside those that the table names."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(_HEAD), "little")
        text = file.read(size)
    try:
        table = {key: part for key, part in json.loads(text).items() if key != "__metadata__"}
        places = sorted(tuple(part["data_offsets"]) for part in table.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        yield unreadable(name, error)
        return
    ends = [0, *(end for _, end in places)]
    if [start for start, _ in places] != ends[:-1] or ends[-1] != path.stat().st_size - _HEAD - size:
        message = "it holds bytes that no tensor in its table has, or that two have"
        yield Threat("warning", name, "hidden bytes", message)
