"""What networks take that aren't images of one size in 32-bit floats: any size, and whole numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers.common import Layout, Loaded
from auditor.compute import tensorflow
from auditor.values import Classifier, FloatArray, ModelError, Tensor

Size = tuple[int, int]
# What a network of any size is tried on before the data is known: no network that is made for photographs is too deep.
STAND_IN: Size = (224, 224)
# What fits into each kind of whole number, as far as a 32-bit float tells them apart.
_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767), "int32": (-(2**24), 2**24)}


def image_shape(given: Any, path: str, layout: Layout = "NHWC") -> tuple[int, int, int]:
    """Return (H, W, C) of a declared input shape of rank 4, and (1, 1, n) of one for rows of n numbers.

    given: a sequence that begins with the batch; sizes left open are None, negative or names. Raises ModelError for
    other ranks, and where a size is left open.
    """
    sizes = [size if isinstance(size, int) and size > 0 else None for size in given]
    if len(sizes) == 2 and sizes[1]:
        return 1, 1, sizes[1]
    if len(sizes) != 4 or not all(sizes[1:]):
        wanted = ", ".join(("None", *layout[1:]))
        raise ModelError(f"{path}: one input of shape ({wanted}) is needed, this takes {tuple(given)}")
    named = dict(zip(layout, sizes, strict=True))
    return named["H"] or 0, named["W"] or 0, named["C"] or 0


def taken_as(given: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (H, W, C) of one image where a network takes it as (H, W, C), as grey (H, W) or as a row of n numbers."""
    height, width, channels = (1, 1, *given) if len(given) == 1 else (*given, 1)[:3]
    return height, width, channels


def of_any_size(make: Callable[[Size], Classifier], given: Sequence[Any], layout: Layout = "NHWC") -> Classifier:
    """A classifier of the size that its samples have, where a declared input shape leaves height or width open.

    make: of images of a height and width, which are the declared ones where there are any. given: the declared shape,
    with the batch. Raises what `make` does.
    """
    made = make(STAND_IN)
    left_open = len(given) == 4 and not all(_known(given[layout.index(side)]) for side in "HW")
    return replace(made, at=make) if left_open and isinstance(made, Loaded) else made


def closed(given: Sequence[Any], size: Size, layout: Layout = "NHWC") -> list[Any]:
    """A declared input shape with the height and width of `size` where its own are left open."""
    sizes = list(given)
    if len(sizes) == 4:
        for side, length in zip("HW", size, strict=True):
            at = layout.index(side)
            sizes[at] = sizes[at] if _known(sizes[at]) else length
    return sizes


def _known(length: Any) -> bool:
    return isinstance(length, int) and length > 0


def check_kind(kind: str, path: str) -> None:
    """Raise ModelError for a kind of number, such as `uint8`, that images can't be brought to."""
    if kind != "float32" and kind not in _RANGES:
        raise ModelError(f"{path} takes images of {kind}; known are float32, {', '.join(_RANGES)}")


def as_kind(images: FloatArray, kind: str) -> NDArray[Any]:
    """Images (N, H, W, C) in the kind of number that a network takes, to the nearest that there is."""
    if kind not in _RANGES:
        return images
    return np.rint(images).clip(*_RANGES[kind]).astype(kind)


def as_kind_of_tensor(images: Tensor, kind: str) -> Tensor:
    """The same of a tensor; what is rounded has no gradient."""
    tf = tensorflow()
    if kind not in _RANGES:
        return images
    return tf.cast(tf.clip_by_value(tf.round(images), *map(float, _RANGES[kind])), kind)


def whole_range(kind: str) -> tuple[int, int] | None:
    """The least and the greatest whole number of a kind; None for floats."""
    return _RANGES.get(kind)


def sized(base: Classifier, shape: tuple[int, ...]) -> Classifier:
    """The same for images (H, W, C), as far as it takes those: itself where it takes one size only, or this one."""
    if not isinstance(base, Loaded) or base.at is None or base.input_shape[:2] == shape[:2]:
        return base
    made = base.at((shape[0], shape[1]))
    if not isinstance(made, Loaded):
        return made
    whole = made.as_given if base.logits is base.outputs else None
    return replace(whole or made, path=base.path, at=base.at)
