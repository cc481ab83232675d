"""Full-length ascents of any objective, bounded by nothing, with every step kept for those who look."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor import progress
from auditor.attacks import std_ascent
from auditor.attacks._loop import Goal, Threat, compiled, walk
from auditor.attacks._objectives import Objective
from auditor.backend import tensorflow
from auditor.core import FloatArray, IntArray, Passes, Tensor

_BATCH = 100
_ANYWHERE = (-np.inf, np.inf)


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


def passes(images: int, params: std_ascent.Params, models: int = 1) -> Passes:
    """What an ascent of so many images takes, whose objective asks so many models."""
    padded = -(-images // _BATCH) * _BATCH
    return Passes(params.steps * models, params.steps + 1 + models) * padded + Passes(traces=1)


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

    def measure(x: Tensor, goal: Goal) -> tuple[Tensor, Tensor, Tensor]:
        value = objective(x, goal.targets)
        return value, value, tf.zeros_like(value, tf.bool)

    run = compiled(std_ascent, params, Threat("l2", box or _ANYWHERE), images.shape[1:], measure)
    watched = tf.function(watch, autograph=False)
    count, steps = len(images), params.steps
    # One batch shape for all, so one trace, and rounding that doesn't depend on how many images there are.
    rows = np.minimum(np.arange(-(-count // _BATCH) * _BATCH), count - 1)
    ended = np.empty((len(rows), *images.shape[1:]), np.float32)
    kept = np.empty((steps + 1, min(shown, count), *images.shape[1:]), np.float32)
    values: list[list[FloatArray]] = [[] for _ in range(steps + 1)]
    vanished = np.zeros((steps, len(rows)), np.bool_)
    for first in range(0, count, _BATCH):
        part = rows[first : first + _BATCH]

        def note(
            t: int, _: NDArray[np.int64], here: Tensor, state: std_ascent.State, *__: Any, at: int = first
        ) -> None:
            progress.told("ascent: ", at, " of ", count, " images done, step ", t, " of ", steps)
            values[t].append(watched(here).numpy())
            seen = here.numpy()
            kept[t, at : at + _BATCH] = seen[: max(0, kept.shape[1] - at)]
            if t < steps:
                vanished[t, at : at + _BATCH] = state.vanished.numpy()
            else:
                ended[at : at + _BATCH] = seen

        nothing = np.zeros(_BATCH, np.float32)
        goal = Goal(images[part], targets[part], targets[part], np.zeros((_BATCH, 2), np.int32), nothing)
        walk(run, steps, goal, nothing, np.zeros_like(images[part]), note)
    watched_values = np.stack([np.concatenate(parts) for parts in values])
    return Ascent(ended[:count], kept, watched_values[:, :count], vanished[:, :count])
