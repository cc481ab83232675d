"""Your own images, from a NumPy `.npz` file with the arrays `images` and `labels`.

What it measures
    Nothing by itself: it gives the images of the file with their labels.

Why it matters
    The shortest way from any pipeline to an audit: `numpy.savez("data.npz", images=…, labels=…)`.

How to read it
    `images` is (N, H, W) or (N, H, W, C), `labels` is (N,) or (N, 1) with classes numbered from 0, whole numbers of any
    type; an optional array `classes` holds the class names in order. Values must lie within `box`. Nothing is rescaled.
    `attributes` names further arrays (N,) of numbers (NaN where one is missing), texts, dates or truth values.

References
    NumPy, numpy.lib.format; object arrays (pickle) are refused.
"""

import zipfile
import zlib
from tokenize import TokenError
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from auditor.reading import (
    NO_ATTRIBUTE,
    Subset,
    check_images,
    classes_taken,
    make_samples,
    named,
    read_rows,
    whole_numbers,
)
from auditor.records.arrays import read_header
from auditor.telling.reason import os_reason
from auditor.values import Attribute, DataError, EachOnce, FilePath, Preview, Real, Samples, from_array, one_of

_DAMAGED = (
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    MemoryError,
    TokenError,  # NumPy reads an old header as a line of Python
    zipfile.BadZipFile,
    zlib.error,
)


class Params(Subset):
    """Where the file is, and the range of its values."""

    path: FilePath
    """The `.npz` file."""
    box: list[Real] = Field(default=[0.0, 1.0], min_length=2, max_length=2)
    """Least and greatest value a pixel may have, such as `[0, 255]`."""
    attributes: Annotated[list[str], *EachOnce] = Field(default_factory=list)
    """Further arrays of the file, with a value for each image, such as `[site, device]`: what groups are made by."""

    @model_validator(mode="after")
    def _ordered(self) -> "Params":
        low, high = self.box
        if low >= high:
            raise ValueError(f"`box` runs from {low:g} to {high:g}; write the lesser value first")
        return self


def preview(params: Params) -> Preview:
    """What labels, names and attributes say; a file that isn't as it should be is for `load` to explain."""
    low, high = params.box
    try:
        with np.load(params.path, allow_pickle=False) as arrays:
            labels, names = arrays["labels"], _names(arrays)
            known = _attributes(arrays, len(labels), params)
            shape = _shape(arrays)
        numbers = whole_numbers(labels, len(labels), "npz")
    except (OSError, AttributeError, TypeError, DataError, *_DAMAGED):
        return Preview(params.most(None), (low, high))
    return Preview(
        params.most(len(numbers)),
        (low, high),
        named(names),
        labels=classes_taken(numbers),
        attributes=known,
        majority=params.majority(numbers),
        shape=shape,
    )


def _shape(file: Any) -> tuple[int, int, int] | None:
    """(H, W, C) of every image, as the header says; None where these are no images."""
    with file.zip.open("images.npy") as images:
        shape = (*read_header(images)[0], 1)[1:4]
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def _names(file: Any) -> list[str] | None:
    return [str(name) for name in file["classes"].ravel()] if "classes" in file.files else None


def _attributes(file: Any, count: int, params: Params) -> dict[str, Attribute]:
    """The attributes asked for, (N,) each; raise DataError for one that isn't there, or is none."""
    found = {}
    for name in params.attributes:
        if name not in file.files:
            rest = [other for other in file.files if other not in ("images", "labels", "classes")]
            raise DataError(f"{params.path}: `attributes`: {one_of(name, rest, 'array')}")
        values = from_array(file[name])
        if values is None or len(values) != count:
            raise DataError(
                f"{params.path}: the array {name!r} is {file[name].dtype} {file[name].shape}; it {NO_ATTRIBUTE}"
            )
        found[name] = values
    return found


def load(params: Params) -> Samples:
    """Load the file; raise DataError if it isn't an `.npz` file with usable `images` and `labels`."""
    path = params.path
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise DataError(f"{path} is a single array; save it with numpy.savez, with its labels")
        with file:
            return _loaded(file, params)
    except OSError as error:
        raise DataError(f"{path} can't be read: {os_reason(error)}") from error
    except _DAMAGED as error:
        message = f"{path} is no .npz file of plain arrays (object arrays are refused); numpy.savez makes one"
        raise DataError(message) from error


def _loaded(file: Any, params: Params) -> Samples:
    missing = {"images", "labels"} - set(file.files)
    if missing:
        found = ", ".join(file.files) or "nothing"
        raise DataError(f"{params.path} lacks {' and '.join(sorted(missing))}; it holds {found}")
    labels = file["labels"]
    names = _names(file)
    with file.zip.open("images.npy") as images:
        (*shape,), fortran, dtype = read_header(images)
        if dtype.hasobject:
            raise ValueError("an object array")
        whole = (*shape, 1) if len(shape) == 3 else tuple(shape)
        check_images(whole, dtype, "npz")
        labels = whole_numbers(labels, whole[0], "npz")
        rows = np.arange(len(labels))
        known = _attributes(file, len(labels), params)
        taken, source = params.take(labels, rows, names, "npz")
        # In Fortran's order an image is scattered over the whole array.
        chosen = file["images"][taken] if fortran else read_rows(images, tuple(shape), dtype, taken, params.path)
    low, high = params.box
    chosen = chosen.reshape(-1, *whole[1:])
    known = {name: values[taken] for name, values in known.items()}
    return make_samples(chosen, labels[taken], rows[taken], source, names, (low, high), attributes=known)
