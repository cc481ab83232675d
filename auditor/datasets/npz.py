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

import numpy as np
from pydantic import Field, model_validator

from auditor.core import Samples
from auditor.datasets._common import make_samples
from auditor.errors import DataError
from auditor.fields import FilePath, Parameters, Real


class Params(Parameters):
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


def load(params: Params) -> Samples:
    """Load the file; raise DataError if it isn't an `.npz` file with usable `images` and `labels`."""
    try:
        with np.load(params.path, allow_pickle=False) as file:
            missing = {"images", "labels"} - set(file.files)
            if missing:
                found = ", ".join(file.files) or "nothing"
                raise DataError(f"{params.path} has no array {sorted(missing)}; it holds {found}")
            images, labels = file["images"], file["labels"]
            classes = [str(name) for name in file["classes"]] if "classes" in file.files else None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{params.path} is not a readable .npz file: {error}") from error
    except AttributeError as error:  # np.load of a bare .npy gives an array, which is no context manager
        raise DataError(f"{params.path} is a single array; save it with numpy.savez") from error
    if images.ndim == 3:
        images = images[..., None]
    low, high = params.box
    return make_samples(images, labels, np.arange(len(labels)), source="npz", classes=classes, box=(low, high))
