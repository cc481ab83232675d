"""Protocol buffers read field by field, without knowing what they are of."""

import os
from collections.abc import Iterator
from typing import IO

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
_SIZES = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


def fields(file: IO[bytes]) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the uppermost level, each as its number, its wire type, and where its content begins and ends.

    Contents are passed over, so that a large file that is something else is soon found to be. Raises ValueError where
    it is no protocol buffer.
    """
    end = file.seek(0, os.SEEK_END)
    at = file.seek(0)
    while at < end:
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            start = file.tell()
            _varint(file)
            length = file.tell() - start
        elif kind in (EIGHT_BYTES, BYTES, FOUR_BYTES):
            length = _varint(file) if kind == BYTES else _SIZES[kind]
            start = file.tell()
        else:
            raise ValueError(f"a field is of the kind {kind}, which there isn't")
        at = start + length
        if number == 0 or at > end:
            raise ValueError("a field has no number, or reaches past the end")
        yield number, kind, start, at
        file.seek(at)


def _varint(file: IO[bytes]) -> int:
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            raise ValueError("a number is cut off")
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return value
    raise ValueError("a number has more than ten bytes")
