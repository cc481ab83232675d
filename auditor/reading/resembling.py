"""Which images look alike though no pixel need be the same.

A perceptual hash finds what may be alike (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
2010): 63 signs of the lowest frequencies of a small grey copy. What it finds counts where the small copies also
correlate, as digits of one class may share all signs and be different digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from auditor.values import FloatArray

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
