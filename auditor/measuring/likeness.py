"""What a few numbers say of an image, and which labels a model's own probabilities contradict."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.values import FloatArray, IntArray

_LEVEL = 0.5 / 255


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

    Confident learning (Northcutt, Jiang and Chuang, JAIR 2021, equation 1): a class is likely for an image where its
    probability is at least what it is on average among images labelled so; of several likely ones, the most probable.
    (cleanlab 2.9 takes the most probable of all there, likely or not.) Of a class without images nothing is known.
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
