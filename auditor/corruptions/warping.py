"""Images seen through a change of place: sampled between pixels, with a rule for what lies beyond their edges."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from auditor.corruptions.draws import Floats
from auditor.values import FloatArray, IntArray

Border = Literal["edge", "mirror", "black"]
"""What is seen beyond the edges: the nearest pixel, the image mirrored, or the least value of the box."""
Interpolation = Literal["bilinear", "nearest"]


def sampled(
    images: Floats,
    rows: Floats,
    columns: Floats,
    border: Border,
    interpolation: Interpolation = "bilinear",
) -> Floats:
    """Images (N, H, W, C) in [0, 1] at places `rows` and `columns` (N or 1, H, W), counted in pixels from 0."""
    if interpolation == "nearest":
        return _at(images, np.floor(rows + 0.5).astype(np.int64), np.floor(columns + 0.5).astype(np.int64), border)
    top, left = np.floor(rows), np.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    top, left = top.astype(np.int64), left.astype(np.int64)
    upper = _at(images, top, left, border) * (1 - right) + _at(images, top, left + 1, border) * right
    lower = _at(images, top + 1, left, border) * (1 - right) + _at(images, top + 1, left + 1, border) * right
    return upper * (1 - down) + lower * down


def warped(
    images: Floats,
    matrices: Sequence[Floats],
    shifts: Sequence[Sequence[float]],
    border: Border,
    interpolation: Interpolation = "bilinear",
) -> Floats:
    """Images (N, H, W, C) in [0, 1], each mapped about its middle by its own matrix (2, 2) and then shifted (2), in
    pixels; both act on (row, column).
    """
    height, width = images.shape[1:3]
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    down, right = np.mgrid[:height, :width]
    back = np.linalg.inv(np.stack(matrices))
    moved = np.asarray(shifts, np.float64) + middle
    rows = down[None] - moved[:, 0, None, None]
    columns = right[None] - moved[:, 1, None, None]
    entry = back[:, :, :, None, None]
    # To a millionth of a pixel, so that a turn by nothing, or by a quarter, falls onto pixels.
    from_rows = np.round(entry[:, 0, 0] * rows + entry[:, 0, 1] * columns + middle[0], 6)
    from_columns = np.round(entry[:, 1, 0] * rows + entry[:, 1, 1] * columns + middle[1], 6)
    return sampled(images, from_rows, from_columns, border, interpolation)


def transformed(
    images: FloatArray,
    box: tuple[float, float],
    moves: FloatArray,
    border: Border,
    interpolation: Interpolation,
) -> FloatArray:
    """Images (N, H, W, C) within `box`, each turned, moved and scaled by a row of moves (N, 4): (N, H, W, C) float32.

    moves: degrees, anticlockwise as one sees it; rows and columns, in pixels, downwards and to the right; and how many
    times as large.
    """
    low, high = box
    shares = np.clip((np.asarray(images, np.float64) - low) / (high - low), 0, 1)
    matrices = [turned(math.radians(degrees)) * times for degrees, _, _, times in moves]
    seen = warped(shares, matrices, moves[:, 1:3].tolist(), border, interpolation)
    return (low + np.clip(seen, 0, 1) * (high - low)).astype(np.float32)


def turned(angle: float) -> Floats:
    """The matrix, on (row, column), of a turn by an angle in radians, anticlockwise as one sees it."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _at(images: Floats, rows: IntArray, columns: IntArray, border: Border) -> Floats:
    """The pixels (N, H, W, C) at whole places, within or beyond the edges."""
    count, height, width = images.shape[:3]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    if border == "mirror":
        rows, columns = _folded(rows, height), _folded(columns, width)
    else:
        rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    found = images[np.arange(count)[:, None, None], rows, columns]
    return np.where(inside[..., None], found, 0.0) if border == "black" else found


def _folded(places: IntArray, size: int) -> IntArray:
    """Places folded back into 0 to size - 1, as by mirrors at the outermost pixels."""
    if size == 1:
        return np.zeros_like(places)
    period = 2 * (size - 1)
    turned = np.mod(places, period)
    result: IntArray = np.minimum(turned, period - turned)
    return result
