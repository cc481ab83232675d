"""Changed shapes and things drawn across: sheared, scaled, turned, moved, striped, crossed out, reduced to edges.

After Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019, whose lengths for 28 × 28 are here
shares of an image's side. Images are (N, H, W, C) float64 in [0, 1] and go on beyond their edges as their edges are;
what is drawn is white on dark images and black on bright ones. MNIST-C has one strength of some of these: theirs is
the highest severity.
"""

from collections.abc import Callable

import numpy as np

from auditor.corruptions.blur import softened
from auditor.corruptions.colour import grey
from auditor.corruptions.draws import Floats, Generators
from auditor.corruptions.edges import canny
from auditor.corruptions.severity import Level, listed
from auditor.corruptions.warping import turned, warped

SHEAR = listed((0.20, 0.39, 0.56, 0.72, 0.84))
"""How many columns a row is moved for each row between it and the middle: the sines of 0.2 to 1."""
SCALE = listed((0.9, 0.8, 0.7, 0.6, 0.5))
"""The new size, in parts of the old one."""
ROTATE = listed((0.2, 0.4, 0.6, 0.8, 1.0))
"""Angle, in radians."""
TRANSLATE = listed((1 / 28, 2 / 28, 3 / 28, 4 / 28, 5 / 28))
"""How far along both axes, in parts of the side."""
STRIPE = listed((0.05, 0.10, 0.15, 0.20, 0.25))
"""How much of the width is inverted, on each side."""
DOTTED_LINE = listed((1, 2, 3, 4, 5))
"""How many lines."""
ZIGZAG = listed((1, 2, 3, 4, 5))
"""How many lines."""
CANNY_EDGES = listed((0.2, 0.4, 0.6, 0.8, 1.0))
"""How much of the image has given way to its edges."""

_SIDE = 28
_THICK = 2.3 / _SIDE  # half the width of a line where it is drawn widest, as a share of the side
_DOT, _TOOTH, _FALL = 2 / _SIDE, 2 / _SIDE, 5 / _SIDE
_MOST_LINES = 5
_LOW, _HIGH = 0.1, 0.2


def shear(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Slant to the left or to the right."""
    slant = [level[0] * _side(random) for random in randoms]
    return warped(images, [np.array([[1, 0], [s, 1]]) for s in slant], [(0, 0)] * len(images), "edge")


def scale(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Shrink about the middle."""
    return warped(images, [np.eye(2) * level[0]] * len(images), [(0, 0)] * len(images), "edge")


def rotate(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Turn to the left or to the right."""
    angles = [level[0] * _side(random) for random in randoms]
    return warped(images, [turned(angle) for angle in angles], [(0, 0)] * len(images), "edge")


def translate(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Move along both axes, by whole pixels."""
    far = [max(1, round(level[0] * size)) for size in images.shape[1:3]]
    shifts = [(far[0] * _side(random), far[1] * _side(random)) for random in randoms]
    return warped(images, [np.eye(2)] * len(images), shifts, "edge")


def stripe(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Invert a stripe along the left edge and one along the right."""
    width = images.shape[2]
    wide = max(1, round(level[0] * width))
    found = images.copy()
    for part in (slice(0, wide), slice(width - wide, width)):
        found[:, :, part] = 1 - images[:, :, part]
    return found


def dotted_line(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Draw dotted lines across."""
    height, width = images.shape[1:3]
    drawn = [(random.uniform(0, height - 1, (_MOST_LINES, 2))) for random in randoms]
    dots = np.floor(np.arange(width) / max(1.0, _DOT * width)) % 2 == 1

    def covered(start: Floats, end: Floats) -> Floats:
        _, beside = _line(height, width, start, end)
        result: Floats = _ink(np.abs(beside), height, width) * dots
        return result

    return _crossed(images, level, np.stack(drawn), covered)


def zigzag(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Draw zigzags across."""
    height, width = images.shape[1:3]
    starts = np.stack([random.uniform(0, height - 1, _MOST_LINES) for random in randoms])
    falls = np.stack([random.uniform(-_FALL, _FALL, _MOST_LINES) for random in randoms])
    tooth = max(2.0, _TOOTH * min(height, width))

    def covered(start: Floats, end: Floats) -> Floats:
        along, beside = _line(height, width, start, end)
        # Every tooth is its neighbour's mirror image, so that one of them tells the distance from all.
        folded = np.abs(np.mod(along + tooth, 2 * tooth) - tooth)
        share = np.clip((folded + 2 * (beside + tooth)) / (5 * tooth), 0, 1)
        far = np.hypot(folded - share * tooth, beside + tooth - share * 2 * tooth)
        return _ink(far, height, width)

    return _crossed(images, level, np.stack([starts, starts + falls * height], axis=-1), covered)


def canny_edges(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Let the image give way to its edges."""
    fine = max(1.0, min(images.shape[1:3]) / _SIDE)
    smooth = softened(grey(images), fine)
    # Sobel's gradients, by which thresholds are told, are four differences of neighbours; wide edges rise slowly.
    edges = canny(smooth, _LOW * 4 / fine, _HIGH * 4 / fine).astype(np.float64)
    return (1 - level[0]) * images + level[0] * edges


def _side(random: np.random.Generator) -> int:
    return 1 if random.random() < 0.5 else -1


def _line(height: int, width: int, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Where every pixel lies along a line across each image and how far beside it, (N, H, W) in pixels; the line runs
    from row `start` of the first column to row `end` of the last, (N) each.
    """
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    length = np.hypot(width - 1, end - start)[:, None, None]
    right, down = (width - 1) / length, (end - start)[:, None, None] / length
    below = rows - start[:, None, None]
    return columns * right + below * down, below * right - columns * down


def _ink(far: Floats, height: int, width: int) -> Floats:
    """How much a pen covers pixels so far from its stroke, from 0 to 1."""
    thick = max(1.5, _THICK * min(height, width))
    result: Floats = np.clip(1 + np.log(np.maximum(1 - far / thick, 1e-12)), 0, 1)
    return result


def _crossed(images: Floats, level: Level, ends: Floats, covered: Callable[[Floats, Floats], Floats]) -> Floats:
    """Images with lines drawn across them, of each one's own (N, lines, 2); a higher severity draws more of them."""
    lines = [covered(ends[:, i, 0], ends[:, i, 1]) for i in range(round(level[0]))]
    ink = (images.mean(axis=(1, 2, 3), keepdims=True) < 0.5).astype(np.float64)
    result: Floats = images + (ink - images) * np.maximum.reduce(lines)[..., None]
    return result
