"""Blur: out of focus, through frosted glass, moving, zooming, soft.

After Hendrycks and Dietterich, ICLR 2019. Images are (N, H, W, C) float64 in [0, 1]; lengths are in pixels. An image
goes on beyond its edges as its edges are.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.corruptions.draws import Floats, Generators
from auditor.corruptions.severity import Level, Strengths, listed

GAUSSIAN = listed((1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1.0))
"""Standard deviation."""
DEFOCUS = listed((3, 4, 6, 8, 10), (0.42, 0.68, 0.95, 0.99, 1.42))
"""Radius of the disc. For 32 × 32 the authors have discs of whole pixels, softened: these are as wide as they are."""
GLASS = Strengths(
    ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
)
"""Standard deviation of the blur before and after, how far a pixel may come from, and how often all are moved."""
MOTION = Strengths(((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)))
"""Half the length of the trace, and the standard deviation of its fading."""
ZOOM = Strengths(
    ((0.10, 0.01), (0.15, 0.01), (0.20, 0.02), (0.24, 0.02), (0.30, 0.03)),
    ((0.05, 0.01), (0.10, 0.01), (0.15, 0.01), (0.20, 0.01), (0.25, 0.01)),
)
"""How much closer the image comes, and in which steps; in parts of its size."""

_SLANT = math.pi / 4
_FEW_TAPS = 81


def gaussian_blur(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Blur softly."""
    return softened(images, level[0])


def defocus_blur(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Spread every point over a disc, as a lens out of focus does."""
    return _convolved(images, _disc(level[0]))


def glass_blur(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Blur, let every pixel show what is a little beside it, and blur again."""
    sigma, reach, times = level[0], max(1, round(level[1])), max(1, round(level[2]))
    moved = softened(images, sigma)
    shape = images.shape[1:3]
    steps = np.stack([random.integers(-reach, reach, (times, *shape, 2)) for random in randoms])
    for turn in range(times):
        moved = _beside(moved, steps[:, turn], reach)
    return softened(moved, sigma)


def motion_blur(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Drag every image along a line of its own slant."""
    return dragged(images, level[0], level[1], [random.uniform(-_SLANT, _SLANT) for random in randoms])


def zoom_blur(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Average an image with itself coming closer."""
    factors = 1 + np.arange(0, level[0] + level[1] / 2, level[1])
    total = images.copy()
    for factor in factors:
        total += zoomed(images, float(factor))
    return total / (len(factors) + 1)


def softened(images: Floats, sigma: float) -> Floats:
    """Blur images (N, H, W, C) by a normal density of standard deviation `sigma`."""
    from scipy.ndimage import gaussian_filter

    blurred: Floats = gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")
    return blurred


def dragged(images: Floats, radius: float, sigma: float, angles: Sequence[float]) -> Floats:
    """Drag images (N, H, W, C) along lines at angles in radians (N), fading as a normal density of width sigma."""
    length = 2 * max(1, round(radius)) + 1
    weights = np.exp(-(np.arange(length) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    used = np.flatnonzero(weights > 1e-4)
    width = int(used[-1]) + 1
    padded = np.pad(images, ((0, 0), (width, width), (width, width), (0, 0)), mode="edge")
    height, breadth = images.shape[1:3]
    total = np.zeros_like(images)
    for i, angle in enumerate(angles):
        for step in used:
            down, right = (width + math.ceil(step * part(angle) - 0.5) for part in (math.sin, math.cos))
            total[i] += weights[step] * padded[i, down : down + height, right : right + breadth]
    return total


def zoomed(images: Floats, factor: float) -> Floats:
    """Images (N, H, W, C) seen from closer, by a factor of at least 1, about their middle."""
    found = images
    for axis in (1, 2):
        size = images.shape[axis]
        at = (size - 1) / 2 + (np.arange(size) - (size - 1) / 2) / factor
        low = np.clip(np.floor(at).astype(np.int64), 0, max(size - 2, 0))
        shape = [1, 1, 1, 1]
        shape[axis] = size
        share = (at - low).reshape(shape)
        found = found.take(low, axis) * (1 - share) + found.take(np.minimum(low + 1, size - 1), axis) * share
    return found


def _disc(radius: float) -> Floats:
    """A disc as a kernel (k, k): the mean of shifts by all of its points, each shared among the pixels around it."""
    reach = math.ceil(radius) + 1
    # Rings of equal area, and on each as many points.
    rings, turns = radius * np.sqrt((np.arange(64) + 0.5) / 64), (np.arange(128) + 0.5) * (math.pi / 64)
    at = [np.outer(rings, part(turns)).ravel() + reach for part in (np.sin, np.cos)]
    row, column = (np.floor(part).astype(np.int64) for part in at)
    down, right = at[0] - row, at[1] - column
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for rows, columns, weights in (
        (row, column, (1 - down) * (1 - right)),
        (row, column + 1, (1 - down) * right),
        (row + 1, column, down * (1 - right)),
        (row + 1, column + 1, down * right),
    ):
        np.add.at(kernel, (rows, columns), weights)
    result: Floats = kernel / kernel.sum()
    return result


def _convolved(images: Floats, kernel: Floats) -> Floats:
    """Images (N, H, W, C) convolved with a symmetric kernel (k, k), mirrored at their edges."""
    from scipy.signal import fftconvolve

    reach, (height, width) = len(kernel) // 2, images.shape[1:3]
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    if kernel.size > _FEW_TAPS:
        # One by one: what a batch is made of must not change the last digits of any image in it.
        return np.stack([fftconvolve(one, kernel[:, :, None], mode="valid", axes=(0, 1)) for one in padded])
    total = np.zeros_like(images)
    for row, column in zip(*np.nonzero(kernel), strict=True):
        total += kernel[row, column] * padded[:, row : row + height, column : column + width]
    return total


def _beside(images: Floats, steps: NDArray[np.int64], reach: int) -> Floats:
    """Images (N, H, W, C) whose pixels each show another, `steps` (N, H, W, 2) beside them.

    Pixels are visited from the last to the first, so that one whose neighbour has been visited shows what that one
    shows by now. That is followed from pixel to pixel for all at once; along the edges nothing moves.
    """
    count, height, width = steps.shape[:3]
    rows, columns = np.mgrid[:height, :width]
    moves = (rows > reach) & (rows <= height - reach) & (columns > reach) & (columns <= width - reach)
    there_rows = np.clip(rows + steps[..., 1], 0, height - 1)
    there_columns = np.clip(columns + steps[..., 0], 0, width - 1)
    here = rows * width + columns
    source = np.where(moves, there_rows * width + there_columns, here).reshape(count, -1)
    visited = moves.ravel()
    place, shown = np.arange(height * width), source
    previous = np.broadcast_to(place, source.shape)
    while True:
        further = (shown > previous) & visited[shown]
        if not further.any():
            break
        previous, shown = (
            np.where(further, shown, previous),
            np.where(further, np.take_along_axis(source, shown, 1), shown),
        )
    flat = images.reshape(count, height * width, -1)
    return np.take_along_axis(flat, shown[..., None], 1).reshape(images.shape)
