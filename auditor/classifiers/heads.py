"""The shapes in which networks give scores: rows of them, one number an image, or rows with places of length one."""

from collections.abc import Callable
from math import prod
from typing import Any

from auditor.compute import tensorflow
from auditor.values import Output

_AS_ROWS = "average over places, or flatten, before it is saved, so that each image gets one row of scores"


def scores_told(shape: tuple[int | None, ...]) -> int | None:
    """How many scores each image gets by an output of this shape, with the batch; None where it is no row of scores.

    (N,) is one score, as of a sigmoid whose place was squeezed away; (N, K, 1, 1) and (N, 1, 1, K) are K, as of
    convolutional heads.
    """
    inner = shape[1:]
    if not shape or not all(inner) or sum(size != 1 for size in inner) > 1:
        return None
    return prod(size or 0 for size in inner)


def way_to_rows(shape: tuple[int | None, ...]) -> str:
    """What to do about an output of a shape that is no row of scores; nothing where it isn't known."""
    return f"; {_AS_ROWS}" if len(shape) > 2 else ""


def in_rows(function: Callable[[Any], Any], classes: int) -> Callable[[Any], Any]:
    """A function of images to rows (N, classes), of one that gives as many numbers an image in another shape.

    Where an output had another number of rows than there are images, TensorFlow refuses.
    """

    def rows(images: Any) -> Any:
        tf = tensorflow()
        return tf.reshape(function(images), (tf.shape(images)[0], classes))

    return rows


def as_two(function: Callable[[Any], Any], output: Output) -> Callable[[Any], Any]:
    """A function to rows of two numbers, of one to rows of one: a sigmoid, or a logit."""

    def two(images: Any) -> Any:
        tf = tensorflow()
        one = function(images)
        return tf.concat([1 - one if output == "sigmoid" else tf.zeros_like(one), one], axis=1)

    return two
