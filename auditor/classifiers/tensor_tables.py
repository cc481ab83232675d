"""The table that a file of safetensors begins with: names of tensors, their shapes and places, without its library.

References
    Hugging Face, "Safetensors": its length, little-endian in 8 bytes, then JSON, then nothing but numbers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from pathlib import Path

from auditor.telling.reason import reason

HEAD = 8
"""The bytes that tell how long a table is."""
# A network of a hundred thousand tensors takes less; parsed, a text of nothing but brackets takes twenty times as much.
_MOST = 16 << 20
_OF_THE_FILE = "__metadata__"


@dataclass(frozen=True)
class Entry:
    """The shape of a tensor, and from where to where its numbers lie, in bytes behind the table."""

    shape: tuple[int, ...]
    start: int
    end: int


def tensor_table(path: Path) -> tuple[Mapping[str, Entry], int]:
    """What a file's table says of each tensor, and at which byte of the file it ends.

    Raises ValueError where it is damaged, or so large that it isn't read.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(HEAD), "little")
        if size > _MOST:
            raise ValueError(f"its table of tensors takes {size} bytes, of which at most {_MOST} are read")
        text = file.read(size)
    try:
        told = {name: part for name, part in json.loads(text).items() if name != _OF_THE_FILE}
        table = {name: _entry(part["shape"], *part["data_offsets"]) for name, part in told.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"its table of tensors is damaged: {reason(error)}") from error
    return table, HEAD + size


def _entry(shape: list[int], start: int, end: int) -> Entry:
    return Entry(tuple(map(index, shape)), index(start), index(end))
