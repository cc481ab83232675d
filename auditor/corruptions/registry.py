"""All kinds of corruption by name, and the one way to apply them.

A kind is a plain function of images, the numbers of its level, and one generator for each image. Whatever is random
belongs to (seed, kind, row): batch size, order and other severities don't change it, and a higher severity changes an
image in the same way and more, wherever a kind is made of more or less of the same thing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from auditor.compute import generator
from auditor.corruptions import blur, digital, noise, shapes, weather
from auditor.corruptions.draws import Floats, Generators
from auditor.corruptions.severity import Level, Strengths
from auditor.values import FloatArray, IntArray

Family = Literal["noise", "blur", "weather", "digital", "shapes"]
Kind = Literal[
    "gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise",
    "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur",
    "snow", "frost", "fog", "brightness",
    "contrast", "elastic_transform", "pixelate", "jpeg_compression", "spatter", "saturate",
    "shear", "scale", "rotate", "translate", "stripe", "dotted_line", "zigzag", "canny_edges",
]  # fmt: skip

Apply = Callable[[Floats, Level, Generators], Floats]


@dataclass(frozen=True)
class Corruption:
    """One kind. least: how many pixels the shorter side of an image has at least. colour: whether it needs RGB."""

    name: Kind
    family: Family
    apply: Apply
    strengths: Strengths
    least: int = 1
    colour: bool = False

    def unfit(self, shape: tuple[int, ...]) -> str:
        """Why it can't be applied to images of shape (H, W, C), or nothing."""
        height, width, channels = shape
        if self.colour and channels != 3:
            return f"it changes colours, and the images have {channels} channel{'s' if channels != 1 else ''}, not 3"
        if min(height, width) < self.least:
            return f"it takes images of {self.least} × {self.least} pixels at least, and these are {height} × {width}"
        return ""


_SMALL = 8  # below that an image has no structure that lengths could be shares of

_ALL = (
    Corruption("gaussian_noise", "noise", noise.gaussian_noise, noise.GAUSSIAN),
    Corruption("shot_noise", "noise", noise.shot_noise, noise.SHOT),
    Corruption("impulse_noise", "noise", noise.impulse_noise, noise.IMPULSE),
    Corruption("speckle_noise", "noise", noise.speckle_noise, noise.SPECKLE),
    Corruption("defocus_blur", "blur", blur.defocus_blur, blur.DEFOCUS, _SMALL),
    Corruption("glass_blur", "blur", blur.glass_blur, blur.GLASS, _SMALL),
    Corruption("motion_blur", "blur", blur.motion_blur, blur.MOTION, _SMALL),
    Corruption("zoom_blur", "blur", blur.zoom_blur, blur.ZOOM, _SMALL),
    Corruption("gaussian_blur", "blur", blur.gaussian_blur, blur.GAUSSIAN, _SMALL),
    Corruption("snow", "weather", weather.snow, weather.SNOW, _SMALL),
    Corruption("frost", "weather", weather.frost, weather.FROST, _SMALL),
    Corruption("fog", "weather", weather.fog, weather.FOG, _SMALL),
    Corruption("brightness", "weather", weather.brightness, weather.BRIGHTNESS),
    Corruption("contrast", "digital", digital.contrast, digital.CONTRAST),
    Corruption("elastic_transform", "digital", digital.elastic_transform, digital.ELASTIC, _SMALL),
    Corruption("pixelate", "digital", digital.pixelate, digital.PIXELATE, _SMALL),
    Corruption("jpeg_compression", "digital", digital.jpeg_compression, digital.JPEG, _SMALL),
    Corruption("spatter", "digital", digital.spatter, digital.SPATTER, _SMALL),
    Corruption("saturate", "digital", digital.saturate, digital.SATURATE, colour=True),
    Corruption("shear", "shapes", shapes.shear, shapes.SHEAR, _SMALL),
    Corruption("scale", "shapes", shapes.scale, shapes.SCALE, _SMALL),
    Corruption("rotate", "shapes", shapes.rotate, shapes.ROTATE, _SMALL),
    Corruption("translate", "shapes", shapes.translate, shapes.TRANSLATE, _SMALL),
    Corruption("stripe", "shapes", shapes.stripe, shapes.STRIPE, _SMALL),
    Corruption("dotted_line", "shapes", shapes.dotted_line, shapes.DOTTED_LINE, _SMALL),
    Corruption("zigzag", "shapes", shapes.zigzag, shapes.ZIGZAG, _SMALL),
    Corruption("canny_edges", "shapes", shapes.canny_edges, shapes.CANNY_EDGES, _SMALL),
)
CORRUPTIONS: Mapping[Kind, Corruption] = {one.name: one for one in _ALL}
FAMILIES: tuple[Family, ...] = get_args(Family)


def every_family() -> list[Family | Kind]:
    """All kinds, as checks ask for them where a spec names none."""
    return [*FAMILIES]


def of_family(family: Family) -> tuple[Kind, ...]:
    """The kinds of a family, in order."""
    return tuple(one.name for one in _ALL if one.family == family)


def named_kinds(named: Sequence[Family | Kind]) -> tuple[Kind, ...]:
    """The kinds that are named, by themselves or by their family, in order."""
    return tuple(one.name for one in _ALL if one.name in named or one.family in named)


def corrupt(
    images: FloatArray, kind: Kind, severity: int, box: tuple[float, float], rows: IntArray | Sequence[int], seed: int
) -> FloatArray:
    """Images (N, H, W, C) within `box`, corrupted at a severity from 1 to 5, or as they are at 0: (N, H, W, C) float32.

    rows: (N,), what each image's random numbers belong to, with the seed. Raises ValueError where the kind can't be
    applied to such images.
    """
    if severity == 0:
        return images.astype(np.float32)
    one = CORRUPTIONS[kind]
    unfit = one.unfit(images.shape[1:])
    if unfit:
        raise ValueError(f"{kind}: {unfit}")
    low, high = box
    shares = np.clip((np.asarray(images, np.float64) - low) / (high - low), 0, 1)
    level = one.strengths.at(severity, min(images.shape[1:3]))
    randoms = [generator(seed, kind, int(row)) for row in rows]
    changed = np.clip(one.apply(shares, level, randoms), 0, 1)
    return (low + changed * (high - low)).astype(np.float32)
