"""Edges of images: Canny, A Computational Approach to Edge Detection, IEEE PAMI 8, 1986."""

import numpy as np
from numpy.typing import NDArray

from auditor.corruptions.draws import Floats


def canny(images: Floats, low: float, high: float) -> NDArray[np.bool_]:
    """Where images (N, H, W, 1), smoothed beforehand or sharp, have an edge: a ridge of the gradient above `low` that
    hangs together with one above `high`. Gradients are Sobel's, four times the difference of neighbours.
    """
    from scipy.ndimage import generate_binary_structure, label

    flat = images[..., 0]
    down, right = _slope(flat, 1, 2), _slope(flat, 2, 1)
    size = np.abs(down) + np.abs(right)
    ridge = size >= _along(size, down, right)
    weak = ridge & (size > low)
    together = generate_binary_structure(3, 3)
    together[[0, 2]] = False  # images are no neighbours of each other
    parts, count = label(weak, together)
    strong = np.zeros(count + 1, np.bool_)
    strong[np.unique(parts[weak & (size > high)])] = True
    strong[0] = False
    result: NDArray[np.bool_] = strong[parts][..., None]
    return result


def _slope(images: Floats, axis: int, across: int) -> Floats:
    """The gradient of images (N, H, W) along an axis, smoothed across it."""
    from scipy.ndimage import correlate1d

    smooth = correlate1d(images, (1.0, 2.0, 1.0), across, mode="nearest")
    slope: Floats = correlate1d(smooth, (-1.0, 0.0, 1.0), axis, mode="nearest")
    return slope


def _along(size: Floats, down: Floats, right: Floats) -> Floats:
    """The larger of the two neighbours (N, H, W) in the direction of the gradient, to the nearest of four."""
    around = np.pad(size, ((0, 0), (1, 1), (1, 1)))
    height, width = size.shape[1:]

    def neighbour(rows: int, columns: int) -> Floats:
        return around[:, 1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

    steep, flat = np.abs(down), np.abs(right)
    turn = np.sqrt(2) - 1
    # Of two equal neighbours across a ridge only one is more than the pixel itself.
    sideways = np.maximum(neighbour(0, -1), np.nextafter(neighbour(0, 1), np.inf))
    upright = np.maximum(neighbour(-1, 0), np.nextafter(neighbour(1, 0), np.inf))
    falling = np.maximum(neighbour(-1, -1), np.nextafter(neighbour(1, 1), np.inf))
    rising = np.maximum(neighbour(-1, 1), np.nextafter(neighbour(1, -1), np.inf))
    diagonal = np.where((down >= 0) == (right >= 0), falling, rising)
    return np.where(steep <= turn * flat, sideways, np.where(flat <= turn * steep, upright, diagonal))
