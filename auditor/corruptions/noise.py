"""Noise of every pixel by itself: sensors in little light, single photons, broken bits, coherent light.

After Hendrycks and Dietterich, ICLR 2019. Images are (N, H, W, C) float64 in [0, 1], levels as `severity` gives them,
and each image has its own generator.
"""

import numpy as np

from auditor.corruptions.draws import Floats, Generators, each
from auditor.corruptions.severity import Level, listed

GAUSSIAN = listed((0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.06, 0.08, 0.09, 0.10))
"""Standard deviation, in widths of the box."""
SHOT = listed((60, 25, 12, 5, 3), (500, 250, 100, 75, 50))
"""Photons that a white pixel collects on average."""
IMPULSE = listed((0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07))
"""Share of the values that become black or white."""
SPECKLE = listed((0.15, 0.20, 0.35, 0.45, 0.60), (0.06, 0.10, 0.12, 0.16, 0.20))
"""Standard deviation, in parts of each value."""


def gaussian_noise(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Add normal noise to every value."""
    return images + level[0] * _normal(images, randoms)


def shot_noise(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Count the photons that would make each value."""
    counted = each(images, randoms, lambda image, random: random.poisson(image * level[0]))
    return counted / level[0]


def impulse_noise(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Turn some values black and as many white; a higher severity turns the same ones and more."""
    drawn = each(images, randoms, lambda image, random: random.random(image.shape))
    salt = each(images, randoms, lambda image, random: random.random(image.shape)) < 0.5
    return np.where(drawn < level[0], salt.astype(np.float64), images)


def speckle_noise(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Multiply every value by normal noise around 1."""
    return images * (1 + level[0] * _normal(images, randoms))


def _normal(images: Floats, randoms: Generators) -> Floats:
    return each(images, randoms, lambda image, random: random.standard_normal(image.shape))
