"""The compiled loop that drives bounded attacks, and the only judge of what they found.

It owns `tf.function`, the tape, restarts, early stopping, batching, the final projection and the
re-prediction. An attack is a module with

    Params                                     its parameters; `loss` and `restarts` mean the same in all
    GRADIENT                                   whether `step` wants one
    start(noise, goal, eps, threat, params)    gives a State: a NamedTuple of tensors with N rows, whose `x`
                                               is where to look next
    step(state, seen, goal, eps, threat, params, t)    gives the next State

Everything has one row per image, so images that are done leave the batch and the rest move together.
"""

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import _losses
from auditor.attacks._norms import Norm, into_ball, random_change
from auditor.backend import tensorflow
from auditor.core import Classifier, FloatArray, IntArray, Tensor
from auditor.errors import CheckError
from auditor.randomness import keys as random_keys

_BATCH_PIXELS = 800_000  # 1000 MNIST images: throughput rises up to there, memory stays flat beyond
_CROWDED = 0.9
_GRADIENT_FREE = ("square",)


@dataclass(frozen=True)
class Threat:
    """What the attacker may do: move an image within a ball of `norm` and within `box`, to any other class or
    to a target.
    """

    norm: Norm
    box: tuple[float, float]
    targeted: bool = False


class Goal(NamedTuple):
    """What is wanted of each image: start from `origin` (N, H, W, C), leave `labels` (N,), reach `targets`.

    keys: (N, 2) int32, the seeds of each image's own randomness. scale: (N,), for losses that need one.
    """

    origin: Tensor
    labels: Tensor
    targets: Tensor
    keys: Tensor
    scale: Tensor


class Seen(NamedTuple):
    """What the classifier shows at `x`: the loss (N,) and, where asked for, its gradient (N, H, W, C)."""

    value: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class Found:
    """What a search over N images left.

    images: (N, H, W, C); the adversarial image where there is one, else where the search ended. success: (N,),
    predicted again from the final image. steps: (N,) at which it was found, -1 where it wasn't. gradients,
    predictions: how many images were passed through the classifier with and without its gradient. loss,
    rate: (T+1,), mean loss of the images still attacked, and share found so far, at every step of the first
    start. stopped_early: whether images were left as soon as they had succeeded.
    """

    images: FloatArray
    success: NDArray[np.bool_]
    steps: IntArray
    gradients: int
    predictions: int
    loss: NDArray[np.float64]
    rate: NDArray[np.float64]
    stopped_early: bool


def search(
    attack: ModuleType,
    params: Any,
    classifier: Classifier,
    threat: Threat,
    images: FloatArray,
    labels: IntArray,
    targets: IntArray,
    eps: NDArray[np.float64],
    seed: int,
    rows: IntArray,
    stop_early: bool = True,
) -> Found:
    """Attack images (N, H, W, C) within radius eps (N,).

    rows: (N,), numbers that name the images; an image's randomness belongs to its number. What counts as
    found is what lies within ball and box, as measured in float64, and is predicted so once more.
    """
    count = len(images)
    found = _Ledger(images, params)
    won = np.zeros(count, np.bool_)
    scale = _losses.confidence_scale(classifier.predict(images))
    found.predictions += count
    run = _compiled(attack, params, classifier, threat)
    size = max(1, _BATCH_PIXELS // images[0].size)
    for restart in range(params.restarts):
        left = np.flatnonzero(~won)
        for first in range(0, len(left), size):
            part = left[first : first + size]
            keys = random_keys(seed, f"steps/{restart}", rows[part].tolist())
            goal = (images[part], labels[part], targets[part], keys, scale[part])
            noise = random_change(seed, f"start/{restart}", rows[part].tolist(), images.shape[1:], threat.norm)
            _attack_batch(run, params, goal, eps[part], noise, part, found, stop_early, restart == 0)
        found.images[left] = into_ball(found.images[left], images[left], eps[left], threat.box, threat.norm)
        said = classifier.predict(found.images[left]).argmax(axis=1)
        won[left] = (said == targets[left]) if threat.targeted else (said != labels[left])
        found.predictions += len(left)
    found.steps[~won] = -1
    alive = np.maximum(found.alive, 1)
    return Found(
        found.images,
        won,
        found.steps,
        found.gradients,
        found.predictions,
        found.loss / alive,
        found.hits.cumsum() / max(count, 1),
        stop_early,
    )


class _Ledger:
    """What is written down while batches run."""

    def __init__(self, images: FloatArray, params: Any) -> None:
        self.images = images.copy()
        self.steps = np.full(len(images), -1, np.int64)
        self.gradients = self.predictions = 0
        self.loss = np.zeros(params.steps + 1)
        self.alive = np.zeros(params.steps + 1)
        self.hits = np.zeros(params.steps + 1)


@dataclass(frozen=True)
class _Compiled:
    """An attack on one classifier, traced once for all batch sizes and radii."""

    start: Any
    step: Any
    look: Any
    gradient: bool


@lru_cache(maxsize=16)
def _compiled(attack: ModuleType, params: Any, classifier: Classifier, threat: Threat) -> _Compiled:
    tf = tensorflow()
    wants_gradient: bool = attack.GRADIENT

    def evaluate(x: Tensor, goal: Goal) -> tuple[Tensor, Tensor, Tensor]:
        logits = classifier.forward(x)
        climbed, value = _losses.loss(params.loss, logits, goal.labels, goal.targets, goal.scale, threat.targeted)
        return climbed, value, _losses.lead(logits, goal.labels, goal.targets, threat.targeted) > 0

    def look(x: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
        _, value, hit = evaluate(x, goal)
        return value, hit

    def step(state: Any, goal: Goal, eps: Tensor, t: Tensor) -> tuple[Any, Tensor, Tensor]:
        if not wants_gradient:
            value, hit = look(state.x, goal)
            gradient = tf.zeros_like(state.x)
        else:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(state.x)
                climbed, value, hit = evaluate(state.x, goal)
            gradient = tape.gradient(climbed, state.x)
            if gradient is None:
                raise CheckError(f"this model gives no gradient; attacks that need none: {', '.join(_GRADIENT_FREE)}")
            gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
        return attack.step(state, Seen(value, gradient), goal, eps, threat, params, t), value, hit

    def start(noise: Tensor, goal: Goal, eps: Tensor) -> Any:
        return attack.start(noise, goal, eps, threat, params)

    # The number of images is left open in every signature: one trace serves all batches and radii.
    images = tf.TensorSpec((None, *classifier.input_shape), tf.float32)
    classes, radii = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,), tf.float32)
    goals = Goal(images, classes, classes, tf.TensorSpec((None, 2), tf.int32), radii)
    begun = tf.function(start, autograph=False, input_signature=(images, goals, radii))
    states = tf.nest.map_structure(
        lambda rows: tf.TensorSpec((None, *rows.shape[1:]), rows.dtype),
        begun.get_concrete_function().structured_outputs,
    )
    number = tf.TensorSpec((), tf.int32)
    stepped = tf.function(step, autograph=False, input_signature=(states, goals, radii, number))
    looked = tf.function(look, autograph=False, input_signature=(images, goals))
    return _Compiled(begun, stepped, looked, wants_gradient)


def _attack_batch(
    run: _Compiled,
    params: Any,
    arrays: tuple[FloatArray, IntArray, IntArray, IntArray, FloatArray],
    radii: NDArray[np.float64],
    noise: FloatArray,
    numbers: NDArray[np.int64],
    found: _Ledger,
    stop_early: bool,
    first_start: bool,
) -> None:
    """Attack one batch. `numbers` (N,) say where in the ledger its images stand."""
    tf = tensorflow()
    goal = Goal(*(tf.constant(array) for array in arrays))
    eps = tf.constant(radii.astype(np.float32))
    state = run.start(tf.constant(noise), goal, eps)
    done = np.zeros(len(numbers), np.bool_)
    for t in range(params.steps + 1):
        here = state.x
        if t == params.steps:
            climbed, hit = run.look(here, goal)
            found.predictions += len(numbers)
        else:
            state, climbed, hit = run.step(state, goal, eps, tf.constant(t))
            found.gradients += len(numbers) * run.gradient
            found.predictions += len(numbers) * (not run.gradient)
        won = hit.numpy()
        fresh = won & ~done
        if first_start:
            found.loss[t] += climbed.numpy()[~done].sum()
            found.alive[t] += (~done).sum()
            found.hits[t] += fresh.sum()
        found.steps[numbers[fresh]] = t
        taken = fresh if stop_early else won
        if taken.any():
            found.images[numbers[taken]] = tf.boolean_mask(here, taken).numpy()
        if t == params.steps and not done.all():
            ended = ~won & ~done
            found.images[numbers[ended]] = tf.boolean_mask(here, ended).numpy()
        done |= won
        if stop_early and done.all():
            return
        if stop_early and (~done).sum() < _CROWDED * len(done):
            state, goal, eps = _only(~done, (state, goal, eps))
            numbers, done = numbers[~done], done[~done]


def _only(kept: NDArray[np.bool_], tensors: Any) -> Any:
    """The rows to keep, of every tensor of a nested structure."""
    tf = tensorflow()
    rows = tf.constant(np.flatnonzero(kept))
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), tensors)
