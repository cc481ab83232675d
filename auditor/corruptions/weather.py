"""Weather: snow, frost, fog, and bright light.

After Hendrycks and Dietterich, ICLR 2019. Images are (N, H, W, C) float64 in [0, 1]. Their frost comes from
photographs of frozen panes; here panes are drawn, with the colours, the contrast and the coarseness of those
photographs, so that nothing has to be shipped.
"""

import math
from functools import cache

import numpy as np

from auditor.corruptions.blur import dragged, zoomed
from auditor.corruptions.colour import brightened, grey
from auditor.corruptions.draws import Floats, Generators, each
from auditor.corruptions.severity import Level, Strengths, listed

SNOW = Strengths(
    (
        (0.10, 0.3, 3.0, 0.50, 10, 4, 0.80),
        (0.20, 0.3, 2.0, 0.50, 12, 4, 0.70),
        (0.55, 0.3, 4.0, 0.90, 12, 8, 0.70),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    (
        (0.10, 0.2, 1.00, 0.60, 8, 3, 0.95),
        (0.10, 0.2, 1.00, 0.50, 10, 4, 0.90),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.90),
        (0.25, 0.3, 2.25, 0.60, 12, 6, 0.85),
        (0.30, 0.3, 1.25, 0.65, 14, 12, 0.80),
    ),
)
"""Mean and spread of the flakes' brightness, their size, from where on one shows, trace and fading of its fall, and
what is left of the image's own colour."""
FROST = Strengths(
    ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
)
"""Weights of the image and of the pane."""
FOG = Strengths(
    ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)), ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))
)
"""How dense it is, and how quickly its structure fades from one octave to the next."""
BRIGHTNESS = listed((0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.10, 0.15, 0.20, 0.30))
"""What is added to the value of every pixel."""

# Mean and spread of red, green and blue of six photographs of frozen panes, two of them alike.
_PANES = (
    ((0.305, 0.585, 0.650), (0.106, 0.065, 0.060)),
    ((0.787, 0.805, 0.841), (0.084, 0.087, 0.089)),
    ((0.787, 0.805, 0.841), (0.084, 0.087, 0.089)),
    ((0.540, 0.599, 0.648), (0.112, 0.112, 0.117)),
    ((0.441, 0.484, 0.528), (0.174, 0.170, 0.163)),
    ((0.280, 0.374, 0.410), (0.138, 0.168, 0.186)),
)
# How much of their variance lies in structures of a whole image, of a half, a quarter, and so on.
_OCTAVES = (0.26, 0.13, 0.09, 0.11, 0.12, 0.14, 0.15)
_RIDGED = 3


def snow(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Let flakes fall before a scene that has become paler."""
    mean, spread, size, least, length, fading, kept = level
    drawn = each(images, randoms, lambda image, random: random.standard_normal(image.shape[:2]))[..., None]
    angles = [-math.pi / 2 + random.uniform(-math.pi / 4, math.pi / 4) for random in randoms]
    flakes = zoomed(mean + spread * drawn, max(1.0, size))
    flakes = dragged(np.where(flakes < least, 0.0, np.clip(flakes, 0, 1)), length, fading, angles)
    pale = kept * images + (1 - kept) * np.maximum(images, 1.5 * grey(images) + 0.5)
    return pale + flakes + flakes[:, ::-1, ::-1]


def frost(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Look through a frozen pane."""
    return level[0] * images + level[1] * _panes(images, randoms)


def fog(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Lay clouds of a fractal density over the scene."""
    density, fading = level
    most = images.max(axis=(1, 2, 3), keepdims=True)
    foggy = images + density * _clouds(images, fading, randoms)
    result: Floats = foggy * most / (most + density)
    return result


def brightness(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Raise the value of every pixel, keeping hue and saturation."""
    return brightened(images, level[0])


def _clouds(images: Floats, fading: float, randoms: Generators) -> Floats:
    """A fractal in [0, 1] for every image, (N, H, W, 1), by midpoint displacement on a torus (Fournier, Fussell and
    Carpenter, Computer Rendering of Stochastic Models, CACM 1982): of a point, the mean of four around it, displaced.
    """
    height, width = images.shape[1:3]
    side = 1 << max(1, (max(height, width) - 1).bit_length())
    moves = np.stack([random.uniform(-1, 1, (side, side)) for random in randoms])
    found, step, size = np.zeros((len(images), side, side)), side, 1.0
    while step >= 2:
        half = step // 2
        corners = found[:, ::step, ::step]
        around = corners + np.roll(corners, -1, 1)
        around = around + np.roll(around, -1, 2)
        middles = around / 4 + size * moves[:, half::step, half::step]
        found[:, half::step, half::step] = middles
        sideways = middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 2)
        found[:, ::step, half::step] = sideways / 4 + size * moves[:, ::step, half::step]
        downwards = middles + np.roll(middles, 1, 2) + corners + np.roll(corners, -1, 1)
        found[:, half::step, ::step] = downwards / 4 + size * moves[:, half::step, ::step]
        step, size = half, size / fading**2
    low, high = found.min(axis=(1, 2), keepdims=True), found.max(axis=(1, 2), keepdims=True)
    result: Floats = ((found - low) / (high - low))[:, :height, :width, None]
    return result


def _panes(images: Floats, randoms: Generators) -> Floats:
    """A frozen pane for every image (N, H, W, C): noise of all octaves, whose finer half has ridges, like crystals."""
    height, width, channels = images.shape[1:]
    side = max(height, width)
    colours = np.array([_PANES[random.integers(len(_PANES))] for random in randoms])[:, :, None, None, :]
    total = np.zeros((len(images), side, side))
    for octave, variance in enumerate(_OCTAVES):
        cells = min(2 ** (octave + 1), side)
        points = np.stack([random.standard_normal((cells + 1, cells + 1)) for random in randoms])
        spread = _spread(cells, side)
        smooth = spread @ points @ spread.T
        total += math.sqrt(variance) * _standard(smooth if octave < _RIDGED else np.abs(smooth))
    panes = np.clip(colours[:, 0] + colours[:, 1] * _standard(total)[:, :height, :width, None], 0, 1)
    return panes if channels == 3 else np.repeat(grey(panes), channels, axis=-1)


def _standard(fields: Floats) -> Floats:
    """Fields (N, H, W) with a mean of 0 and a standard deviation of 1 each."""
    off = fields - fields.mean(axis=(1, 2), keepdims=True)
    result: Floats = off / np.maximum(off.std(axis=(1, 2), keepdims=True), 1e-9)
    return result


@cache
def _spread(cells: int, side: int) -> Floats:
    """What takes `cells` + 1 points of a line to `side` places from the first to the last, (side, cells + 1)."""
    at = np.linspace(0, cells, side)
    result: Floats = np.maximum(1 - np.abs(at[:, None] - np.arange(cells + 1)[None, :]), 0)
    return result
