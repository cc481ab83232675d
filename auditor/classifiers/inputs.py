"""Sizes of the images that networks take: as declared, as rows, or any."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from auditor.classifiers.common import Layout, Loaded
from auditor.compute import tensorflow
from auditor.telling.numbers import times
from auditor.values import Classifier, ModelError, SizeError

Size = tuple[int, int]
# What a network of any size is tried on before the data is known: no network that is made for photographs is too deep.
STAND_IN: Size = (224, 224)
Shape = tuple[int, int, int]
_given: ContextVar[Shape | None] = ContextVar("given", default=None)
_FEW = 4  # channels that pictures have at most: grey, red, green, blue and how opaque they are


def image_shape(given: Any, path: str, layout: Layout = "NHWC") -> tuple[int, int, int]:
    """Return (H, W, C) of a declared input shape of rank 4, (H, W, 1) of rank 3, and (1, 1, n) of rows of n numbers.

    given: a sequence that begins with the batch; sizes left open are None, negative or names. Raises ModelError for
    other ranks, and where a size is left open.
    """
    sizes = [size if isinstance(size, int) and size > 0 else None for size in given]
    if len(sizes) == 2 and sizes[1]:
        return 1, 1, sizes[1]
    if len(sizes) == 3 and sizes[1] and sizes[2]:
        return sizes[1], sizes[2], 1
    if len(sizes) != 4 or not all(sizes[1:]):
        wanted = ", ".join(("None", *layout[1:]))
        raise ModelError(f"{path}: one input of shape ({wanted}) is needed, this takes {tuple(given)}")
    named = dict(zip(layout, sizes, strict=True))
    return named["H"] or 0, named["W"] or 0, named["C"] or 0


def of_rank(images: Any, rank: int) -> Any:
    """Images (N, H, W, C), an array or a tensor, as an input of that rank takes them: rows (N, n), grey (N, H, W)."""
    if rank == 3:
        return images[..., 0]
    if rank != 2:
        return images
    sizes = (-1, prod(images.shape[1:]))
    return images.reshape(sizes) if isinstance(images, np.ndarray) else tensorflow().reshape(images, sizes)


def order_told(given: Sequence[Any], path: str) -> Layout:
    """At which end a declared input shape of rank 4 has its channels: where there are few, or where a size is known.

    Where neither end tells, the shape is taken as it stands, with channels last, and the data has to fit. Raises
    ModelError where all sizes are the same, so that no data could tell.
    """
    first, last = (length if _known(length) else 0 for length in (given[1], given[3]))
    if not first or not last:
        return "NHWC" if last else "NCHW"
    if first == given[2] == last:
        told = f"its input {tuple(given)} may have its channels first or last, and no image of that size tells which"
        raise ModelError(f"{path}: {told}; write `layout: NCHW` (as from PyTorch) or `layout: NHWC` (as from Keras)")
    return "NCHW" if first <= _FEW < last else "NHWC"


def taken_as(given: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (H, W, C) of one image where a network takes it as (H, W, C), as grey (H, W) or as a row of n numbers."""
    height, width, channels = (1, 1, *given) if len(given) == 1 else (*given, 1)[:3]
    return height, width, channels


def of_any_size(make: Callable[[Size], Classifier], given: Sequence[Any], layout: Layout = "NHWC") -> Classifier:
    """A classifier of the size that its samples have, where a declared input shape leaves height or width open.

    make: of images of a height and width, which are the declared ones where there are any. given: the declared shape,
    with the batch. Raises what `make` does, as SizeError where that may be since the shape of the samples isn't known.
    """
    left_open = [side for side in "HWC" if len(given) == 4 and not _known(given[layout.index(side)])]
    shape = _given.get() if left_open else None

    def at(size: Size) -> Classifier:
        with of_shape(shape):
            return make(size)

    try:
        made = at(shape[:2] if shape else STAND_IN)
    except ModelError as error:
        if shape or not left_open:
            raise
        tried = f"it leaves sizes open and was tried at {times(STAND_IN)}, before the samples' size is known"
        raise SizeError(f"{error} ({tried})") from error
    return replace(made, at=at) if {"H", "W"} & {*left_open} and isinstance(made, Loaded) else made


@contextmanager
def of_shape(shape: Shape | None) -> Iterator[None]:
    """Within it, a network is opened for images (H, W, C) of a shape, as far as it leaves sizes open; None: of any."""
    token = _given.set(shape)
    try:
        yield
    finally:
        _given.reset(token)


def closed(given: Sequence[Any], size: Size, layout: Layout = "NHWC") -> list[Any]:
    """A declared input shape with the height and width of `size`, and the samples' channels, where its own are open."""
    sizes, shape = list(given), _given.get()
    if len(sizes) == 4:
        for side, length in zip("HWC", (*size, shape[2] if shape else None), strict=True):
            at = layout.index(side)
            sizes[at] = sizes[at] if _known(sizes[at]) or length is None else length
    return sizes


def _known(length: Any) -> bool:
    return isinstance(length, int) and length > 0


def sized(base: Classifier, shape: tuple[int, ...]) -> Classifier:
    """The same for images (H, W, C), as far as it takes those: itself where it takes one size only, or this one."""
    if not isinstance(base, Loaded) or base.at is None or base.input_shape[:2] == shape[:2]:
        return base
    made = base.at((shape[0], shape[1]))
    if not isinstance(made, Loaded):
        return made
    whole = made.as_given if base.logits is base.outputs else None
    return replace(whole or made, path=base.path, at=base.at, named=base.named)
