"""Patches of two colour photographs, shipped inside the scikit-learn package: no network needed.

What it measures
    Nothing by itself: it gives RGB 16 × 16 patches in [0, 1], labelled by what the photograph shows there.

Why it matters
    A set in colour that installs with a package: small enough for seconds, real enough to go wrong on.

How to read it
    Of `china.jpg` the sky, the water, the pagoda and the trees, of `flower.jpg` the petals and the leaves; each is a
    rectangle of the photograph, cut into patches that don't overlap, and at its edges a rectangle holds a little
    of what is beside it. Every fourth patch, along diagonals, is `validation`. Patches of one photograph resemble
    each other, so accuracy here says nothing of other photographs; most so beside each other: attributes are the
    `photograph`, and the `square` of 4 × 4 patches of it that a patch lies in. An image's index is its place in the
    grid of 26 rows and 40 columns: 1040 · photograph + 40 · row + column. The photographs are JPEG files, which other
    releases of the decoder may round differently: compare digests before results.

References
    Pedregosa et al., Scikit-learn: Machine Learning in Python, JMLR 12, 2011; `sklearn.datasets.load_sample_images`.
    Photographs by danielbuechele (china) and vultilion (flower), flickr.com, CC BY 2.0.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from auditor.reading import Subset, make_samples, packaged
from auditor.values import Attribute, DataError, IntArray, Preview, Samples, from_texts, in_turn

_SIDE = 16
_SQUARE = 4
_PHOTOGRAPHS = ("china", "flower")
_ROWS, _COLUMNS = 26, 40  # whole patches in a photograph of 427 × 640 pixels
# What is where: the photograph, rows and columns of the grid.
_REGIONS = {
    "sky": (0, range(11), range(24, 40)),
    "water": (0, range(14, 19), range(22, 33)),
    "pagoda": (0, range(7, 21), range(8, 19)),
    "tree": (0, range(21, 26), range(19, 40)),
    "petal": (1, range(8, 20), range(13, 25)),
    "leaf": (1, range(4, 20), range(10)),
}


class Params(Subset):
    """Which part of the patches."""

    split: Literal["validation", "train", "all"] = "validation"
    """`validation`: every fourth patch; `train`: the others."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    labels, places = _arranged(params.split)
    return Preview(
        params.most(len(places)),
        (0.0, 1.0),
        tuple(_REGIONS),
        attributes=_attributes(places),
        majority=params.majority(labels),
        shape=(_SIDE, _SIDE, 3),
    )


def own_files(params: Params) -> tuple[Path, ...]:
    """The photographs, which are all that is loaded; none where scikit-learn is missing."""
    return packaged("sklearn", "datasets/images/china.jpg", "datasets/images/flower.jpg")


def load(params: Params) -> Samples:
    """Load the patches as (N, 16, 16, 3) float32 in [0, 1]; raise DataError where scikit-learn is missing."""
    try:
        from sklearn.datasets import load_sample_images  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError("dataset 'photo_patches' needs scikit-learn: pip install scikit-learn") from error
    photographs = np.stack(load_sample_images().images)[:, : _ROWS * _SIDE, : _COLUMNS * _SIDE]
    grid = photographs.reshape(2, _ROWS, _SIDE, _COLUMNS, _SIDE, 3).swapaxes(2, 3)
    patches = grid.reshape(-1, _SIDE, _SIDE, 3)
    labels, places = _arranged(params.split)
    return make_samples(
        patches[places] / 255.0,
        labels,
        places,
        source=f"photo_patches/{params.split}",
        classes=tuple(_REGIONS),
        subset=params,
        attributes=_attributes(places),
    )


def _attributes(places: IntArray) -> Mapping[str, Attribute]:
    """Of which photograph patches at these places (N,) are, and of which square of it."""
    photographs, rest = np.divmod(places, _ROWS * _COLUMNS)
    names = [_PHOTOGRAPHS[i] for i in photographs]
    squares = zip(names, rest // _COLUMNS // _SQUARE, rest % _COLUMNS // _SQUARE, strict=True)
    return {
        "photograph": from_texts(names),
        "square": from_texts([f"{name} {row},{column}" for name, row, column in squares]),
    }


def _arranged(split: str) -> tuple[IntArray, IntArray]:
    """Labels (N,) and places in the grid (N,) of the patches of a split, classes in turn."""
    found = [
        (label, (photograph * _ROWS + row) * _COLUMNS + column)
        for label, (photograph, rows, columns) in enumerate(_REGIONS.values())
        for row in rows
        for column in columns
        if split in ("all", "validation" if (row + column) % 4 == 0 else "train")
    ]
    labels, places = np.array(found).T
    order = in_turn(labels)
    return labels[order], places[order]
