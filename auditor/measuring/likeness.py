"""Which images look alike though no pixel need be the same, and what a few numbers say of an image.

A perceptual hash finds what may be alike (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
2010): 63 signs of the lowest frequencies of a small grey copy. What it finds counts where the small copies also
correlate, as digits of one class may share all signs and be different digits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.values import FloatArray, IntArray

_SIDE, _LOW = 32, 8
_CELLS = 1 << 24  # of a matrix of pairs that is held at a time
_SIGNS = 6  # of 63 that may differ
_ALIKE = 0.98  # how far small copies must correlate
_LEVEL = 0.5 / 255


@dataclass(frozen=True)
class Looks:
    """Small grey copies (N, 1024) of mean 0 and length 1, 0 where an image is constant; signs (N, 63) of 1 or -1."""

    copies: FloatArray
    signs: FloatArray


def looks(images: FloatArray, box: tuple[float, float]) -> Looks:
    """What images (N, H, W, C) look like."""
    from PIL import Image
    from scipy.fft import dctn

    low, high = box
    small = np.empty((len(images), _SIDE, _SIDE), np.float32)
    for i, image in enumerate(images):
        grey = ((image.mean(axis=2) - low) / (high - low)).astype(np.float32)
        small[i] = np.asarray(Image.fromarray(grey).resize((_SIDE, _SIDE), Image.Resampling.BOX))
    waves = dctn(small.astype(np.float64), axes=(1, 2), norm="ortho")[:, :_LOW, :_LOW].reshape(len(images), -1)[:, 1:]
    signs = np.where(waves > np.median(waves, axis=1, keepdims=True), 1, -1).astype(np.float32)
    flat = small.reshape(len(images), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    copies = np.where(length > _LEVEL * _SIDE, flat / np.maximum(length, 1e-12), 0.0)
    return Looks(copies.astype(np.float32), signs)


def alike(one: Looks, other: Looks | None = None) -> dict[int, int]:
    """Of each image of `one` that looks like an image of `other`, which: the first; like an earlier one, of itself."""
    found: dict[int, int] = {}
    against = one if other is None else other
    for i, j in _near(one.signs, against.signs):
        if i in found or (other is None and j >= i):
            continue
        if float(one.copies[i].astype(np.float64) @ against.copies[j].astype(np.float64)) >= _ALIKE:
            found[i] = j
    return found


def _near(one: FloatArray, other: FloatArray) -> Iterator[tuple[int, int]]:
    """Pairs whose signs differ in few places, in order; sums of 63 ones are exact in float32, whoever adds them."""
    step = max(1, _CELLS // max(1, len(other)))
    for start in range(0, len(one), step):
        agreed = one[start : start + step] @ other.T
        for i, j in np.argwhere(agreed >= one.shape[1] - 2 * _SIGNS):
            yield int(i) + start, int(j)


def properties(images: FloatArray, box: tuple[float, float]) -> Mapping[str, FloatArray]:
    """What an image (of N, H, W, C) is described by without looking at what it shows: (N,) each, in shares of the box.

    Colourfulness after Hasler and Süsstrunk, Measuring Colourfulness in Natural Images, 2003.
    """
    shares = (np.asarray(images, np.float64) - box[0]) / (box[1] - box[0])
    grey = shares.mean(axis=3)
    edge = np.ones(grey.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    found = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "sharpness": _steps(grey),
        "border": grey[:, edge].mean(axis=1),
    }
    if images.shape[3] == 3:
        red, green, blue = np.moveaxis(shares, 3, 0)
        one, two = red - green, (red + green) / 2 - blue
        within = (1, 2)
        spread = np.hypot(one.std(axis=within), two.std(axis=within))
        found["colourfulness"] = spread + 0.3 * np.hypot(one.mean(axis=within), two.mean(axis=within))
    return found


def _steps(grey: FloatArray) -> FloatArray:
    """The mean step from a pixel to the next."""
    found: FloatArray = np.zeros(len(grey))
    for axis in (1, 2):
        if grey.shape[axis] > 1:
            found = found + np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2))
    return found


def constant(images: FloatArray, box: tuple[float, float]) -> NDArray[np.bool_]:
    """Which images (N,) show nothing: no value differs from another by half a grey level."""
    within = (1, 2, 3)
    found: NDArray[np.bool_] = images.max(axis=within) - images.min(axis=within) < _LEVEL * (box[1] - box[0])
    return found


def far_out(values: FloatArray) -> NDArray[np.bool_]:
    """Which values (N,) lie farther from the middle half than three times its width (Tukey, 1977), if it has one."""
    low, high = np.quantile(values, [0.25, 0.75])
    width = high - low
    found: NDArray[np.bool_] = ((values < low - 3 * width) | (values > high + 3 * width)) & (width > 0)
    return found


def suspect(told: FloatArray, labels: IntArray) -> IntArray:
    """The class that each image (N,) seems to be of, where another than its label, or -1; of probabilities (N, K).

    Confident learning (Northcutt, Jiang and Chuang, JAIR 2021): a class is likely for an image where its probability is
    at least what it is on average among images labelled so; of several, the most probable. Of a class without images
    nothing is known.
    """
    classes = told.shape[1]
    sizes = np.bincount(labels, minlength=classes)
    usual = np.full(classes, np.inf)
    for c in np.flatnonzero(sizes):
        usual[c] = told[labels == c, c].mean()
    likely = np.where(told >= usual - 1e-12, told, -1.0)
    seems = likely.argmax(axis=1)
    found: IntArray = np.where((likely.max(axis=1) >= 0) & (seems != labels), seems, -1)
    return found
