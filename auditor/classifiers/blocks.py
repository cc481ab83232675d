"""Networks that take a fixed number of images at a time, as they were exported with an example of so many."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auditor.compute import uniform
from auditor.values import FloatArray, ModelError

_WAY = "export it for any number of images (in PyTorch by `dynamic_axes` or `dynamic_shapes`), in evaluation mode"
_APART = 1e-4  # of the range of all answers: more than rounding makes


def block_of(declared: Sequence[Any]) -> int | None:
    """How many images are taken at a time by a declared input shape, batch first; None where that is left open."""
    return int(declared[0]) if isinstance(declared[0], int | np.integer) and declared[0] > 0 else None


def check_any_number(declared: Sequence[Any], path: str) -> None:
    """Refuse a graph of TensorFlow whose declared input shape, batch first, is of a fixed number of images."""
    block = block_of(declared)
    if block:
        told = f"{path} takes {block} image{'' if block == 1 else 's'} at a time, which its graph may count upon"
        way = "save it for any number, with None in its place, as in `tf.TensorSpec((None, HEIGHT, WIDTH, CHANNELS))`"
        raise ModelError(f"{told}; {way}")


def in_blocks(call: Callable[[Any], FloatArray], given: Any, block: int | None) -> FloatArray:
    """What a network answers to what it is given (N, …), in blocks of so many: the last is filled up with its last
    one, and the answers to that are dropped.
    """
    if block is None:
        return call(given)
    parts = [given[start : start + block] for start in range(0, len(given), block)]
    filled = [np.concatenate([part, np.repeat(part[-1:], block - len(part), axis=0)]) for part in parts]
    return np.concatenate([call(whole)[: len(part)] for whole, part in zip(filled, parts, strict=True)])


def check_apart(run: Callable[[FloatArray], FloatArray], block: int | None, shape: tuple[int, ...], path: str) -> None:
    """Refuse a network that takes `block` images at a time where an image's answer depends on those beside it.

    Images are tried among others, and in other places, in the box [0, 1] and in [0, 255]; shape: (H, W, C) of one.
    Raises ModelError, and whatever `run` does.
    """
    if block is None or block == 1:
        return
    for full in (1.0, 255.0):
        images = uniform(0, "blocks", 2 * block, shape, (0.0, full)).astype(np.float32)
        order = np.random.default_rng(0).permutation(2 * block)
        straight = run(images).astype(np.float64)
        if len(straight) != len(images):
            told = f"for {block} images it gives {len(straight) // 2} rows of scores"
            raise ModelError(f"{path} takes {block} images at a time, and {told}; {_WAY}")
        mixed = run(images[order]).astype(np.float64)
        if np.abs(mixed - straight[order]).max() > _APART * max(np.ptp(straight), np.abs(straight).max(), 1e-30):
            told = "what it answers to one depends on the others"
            raise ModelError(f"{path} takes {block} images at a time, and {told}; {_WAY}")
