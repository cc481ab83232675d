"""Full-length ascents of any objective, bounded by nothing, with every step kept for those who look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor import catalog
from auditor.compute import in_order, progress, tensorflow
from auditor.search.loop import Compiled, Goal, ThreatModel, compiled, compiling, walk
from auditor.search.objectives import Objective, TargetObjective, towards_target
from auditor.search.params import Ascending, Pace
from auditor.values import Classifier, Engine, FloatArray, IntArray, Passes, Tensor, one_by_one

_BATCH = 25  # few, so that the digits or filters of one figure keep several cores busy
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


def passes_of_ascent(images: int, params: Ascending, models: int = 1) -> Passes:
    """What an ascent of so many images takes, whose objective asks so many models."""
    padded = -(-images // _BATCH) * _BATCH
    return Passes(params.steps * models, params.steps + 1 + models) * padded + Passes(traces=1)


@dataclass(frozen=True)
class AscentPart:
    """A part of an ascent to target classes, or filters: images (N, H, W, C) that move together, N at most a batch.

    targets: (N,). layer: the place of the one whose filters are excited, or None. box, shown: as for `ascend`.
    """

    images: FloatArray
    targets: IntArray
    layer: int | None
    objective: TargetObjective
    params: Pace
    box: tuple[float, float] | None
    shown: int


def ascend_to_targets(
    classifier: Classifier,
    objective: TargetObjective,
    images: FloatArray,
    targets: IntArray,
    params: Pace,
    box: tuple[float, float] | None,
    shown: int = 0,
    engine: Engine = one_by_one,
    layer: int | None = None,
) -> Ascent:
    """Push images (N, H, W, C) to their target classes (N,), and watch the logits on the way.

    layer: the place of a convolution among the classifier's layers; targets are then its filters, and their mean
    activations take the place of the logits.
    The rest as for `ascend`; engine: where the parts are worked off, which doesn't change what they give.
    """

    def part(at: int) -> AscentPart:
        cut, left = slice(at, at + _BATCH), min(_BATCH, max(0, shown - at))
        return AscentPart(images[cut], targets[cut], layer, objective, params, box, left)

    return _together(engine(ascend_part, classifier, [part(at) for at in range(0, len(images), _BATCH)]))


def ascend_part(classifier: Classifier, part: AscentPart) -> Ascent:
    """Push one part to its targets."""
    with compiling:
        run, watched = _compiled_to_targets(classifier, part.layer, part.objective, part.params, part.box)
    return _walked(run, watched, part.images, part.targets, part.params.steps, part.shown)


@lru_cache(maxsize=16)
def _compiled_to_targets(
    classifier: Classifier,
    layer: int | None,
    objective: TargetObjective,
    params: Pace,
    box: tuple[float, float] | None,
) -> tuple[Compiled, Any]:
    """Compile it once for all parts."""
    scores = classifier.forward if layer is None else _mean_activations(classifier, layer)
    aimed = towards_target(scores, objective, classifier.output if layer is None else "scores")
    return _compiled(aimed, scores, classifier.input_shape, params, box)


def _mean_activations(classifier: Classifier, place: int) -> Callable[[Tensor], Tensor]:
    """From images to the mean activation of every filter of a layer, (N, filters)."""
    layer = classifier.layers()[place]
    return lambda images: tensorflow().reduce_mean(layer.activations(images), axis=(1, 2))


def ascend(
    objective: Objective,
    watch: Callable[[Tensor], Tensor],
    images: FloatArray,
    targets: IntArray,
    params: Pace,
    box: tuple[float, float] | None,
    shown: int = 0,
) -> Ascent:
    """Run `std_ascent` for its full length on images (N, H, W, C) with targets (N,).

    watch: maps images to (N, M), recorded before the first and after every step. box: clip to it after
    every step, or None. shown: for how many of the first images to keep every step.
    """
    run, watched = _compiled(objective, watch, images.shape[1:], params, box)

    def part(at: int) -> Ascent:
        cut = slice(at, at + _BATCH)
        return _walked(run, watched, images[cut], targets[cut], params.steps, max(0, shown - at))

    return _together(in_order(part, range(0, len(images), _BATCH)))


def _compiled(
    objective: Objective,
    watch: Callable[[Tensor], Tensor],
    shape: tuple[int, ...],
    params: Pace,
    box: tuple[float, float] | None,
) -> tuple[Compiled, Any]:
    tf = tensorflow()

    def measure(x: Tensor, goal: Goal) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        value = objective(x, goal.targets)
        return value, value, value, tf.zeros_like(value, tf.bool)

    run = compiled(catalog.load("attacks", "std_ascent"), params, ThreatModel("l2", box or _ANYWHERE), shape, measure)
    return run, tf.function(watch, autograph=False)


def _walked(run: Compiled, watched: Any, images: FloatArray, targets: IntArray, steps: int, shown: int) -> Ascent:
    """Take one batch, of _BATCH images at most, through all its steps."""
    count = len(images)
    # One batch shape for all, so one trace, and rounding that doesn't depend on how many images there are.
    part = np.minimum(np.arange(_BATCH), count - 1)
    values, kept, vanished = [], [], []

    def note(t: int, _: NDArray[np.int64], here: Tensor, state: Any, *__: Any) -> None:
        progress.told("ascent: step ", t, " of ", steps, ", ", count, " images")
        values.append(watched(here).numpy()[:count])
        kept.append(here.numpy()[: min(shown, count)])
        if t < steps:
            vanished.append(state.vanished.numpy()[:count])
        else:
            ended.append(here.numpy()[:count])

    ended: list[FloatArray] = []
    nothing = np.zeros(_BATCH, np.float32)
    goal = Goal(images[part], targets[part], targets[part], np.zeros((_BATCH, 2), np.int32), nothing, nothing)
    walk(run, steps, goal, nothing, np.zeros_like(images[part]), note)
    return Ascent(ended[0], np.stack(kept), np.stack(values), np.stack(vanished))


def _together(parts: Sequence[Ascent]) -> Ascent:
    """All parts, in their order."""
    return Ascent(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.shown for part in parts], axis=1),
        np.concatenate([part.values for part in parts], axis=1),
        np.concatenate([part.vanished for part in parts], axis=1),
    )
