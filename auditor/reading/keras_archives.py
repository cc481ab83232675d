"""The sets that Keras fetches on first use and keeps in its own cache."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np

from auditor.compute import tensorflow
from auditor.reading.common import SHADES, Subset, make_samples
from auditor.telling.reason import reason
from auditor.values import DataError, Preview, Samples


class Params(Subset):
    """Which part of the set."""

    split: Literal["validation", "train"] = "validation"
    """`validation`: the 10 000 test images; `train`: the others."""


def preview_of(
    params: Params, sizes: Mapping[str, Sequence[int]], classes: Sequence[str], shape: tuple[int, int, int]
) -> Preview:
    """What is known without loading: of a published set with so many images of each class, by split, of a shape
    (H, W, C).
    """
    each = sizes[params.split]
    most = params.most_of_each(each)
    return Preview(params.most(sum(each)), (0.0, 1.0), tuple(classes), sizes=most, shape=shape)


def kept(folder: str, *names: str) -> tuple[Path, ...]:
    """Where Keras keeps what it has fetched, below its `datasets`; found as it does, but without importing it."""
    own = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")
    home = Path(os.environ.get("KERAS_HOME", own / ".keras"))
    if home.exists() and not os.access(home, os.W_OK):
        home = Path("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()) / ".keras"
    return tuple(home / "datasets" / folder / name for name in names)


def fetch(name: str, params: Params, classes: Sequence[str], instead: str) -> Samples:
    """Load a set of `keras.datasets` as (N, H, W, C) float32 in [0, 1]; raise DataError where it can't be fetched.

    classes: the names in order. instead: what to do without a network.
    """
    tensorflow()
    dataset = import_module(f"keras.datasets.{name}")
    try:
        train, test = dataset.load_data()
    except Exception as error:  # Keras wraps every cause (no network, bad hash, full disk) in a bare Exception
        raise DataError(f"dataset {name!r} can't be fetched ({reason(error)}); without a network {instead}") from error
    pixels, labels = train if params.split == "train" else test
    images = SHADES[pixels if pixels.ndim == 4 else pixels[..., None]]
    rows = np.arange(len(labels))
    return make_samples(images, labels.reshape(-1), rows, f"{name}/{params.split}", classes, subset=params)
