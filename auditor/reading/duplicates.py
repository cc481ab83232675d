"""Which images are there more than once, exactly or but for noise that nobody sees.

An image that is there 300 times is one observation: whoever counts it 300 times has an interval that is too narrow.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.values import FloatArray, IntArray

# Two copies with rounding or noise of one grey level each differ by two levels at most; the half is for rounding.
_LEVELS = 2.5 / 255
# Values that use less of the box than this (12-bit data in a 16-bit box) say that its width is no measure of theirs.
_LEAST_SHARE = 0.25
_CELLS = 4  # an edge of the image is summed up in so many cells
_MANY_CHANNELS = 4
_AT_ONCE = 1 << 23  # values of images that are worked on together
_ROUNDING = 1e-5


def tolerance(images: FloatArray, box: tuple[float, float]) -> float:
    """How far every value of an image (of N, H, W, C) may be from another's for both to be one image."""
    width = box[1] - box[0]
    used = float(images.max()) - float(images.min())
    return _LEVELS * (used if used < _LEAST_SHARE * width else width)


def first_alike(images: FloatArray, box: tuple[float, float]) -> IntArray:
    """The position (N,) of the first image that each of (N, H, W, C) is the same as, which may be itself.

    Two images are the same if no value differs by more than 2.5 grey levels of 255. An image is compared with those
    that no earlier one is the same as, so that whatever is called a repeat is like the very image that it repeats: in
    a row of shades that differ little, one by one, the first and the last stay two.
    """
    from scipy.spatial import cKDTree

    near = tolerance(images, box)
    first = np.arange(len(images))
    means, extremes = _marks(images)
    # No mean or extreme can differ by more than the values do, so nothing that is near is missed.
    reach = near + _ROUNDING * (box[1] - box[0])
    tree = cKDTree(means)
    neighbours, _ = tree.query(means, k=[2], p=np.inf, distance_upper_bound=reach)
    for position in np.flatnonzero(np.isfinite(neighbours[:, 0])).tolist():
        if first[position] == position:
            found = np.array(tree.query_ball_point(means[position], reach, p=np.inf))
            later = np.sort(found[(found > position) & (first[found] == found)])
            later = later[(np.abs(extremes[later] - extremes[position]) <= reach).all(axis=1)]
            first[later[_alike(images, position, later, near)]] = position
    return first


def _alike(images: FloatArray, position: int, others: IntArray, near: float) -> NDArray[np.bool_]:
    """Which of the other images (M,) no value tells from the one at a position by more than `near`."""
    step = max(1, _AT_ONCE // images[0].size)
    same = np.zeros(len(others), np.bool_)
    for at in range(0, len(others), step):
        apart = np.abs(images[others[at : at + step]] - images[position])
        same[at : at + step] = apart.max(axis=(1, 2, 3), initial=0) <= near
    return same


def _marks(images: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean of every cell of each image (N, M), and its least and greatest value over all channels (N, L)."""
    step = max(1, _AT_ONCE // images[0].size)
    parts = [_marks_of(images[at : at + step]) for at in range(0, len(images), step)]
    means, extremes = zip(*parts, strict=True)
    return np.concatenate(means), np.concatenate(extremes)


def _marks_of(images: FloatArray) -> tuple[FloatArray, FloatArray]:
    count, height, width, channels = images.shape
    rows, columns = (np.linspace(0, edge, min(_CELLS, edge) + 1).astype(int) for edge in (height, width))
    sizes = np.outer(np.diff(rows), np.diff(columns))[..., None]

    def by_cell(join: np.ufunc, values: FloatArray) -> FloatArray:
        joined: FloatArray = join.reduceat(join.reduceat(values, rows[:-1], axis=1), columns[:-1], axis=2)
        return joined

    shades = images if channels <= _MANY_CHANNELS else images.mean(axis=3, keepdims=True)
    means = by_cell(np.add, shades) / sizes
    extremes = by_cell(np.maximum, images).max(axis=3), by_cell(np.minimum, images).min(axis=3)
    return means.reshape(count, -1), np.concatenate(extremes, axis=1).reshape(count, -1)
