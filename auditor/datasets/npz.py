"""Your own images, from a NumPy `.npz` file with the arrays `images` and `labels`.

What it measures
    Nothing by itself: it gives the images of the file with their labels.

Why it matters
    The shortest way from any pipeline to an audit: `numpy.savez("data.npz", images=…, labels=…)`.

How to read it
    `images` is (N, H, W) or (N, H, W, C), `labels` is (N,) with classes numbered from 0; an optional array
    `classes` holds the class names in order. Values must lie within `box`. Nothing is rescaled.

References
    NumPy, numpy.lib.format; object arrays (pickle) are refused.
"""

import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from auditor.core import Preview, Samples
from auditor.datasets._common import Subset, make_samples
from auditor.errors import DataError
from auditor.fields import FilePath, Real


class Params(Subset):
    """Where the file is, and the range of its values."""

    path: FilePath
    """The `.npz` file."""
    box: list[Real] = Field(default=[0.0, 1.0], min_length=2, max_length=2)
    """Least and greatest value a pixel may have, such as `[0, 255]`."""

    @model_validator(mode="after")
    def _ordered(self) -> "Params":
        low, high = self.box
        if low >= high:
            raise ValueError(f"`box` runs from {low:g} to {high:g}; write the lesser value first")
        return self


def preview(params: Params) -> Preview:
    """What the file's header says; a file that isn't as it should be is for `load` to explain."""
    low, high = params.box
    try:
        with zipfile.ZipFile(params.path) as archive, archive.open("labels.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape = read(file)[0]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return Preview(params.most(None), (low, high))
    return Preview(params.most(shape[0] if shape else None), (low, high))


def load(params: Params) -> Samples:
    """Load the file; raise DataError if it isn't an `.npz` file with usable `images` and `labels`."""
    arrays = _read(params.path)
    images, labels, names = arrays["images"], arrays["labels"], arrays.get("classes")
    if images.ndim == 3:
        images = images[..., None]
    classes = None if names is None else [str(name) for name in names.ravel()]
    low, high = params.box
    rows = np.arange(labels.size)
    return make_samples(images, labels, rows, source="npz", classes=classes, box=(low, high), subset=params)


def _read(path: str) -> dict[str, NDArray[Any]]:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise DataError(f"{path} is a single array; save it with numpy.savez, with its labels")
        with file:
            missing = {"images", "labels"} - set(file.files)
            if missing:
                found = ", ".join(file.files) or "nothing"
                raise DataError(f"{path} lacks {' and '.join(sorted(missing))}; it holds {found}")
            return {name: file[name] for name in ("images", "labels", "classes") if name in file.files}
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{path} is no .npz file of plain arrays (object arrays are refused); numpy.savez makes one"
        raise DataError(message) from error
