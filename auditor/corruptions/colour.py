"""Colours: value and saturation of RGB images, and their grey. Images are (N, H, W, C) float64 in [0, 1].

Hue, saturation and value are those of Smith, Color Gamut Transform Pairs, SIGGRAPH 1978. Images of other than three
channels have no hue: their channels are taken as they are.
"""

import numpy as np

from auditor.corruptions.draws import Floats

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def grey(images: Floats) -> Floats:
    """How bright every pixel is: (N, H, W, 1)."""
    if images.shape[-1] == 3:
        # Not by a matrix product, whose last digits depend on how many images there are.
        result: Floats = (images * _LUMA).sum(axis=-1, keepdims=True)
        return result
    mean: Floats = images.mean(axis=-1, keepdims=True)
    return mean


def brightened(images: Floats, by: float) -> Floats:
    """Raise the value of every pixel, up to 1; hue and saturation stay."""
    if images.shape[-1] != 3:
        return np.minimum(images + by, 1)
    value = images.max(axis=-1, keepdims=True)
    raised = np.minimum(value + by, 1)
    result: Floats = np.where(value > 0, images * raised / np.where(value > 0, value, 1), raised)
    return result


def saturated(images: Floats, times: float, plus: float) -> Floats:
    """Change the saturation of RGB images to `times` what it is, `plus` some; grey has the hue of red."""
    value = images.max(axis=-1, keepdims=True)
    span = value - images.min(axis=-1, keepdims=True)
    before = np.where(value > 0, span / np.where(value > 0, value, 1), 0)
    after = np.clip(before * times + plus, 0, 1)
    red = value * np.concatenate([np.ones_like(after), 1 - after, 1 - after], axis=-1)
    moved = value - (value - images) * after / np.where(before > 0, before, 1)
    result: Floats = np.where(before > 0, moved, red)
    return result
