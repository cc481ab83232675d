"""One value for every original image: what was made of the same one several times is no larger sample."""

import numpy as np
from numpy.typing import NDArray

from auditor.values import FloatArray, IntArray, Metric, mean, proportion


def numbered(images: FloatArray) -> IntArray:
    """Number the distinct images among (N, H, W, C), in the order of their first appearance: (N,) from 0."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(image.tobytes(), len(numbers)) for image in images], np.int64)


def rows_of(originals: IntArray, indices: IntArray) -> IntArray:
    """The row (M,) of each of the originals, by number, from its images' rows (N,); noise has none: -1 - its number."""
    numbers, first = np.unique(originals, return_index=True)
    rows: IntArray = np.where(indices[first] < 0, -1 - numbers, indices[first])
    return rows


def of_each(values: FloatArray | NDArray[np.bool_], originals: IntArray) -> FloatArray:
    """The mean of the values (N,) that belong to each of the originals, in the order of their numbers (N,): (M,)."""
    counts = np.bincount(originals)
    there = counts > 0  # some of the originals may have none
    found: FloatArray = np.bincount(originals, np.asarray(values, np.float64))[there] / counts[there]
    return found


def rate(hits: NDArray[np.bool_], originals: IntArray, rows: IntArray | None = None) -> Metric:
    """How often hits (N,) are true, the originals, by their numbers (N,), being the sample.

    A share, where there is one for each original; else the mean over the originals of the share of each. rows: (M,), of
    the originals.
    """
    if np.bincount(originals).max(initial=0) <= 1:
        return proportion(hits, rows=rows)
    return mean(of_each(hits, originals), (0.0, 1.0), rows)


def over_models(hits: NDArray[np.bool_], others: NDArray[np.bool_], originals: IntArray, rows: IntArray) -> Metric:
    """The mean over models of hits (models, N), where they are others than made the image, the originals, by their
    numbers (N,), being the sample. rows: (M,), of all originals.
    """
    asked = others.any(axis=0)
    shares = (hits & others)[:, asked].sum(axis=0) / others[:, asked].sum(axis=0)
    own = originals[asked]
    return mean(of_each(shares, own), (0.0, 1.0), rows[np.unique(own)])
