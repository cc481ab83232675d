"""Plain arrays from `.npz` files that may be damaged, or made to mislead."""

import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MOST_BYTES = 4 * 2**30


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read what precedes the values of a `.npy` file: shape, whether in Fortran's order, and type."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def read_arrays(source: IO[bytes]) -> dict[str, NDArray[Any]]:
    """Read an `.npz` file of plain arrays, none larger than its header and the file itself can account for.

    Raises ValueError for any other, and whatever `zipfile` and NumPy raise for what they can't read.
    """
    found = {}
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > _MOST_BYTES:
            raise ValueError(f"its arrays would take {total / 2**30:.1f} GB; at most {_MOST_BYTES / 2**30:g} are read")
        for member in members:
            with archive.open(member) as file:
                shape, fortran, kind = read_header(file)
                declared = math.prod(shape) * kind.itemsize
                if kind.hasobject or declared != member.file_size - file.tell():
                    raise ValueError(f"{member.filename} declares {declared} bytes of {kind} and holds others")
                # A copy that can be written to; reading to the end is what checks the member's checksum.
                values = np.frombuffer(bytearray(file.read()), kind)
                name = member.filename.removesuffix(".npy")
                found[name] = values.reshape(shape, order="F" if fortran else "C")
    return found
