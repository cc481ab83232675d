"""Your own images in the format of the MNIST files: one file of images, one of labels, plain or gzipped.

What it measures
    Nothing by itself: it gives the images of the files in [0, 1] with their labels.

Why it matters
    MNIST, Fashion-MNIST, Kuzushiji-MNIST and others are distributed so: their own files, without a network.

How to read it
    Images are unsigned bytes (N, H, W) or (N, H, W, C) and are divided by 255; labels are unsigned bytes (N,).
    Whether a file is gzipped is seen by its content. EMNIST's files hold every image with rows and columns swapped,
    and are shown so.

References
    LeCun, Cortes and Burges, The MNIST database of handwritten digits, "File formats".
"""

import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.reading import (
    GZIP,
    SHADES,
    Names,
    Subset,
    check_images,
    classes_taken,
    explained,
    make_samples,
    named,
    opened,
    printable,
    read_rows,
    remaining,
)
from auditor.values import DataError, FilePath, IntArray, Preview, Samples

_UNSIGNED_BYTE = 0x08
_HEADER = 4
_MARK = GZIP[:2]


class Params(Subset):
    """Where the two files are."""

    images: FilePath
    """The file of images, such as `t10k-images-idx3-ubyte.gz`."""
    labels: FilePath
    """The file of labels, such as `t10k-labels-idx1-ubyte.gz`."""
    names: Names | None = None
    """Names of the classes, in order."""


def preview(params: Params) -> Preview:
    """What the file of labels says; a file that isn't as it should be is for `load` to explain."""
    try:
        with opened(params.labels, _MARK) as file:
            (count,) = _shape(file, params.labels, (1,))
            labels = np.frombuffer(file.read(count), np.uint8)
    except (DataError, OSError, EOFError, zlib.error):
        return Preview(params.most(None), (0.0, 1.0), named(params.names))
    return Preview(
        params.most(count),
        (0.0, 1.0),
        named(params.names),
        labels=classes_taken(labels),
        majority=params.majority(labels),
    )


def load(params: Params) -> Samples:
    """Load both files; raise DataError if one isn't what it should be, or they don't belong together."""
    (count, *size), (labelled,) = _checked(params.images, (3, 4)), _checked(params.labels, (1,))
    if count != labelled:
        there = f"holds {count} images, but {printable(params.labels)} {labelled} labels"
        raise DataError(f"{printable(params.images)} {there}; they don't belong together")
    rows = np.arange(count)
    labels = _values(params.labels, (count,), rows)
    check_images((count, *size, 1)[:4], np.dtype(np.uint8), "idx")
    taken, source = params.take(labels, rows, params.names, "idx")
    pixels = _values(params.images, (count, *size), taken)
    images = SHADES[pixels if pixels.ndim == 4 else pixels[..., None]]
    return make_samples(images, labels[taken], taken, source, params.names)


def _shape(file: Any, path: str, ranks: tuple[int, ...]) -> tuple[int, ...]:
    """Read the header: two zero bytes, the type, the number of dimensions, and each as 32 bits, big end first."""
    wanted = " or ".join(map(str, ranks))
    magic = file.read(_HEADER)
    if len(magic) < _HEADER or magic[:2] != b"\0\0":
        message = f"is no IDX file: it begins with {magic.hex(' ') or 'nothing'}, not with 00 00 08"
        raise DataError(f"{printable(path)} {message}")
    if magic[2] != _UNSIGNED_BYTE:
        raise DataError(f"{printable(path)} holds values of type 0x{magic[2]:02x}; only unsigned bytes (0x08) are read")
    if magic[3] not in ranks:
        message = f"has {magic[3]} dimensions where {wanted} are needed; are images and labels swapped?"
        raise DataError(f"{printable(path)} {message}")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{printable(path)} is cut off in its header")
    return struct.unpack(f">{magic[3]}I", sizes)


def _checked(path: str, ranks: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a file announces, and has the values for."""
    with explained(path), opened(path, _MARK) as file:
        shape = _shape(file, path, ranks)
        follow = remaining(file)
    needed = math.prod(shape)
    if follow != needed:
        what = "is cut off" if follow < needed else "is longer than it says"
        message = f"{what}: its header announces {needed} bytes of values, {follow} follow"
        raise DataError(f"{printable(path)} {message}")
    return shape


def _values(path: str, shape: tuple[int, ...], positions: IntArray) -> NDArray[np.uint8]:
    """The values at `positions` of a file that has been checked."""
    with opened(path, _MARK) as file:
        file.read(_HEADER + 4 * len(shape))
        return read_rows(file, shape, np.dtype(np.uint8), positions, path)
