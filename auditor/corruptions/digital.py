"""Digital faults and the lens: contrast, elastic tissue, coarse pixels, compression, spatter, saturation.

After Hendrycks and Dietterich, ICLR 2019. Images are (N, H, W, C) float64 in [0, 1]; lengths are in pixels.
"""

import io
import math

import numpy as np

from auditor.corruptions.blur import softened
from auditor.corruptions.colour import grey, saturated
from auditor.corruptions.draws import Floats, Generators, each
from auditor.corruptions.edges import canny
from auditor.corruptions.severity import Level, Strengths, listed
from auditor.corruptions.warping import sampled

CONTRAST = listed((0.40, 0.30, 0.20, 0.10, 0.05), (0.75, 0.50, 0.40, 0.30, 0.15))
"""What is left of the distance of every value from its channel's mean."""
ELASTIC = Strengths(
    ((1.02, 2.24), (1.33, 2.24), (1.74, 2.24), (2.04, 2.24), (2.45, 2.24)),
    ((0.40, 1.5), (0.50, 1.5), (0.60, 1.5), (0.75, 1.5), (0.90, 1.5)),
)
"""How far points move (a standard deviation), and how far apart they have to be to move differently. For 32 × 32 the
authors move three corners of the whole image instead; that is what `shear`, `scale` and `rotate` do."""
PIXELATE = listed((0.60, 0.50, 0.40, 0.30, 0.25), (0.95, 0.90, 0.85, 0.75, 0.65))
"""What is left of the number of pixels along a side."""
JPEG = listed((25, 18, 15, 10, 7), (80, 65, 58, 50, 40))
"""Quality, as the library for JPEG counts it."""
SPATTER = Strengths(
    (
        (0.65, 0.3, 4, 0.69, 0.6, 0),
        (0.65, 0.3, 3, 0.68, 0.6, 0),
        (0.65, 0.3, 2, 0.68, 0.5, 0),
        (0.65, 0.3, 1, 0.65, 1.5, 1),
        (0.67, 0.4, 1, 0.65, 1.5, 1),
    ),
    (
        (0.62, 0.1, 0.7, 0.70, 0.5, 0),
        (0.65, 0.1, 0.8, 0.70, 0.5, 0),
        (0.65, 0.3, 1.0, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
)
"""Mean and spread of the wet layer, how it runs together, from where on it shows, how strong or how soft it is, and
whether it is mud, not water."""
SATURATE = Strengths(
    ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)), ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))
)
"""What saturation is multiplied by, and what is added to it."""

_WATER = np.array([175, 238, 238]) / 255
_MUD = np.array([63, 42, 20]) / 255
_FAR = 20.0
_LIGHT = np.array([[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])


def contrast(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Draw every value towards its channel's mean over the image."""
    means = images.mean(axis=(1, 2), keepdims=True)
    result: Floats = means + level[0] * (images - means)
    return result


def elastic_transform(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Stretch and squeeze the image like tissue (Simard, Steinkraus and Platt, ICDAR 2003)."""
    height, width = images.shape[1:3]
    far, fine = level
    drawn = np.stack([random.uniform(-1, 1, (height, width, 2)) for random in randoms])
    # Smoothing leaves 1 / (2 σ √π) of the spread of independent numbers, which is √(1/3) for these.
    moved = softened(drawn, fine) * far * 2 * fine * math.sqrt(3 * math.pi)
    rows, columns = np.mgrid[:height, :width]
    return sampled(images, rows + moved[..., 1], columns + moved[..., 0], "mirror")


def pixelate(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Average over coarse pixels."""
    found = images
    for axis in (1, 2):
        size = images.shape[axis]
        few = max(1, int(size * level[0]))
        found = (
            _coarse(found, axis, few).take((2 * np.arange(size) + 1) * few // (2 * size), axis) if few < size else found
        )
    return found


def jpeg_compression(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Compress and decompress as JPEG, channel by channel where they aren't red, green and blue."""
    levels = np.rint(images * 255).astype(np.uint8)
    quality = max(1, round(level[0]))
    if images.shape[-1] == 3:
        return np.stack([_compressed(image, quality) for image in levels]) / 255
    channels = [[_compressed(image[..., c], quality) for c in range(image.shape[-1])] for image in levels]
    return np.stack([np.stack(one, axis=-1) for one in channels]) / 255


def spatter(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Throw water, or at the two highest severities mud, onto the lens."""
    mean, spread, runs, least, strength, mud = level
    drawn = each(images, randoms, lambda image, random: random.standard_normal(image.shape[:2]))[..., None]
    wet = softened(mean + spread * drawn, runs)
    wet = np.where(wet < least, 0.0, wet)
    three = images.shape[-1] == 3
    if mud >= 1:
        there = softened((wet > least).astype(np.float64), strength)
        there = np.where(there < 0.8, 0.0, there)
        return images * (1 - there) + there * (_MUD if three else grey(_MUD))
    lit = wet * _relief(wet)
    most = lit.max(axis=(1, 2), keepdims=True)
    lit = strength * lit / np.where(most > 0, most, 1)
    return images + lit * (_WATER if three else grey(_WATER))


def saturate(images: Floats, level: Level, randoms: Generators) -> Floats:
    """Change the saturation of colours."""
    return saturated(images, *level)


def _coarse(images: Floats, axis: int, few: int) -> Floats:
    """Averages over `few` equal parts of an axis."""
    size = images.shape[axis]
    sums = np.cumsum(images, axis=axis)
    sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis=axis)
    at = np.arange(few + 1) * (size / few)
    low = np.minimum(at.astype(np.int64), size - 1)
    shape = [1] * images.ndim
    shape[axis] = few + 1
    share = (at - low).reshape(shape)
    ends = sums.take(low, axis) * (1 - share) + sums.take(low + 1, axis) * share
    result: Floats = np.diff(ends, axis=axis) * (few / size)
    return result


def _compressed(levels: Floats, quality: int) -> Floats:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(levels).save(held, "JPEG", quality=quality)
    return np.asarray(Image.open(held), np.float64)


def _relief(wet: Floats) -> Floats:
    """How light falls on drops (N, H, W, 1): by their distance from a rim, evened out, and lit from one corner."""
    from scipy.ndimage import convolve, distance_transform_edt, uniform_filter

    rims = canny(wet, 50 / 255, 150 / 255)
    # Slices are far apart, so that one transform serves all images; where there is no rim, all is far from one.
    apart = (1e6, 1, 1)
    far = np.minimum(distance_transform_edt(~rims[..., 0], sampling=apart), _FAR)[..., None]
    box = (1, 3, 3, 1)
    # Running sums end a hair beside whole numbers.
    even = _evened(np.floor(uniform_filter(far, box, mode="mirror") + 1e-6).astype(np.int64))
    lit = np.clip(convolve(even, _LIGHT[::-1, ::-1][None, :, :, None], mode="mirror"), 0, 255)
    result: Floats = uniform_filter(np.rint(lit), box, mode="mirror")
    return result


def _evened(levels: Floats) -> Floats:
    """The histogram of every image's levels (N, H, W, 1) made even over 0 to 255."""
    found = np.empty(levels.shape)
    for i, one in enumerate(levels):
        counts = np.bincount(one.ravel(), minlength=256)
        below = np.cumsum(counts)
        first = below[np.flatnonzero(counts)[0]]
        span = one.size - first
        found[i] = np.rint((below[one] - first) * (255 / span)) if span else one
    return found
