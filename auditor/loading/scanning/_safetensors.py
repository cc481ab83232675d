"""Safetensors: a table of names, types and places, then nothing but numbers."""

from collections.abc import Iterator
from pathlib import Path

from auditor.classifiers.tensor_tables import HEAD, tensor_table
from auditor.loading.scanning._threat import Threat, unreadable

_MOST_TABLE = 100_000_000  # as its own reader allows


def is_safetensors(path: Path, head: bytes) -> bool:
    """Whether a file begins as one: with the size of a table of JSON, which it holds."""
    size = int.from_bytes(head[:HEAD], "little")
    if len(head) < HEAD or not 2 <= size <= min(_MOST_TABLE, path.stat().st_size - HEAD):
        return False
    with path.open("rb") as file:
        file.seek(HEAD)
        return file.read(1) == b"{"


def threats(name: str, path: Path) -> Iterator[Threat]:
    """Look whether the numbers are all there is: the format allows no byte beside those that the table names."""
    try:
        table, begin = tensor_table(path)
    except ValueError as error:
        yield unreadable(name, error)
        return
    places = sorted((entry.start, entry.end) for entry in table.values())
    ends = [0, *(end for _, end in places)]
    if [start for start, _ in places] != ends[:-1] or ends[-1] != path.stat().st_size - begin:
        message = "it holds bytes that no tensor in its table has, or that two have"
        yield Threat("warning", name, "hidden bytes", message)
