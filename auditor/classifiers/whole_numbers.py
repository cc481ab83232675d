"""Networks that take whole numbers: as pixels are, or quantised by a step and a zero point."""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from auditor.compute import tensorflow
from auditor.values import FloatArray, ModelError, Tensor

Kind = Literal["float32", "uint8", "int8", "int16", "int32"]
# What fits into each kind of whole number, as far as a 32-bit float tells them apart.
_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-32768, 32767), "int32": (-(2**24), 2**24)}
_LEVELS = 8  # between the darkest and the brightest pixel, at least


class Whole(NamedTuple):
    """What whole numbers a network takes: from `least` to `greatest`, of which q stands for step · (q - zero)."""

    least: int
    greatest: int
    step: float = 1.0
    zero: int = 0

    @property
    def span(self) -> tuple[float, float]:
        """The least and the greatest value that they stand for."""
        return self.step * (self.least - self.zero), self.step * (self.greatest - self.zero)

    def few(self, low: float, high: float) -> bool:
        """Whether hardly any of them are left of images with values from low to high."""
        return (high - low) / self.step < _LEVELS


def check_kind(kind: str, path: str) -> None:
    """Raise ModelError for a kind of number, such as `uint8`, that images can't be brought to."""
    if kind not in get_args(Kind):
        raise ModelError(f"{path} takes images of {kind}; known are {', '.join(get_args(Kind))}")


def whole_range(kind: str, step: float = 1.0, zero: int = 0) -> Whole | None:
    """The whole numbers of a kind, in steps of which `zero` stands for 0; None for floats."""
    return Whole(*_RANGES[kind], step, zero) if kind in _RANGES else None


def as_kind(images: FloatArray, kind: str, step: float = 1.0, zero: int = 0) -> NDArray[Any]:
    """Images (N, H, W, C) in the kind of number that a network takes, `float16` too, to the nearest that there is."""
    if kind not in _RANGES:
        return images.astype(np.float16) if kind == "float16" else images
    found: NDArray[Any] = (np.rint(images / step) + zero).clip(*_RANGES[kind]).astype(kind)
    return found


def as_kind_of_tensor(images: Tensor, kind: str) -> Tensor:
    """The same of a tensor, in steps of 1; what is rounded has no gradient."""
    tf = tensorflow()
    if kind not in _RANGES:
        return images
    return tf.cast(tf.clip_by_value(tf.round(images), *map(float, _RANGES[kind])), kind)
