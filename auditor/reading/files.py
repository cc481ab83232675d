"""What the files of datasets have in common: rows of an array read one by one, folders of parts, gzip's mark."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.reading.common import printable
from auditor.telling.reason import os_reason
from auditor.values import DataError, IntArray

GZIP = b"\x1f\x8b\x08"  # the third byte is the only method there is
_PIECE = 1 << 20
Item = TypeVar("Item")


def begins(path: str | Path, mark: bytes) -> bool:
    """Whether a file begins with these bytes."""
    with Path(path).open("rb") as file:
        return file.read(len(mark)) == mark


def opened(path: str | Path, mark: bytes) -> Any:
    """The file's content, inflated if it begins with gzip's `mark`."""
    return gzip.open(path) if begins(path, mark) else Path(path).open("rb")


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turn what a file, plain or gzipped, raises on reading into a DataError."""
    try:
        yield
    except EOFError as error:
        raise DataError(f"{printable(path)} is cut off: its gzip data ends too early") from error
    except gzip.BadGzipFile as error:
        raise DataError(
            f"{printable(path)} is damaged: the header or the checksum of its gzip data is wrong"
        ) from error
    except zlib.error as error:
        raise DataError(f"{printable(path)} is damaged: its gzip data can't be inflated") from error
    except OSError as error:
        raise DataError(f"{printable(path)} can't be read: {os_reason(error)}") from error


def remaining(file: IO[bytes]) -> int:
    """Read to the end, so that checksums are verified, and count the bytes."""
    return sum(len(piece) for piece in iter(lambda: file.read(_PIECE), b""))


def read_rows(
    file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], positions: IntArray, path: str
) -> NDArray[Any]:
    """Rows (n, ...) at `positions` of an array (N, ...) that begins where the file stands, in C order.

    The file is read forward and to its end, but no more than the rows is kept. Raises DataError if it ends early.
    """
    rows = np.empty((len(positions), *shape[1:]), dtype)
    values = rows.reshape(len(rows), -1).view(np.uint8)
    size, at = values.shape[1], 0
    for place in np.argsort(positions):
        start = int(positions[place]) * size
        complete = _pass(file, start - at) and file.readinto(values[place]) == size  # type: ignore[attr-defined]
        if not complete:
            raise DataError(f"{printable(path)} is cut off: row {positions[place]} isn't there")
        at = start + size
    remaining(file)
    return rows


def _pass(file: IO[bytes], count: int) -> bool:
    """Read past `count` bytes; False where there are fewer."""
    while count and (piece := file.read(min(count, _PIECE))):
        count -= len(piece)
    return not count


def at_positions(items: Iterable[Item], positions: IntArray) -> Iterator[tuple[int, Item]]:
    """Those of a source's items that stand at `positions` (n,), which ascend, each with where; no more is read."""
    left = iter(positions.tolist())
    wanted = next(left, None)
    for at, item in enumerate(items):
        if at == wanted:
            yield at, item
            wanted = next(left, None)
            if wanted is None:
                return


def parts(path: str, pattern: str) -> list[Path]:
    """The file itself, or the files of a folder whose names match, in the order of names.

    Raises DataError where there is none.
    """
    whole = Path(path)
    if not whole.is_dir():
        return [whole]
    found = sorted(_matching(whole, pattern))
    if not found:
        raise DataError(f"{printable(path)} is a folder without a file {pattern}")
    return found


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    return (file for file in folder.glob(pattern) if file.is_file() and not file.name.startswith("."))
