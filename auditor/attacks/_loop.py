"""The one compiled loop that drives attacks: it owns `tf.function`, the tape, batching and padding."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import std_ascent
from auditor.attacks._objectives import Objective
from auditor.backend import tensorflow
from auditor.core import FloatArray, IntArray, Tensor

_BATCH = 100


@dataclass(frozen=True)
class Ascent:
    """What a full-length ascent of N images over T steps left behind.

    images: (N, H, W, C), where it ended. shown: (T+1, S, H, W, C), every step of the first S images.
    values: (T+1, N, M), what was watched at every step. vanished: (T, N), steps without a gradient.
    """

    images: FloatArray
    shown: FloatArray
    values: FloatArray
    vanished: NDArray[np.bool_]


def ascend(
    objective: Objective,
    watch: Callable[[Tensor], Tensor],
    images: FloatArray,
    targets: IntArray,
    params: std_ascent.Params,
    box: tuple[float, float] | None,
    shown: int = 0,
) -> Ascent:
    """Run `std_ascent` for its full length on images (N, H, W, C) with targets (N,).

    watch: maps images to (N, M), recorded before the first and after every step. box: clip to it after
    every step, or None. shown: for how many of the first images to keep every step.
    """
    tf = tensorflow()
    limits = tf.constant(box if box is not None else (-np.inf, np.inf), tf.float32)
    step_size = tf.constant(params.step_size, tf.float32)

    def advance(x: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = objective(x, goal)
        return std_ascent.step(x, tape.gradient(value, x), step_size, limits)

    watched = tf.function(watch, autograph=False)
    compiled = tf.function(advance, autograph=False)
    count, steps = len(images), params.steps
    ended = np.empty(images.shape, np.float32)
    kept = np.empty((steps + 1, min(shown, count), *images.shape[1:]), np.float32)
    values: list[FloatArray] = []
    vanished = np.zeros((steps, count), np.bool_)
    # One batch shape for all, so one trace, and rounding that doesn't depend on how many images there are.
    for first in range(0, count, _BATCH):
        part = slice(first, min(first + _BATCH, count))
        size = part.stop - first
        x = std_ascent.start(tf.constant(_padded(images[part])))
        goal = tf.constant(_padded(targets[part]))
        seen = [watched(x).numpy()[:size]]
        _keep(kept, 0, first, x)
        for t in range(steps):
            x, gone = compiled(x, goal)
            vanished[t, part] = gone.numpy()[:size]
            seen.append(watched(x).numpy()[:size])
            _keep(kept, t + 1, first, x)
        ended[part] = x.numpy()[:size]
        values.append(np.stack(seen))
    return Ascent(ended, kept, np.concatenate(values, axis=1), vanished)


def _padded(rows: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.concatenate([rows, np.repeat(rows[-1:], _BATCH - len(rows), axis=0)])


def _keep(kept: FloatArray, t: int, first: int, x: Tensor) -> None:
    wanted = kept.shape[1] - first
    if wanted > 0:
        kept[t, first : first + _BATCH] = x.numpy()[: min(wanted, _BATCH)]
