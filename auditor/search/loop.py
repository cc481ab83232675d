"""The one compiled loop that drives every attack: it owns `tf.function` and the active set.

An attack is a module with

    Params                                     its parameters; `steps` is how often it may look
    SEES                                       what it is shown at each look:
                                               "decision"  whether the goal is reached
                                               "score"     and a loss
                                               "gradient"  and the loss's gradient
                                               "jacobian"  and one gradient for each rival class
                                               "features"  as "gradient", of what a reader says of an inner layer
    SEEKS                                      "ball"      an adversarial image within a ball
                                               "distance"  adversarial images ever closer to the original
                                               "boundary"  the first adversarial image on a short way
                                               "ascent"    a higher value; nothing bounds it
    NORMS                                      the norms it can be bounded or measured by
    start(noise, goal, eps, threat, params)    gives a State: a NamedTuple of tensors with N rows, whose `x`
                                               is where to look next
    step(state, seen, goal, eps, threat, params, t)    gives the next State

Everything has one row per image, so images that are done leave the batch and the rest move together. An attack
made of others has `stages(params, norm)` in place of `start` and `step`, and seeks "ensemble".
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor import catalog
from auditor.compute import tensorflow
from auditor.search import differentiation
from auditor.search.norms import Norm
from auditor.values import CheckError, Classifier, FloatArray, Led, Tensor

Sees = Literal["decision", "score", "gradient", "jacobian", "features"]
FOLLOWING = ("gradient", "jacobian", "features")  # what needs a model that can be differentiated
compiling = Lock()  # held to look up or compile a search: several threads would compile the same
_CROWDED = 0.9
_MANY = 0.5
# So steep that rounding an image to float32 would move the loss by 1: the gradient says nothing about real steps.
_STEEPEST = 1 / float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class ThreatModel:
    """What the attacker may do: move an image by at most some radius of `norm`, within `box`, to any other class
    or to a target.
    """

    norm: Norm
    box: tuple[float, float]
    targeted: bool = False


class Goal(NamedTuple):
    """What is wanted of each image: start from `origin` (N, H, W, C), leave `labels` (N,), reach `targets`.

    keys: (N, 2) int32, the seeds of each image's own randomness. scale: (N,), what brings logits to a spread of
    1 at the origin; unit: (N,), what they were multiplied by before, 1 unless float32 could hardly hold them.
    """

    origin: Tensor
    labels: Tensor
    targets: Tensor
    keys: Tensor
    scale: Tensor
    unit: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        height, width, channels = self.origin.shape[1:]
        return int(height), int(width), int(channels)


class Seen(NamedTuple):
    """What is shown at `x`, as far as `SEES` goes; zeros beyond.

    hit: (N,) bool, whether the goal is reached there. value: (N,), a loss that rises towards the goal. objective:
    what was differentiated, (N,) or for a Jacobian (N, R). gradient: of it, (N, H, W, C) or (N, R, H, W, C).
    """

    hit: Tensor
    value: Tensor
    objective: Tensor
    gradient: Tensor


class Shown(NamedTuple):
    """What `note` is shown of every row at one look, as arrays (N,): the loss, whether the goal is reached, whether a
    gradient was asked for that can't be followed: zero all over, exploding, or not finite everywhere, and the margin
    by which the goal is reached.
    """

    value: NDArray[np.float32]
    hit: NDArray[np.bool_]
    blind: NDArray[np.bool_]
    margin: NDArray[np.float32]


# From images and goal: what to differentiate (N,) or (N, R), the value (N,), the margin by which the goal is reached
# (N,), and whether it is (N,).
Measure = Callable[[Tensor, Goal], tuple[Tensor, Tensor, Tensor, Tensor]]
# From the step, the rows the batch holds, where they were, the state after it and what was shown: which stay.
Note = Callable[[int, NDArray[np.int64], Tensor, Any, Shown], NDArray[np.bool_] | None]


class Looks(NamedTuple):
    """How many images were shown to the attack, and how many were only looked at."""

    stepped: int
    looked: int


@dataclass(frozen=True)
class Compiled:
    """An attack on one goal, traced once for all batch sizes and radii."""

    start: Any
    step: Any
    look: Any


def compiled(
    attack: ModuleType, params: Any, threat: ThreatModel, shape: tuple[int, ...], measure: Measure
) -> Compiled:
    """Compile an attack for images of one shape (H, W, C)."""
    tf = tensorflow()
    sees: Sees = attack.SEES

    def look(x: Tensor, goal: Goal) -> Shown:
        _, value, margin, hit = measure(x, goal)
        return Shown(value, hit, tf.zeros_like(hit), margin)

    def differentiated(x: Tensor, goal: Goal) -> tuple[Seen, Shown]:
        with differentiation.traced():
            objective, value, margin, hit = measure(x, goal)
            parts = tf.unstack(objective, axis=1) if sees == "jacobian" else [objective]
        gradients = [differentiation.gradient(part, x) for part in parts]
        if any(gradient is None for gradient in gradients):
            raise no_gradient()
        sizes = [tf.reduce_sum(tf.abs(gradient), axis=(1, 2, 3)) for gradient in gradients]
        sound = tf.reduce_all(tf.math.is_finite(sizes))
        raw = tf.stack(gradients, axis=1) if sees == "jacobian" else gradients[0]
        gradient = tf.cond(sound, lambda: raw, lambda: tf.where(tf.math.is_finite(raw), raw, 0.0))
        # Logits on a large scale are steep without being rugged.
        steepness = (threat.box[1] - threat.box[0]) * tf.minimum(1.0, goal.scale)
        # Not `~(total < …)`, though it would hold for NaN as well: graphs turn it into `total >= …`, which doesn't.
        odd = [(total == 0) | (total * steepness > _STEEPEST) | ~tf.math.is_finite(total) for total in sizes]
        blind = tf.reduce_any(odd, axis=0)
        return Seen(hit, value, objective, gradient), Shown(value, hit, blind, margin)

    def step(state: Any, goal: Goal, eps: Tensor, t: Tensor) -> tuple[Any, Shown]:
        if sees in FOLLOWING:
            seen, shown = differentiated(state.x, goal)
        else:
            shown = look(state.x, goal)
            value = shown.value if sees == "score" else tf.zeros_like(shown.value)
            seen = Seen(shown.hit, value, value, tf.zeros_like(state.x))
        return attack.step(state, seen, goal, eps, threat, params, t), shown

    def start(noise: Tensor, goal: Goal, eps: Tensor) -> Any:
        return attack.start(noise, goal, eps, threat, params)

    # The number of images is left open in every signature: one trace serves all batches and radii.
    images = tf.TensorSpec((None, *shape), tf.float32)
    classes, radii = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,), tf.float32)
    goals = Goal(images, classes, classes, tf.TensorSpec((None, 2), tf.int32), radii, radii)
    begun = tf.function(start, autograph=False, input_signature=(images, goals, radii))
    states = tf.nest.map_structure(
        lambda rows: tf.TensorSpec((None, *rows.shape[1:]), rows.dtype),
        begun.get_concrete_function().structured_outputs,
    )
    number = tf.TensorSpec((), tf.int32)
    stepped = tf.function(step, autograph=False, input_signature=(states, goals, radii, number))
    looked = tf.function(look, autograph=False, input_signature=(images, goals))
    return Compiled(begun, stepped, looked)


def walk(run: Compiled, steps: int, goal: Goal, eps: Any, noise: Any, note: Note, leave: bool = False) -> Looks:
    """Take one batch through all its steps, let `note` see each of them and the end, and count the looks.

    goal, eps, noise: arrays of N rows. Rows that `note` doesn't keep leave the batch. leave: whether rows are
    expected to: then a look alone, at a third of the price, comes before a step where many may have finished.
    """
    tf = tensorflow()
    goal = Goal(*(tf.constant(array) for array in goal))
    eps = tf.constant(eps.astype(np.float32))
    state = run.start(tf.constant(noise), goal, eps)
    rows, finished = np.arange(len(noise)), 0.0
    staying = np.ones(len(rows), np.bool_)
    stepped = looked = 0
    for t in range(steps + 1):
        look_first = t == steps or (leave and (t == 1 or finished > _MANY))
        here = state.x
        if look_first:
            shown = run.look(here, goal)
            looked += len(rows)
        else:
            state, shown = run.step(state, goal, eps, tf.constant(t))
            stepped += len(rows)
        kept = note(t, rows, here, state, Shown(*(part.numpy() for part in shown)))
        if kept is not None:
            finished = 1 - kept[staying].mean()
            staying &= kept
            if not staying.any():
                break
            # Moving rows costs as much as a few of them are worth.
            if staying.sum() < _CROWDED * len(staying):
                state, goal, eps = _only(staying, (state, goal, eps))
                rows, staying = rows[staying], np.ones(int(staying.sum()), np.bool_)
        if look_first and t < steps:
            state, _ = run.step(state, goal, eps, tf.constant(t))
            stepped += len(rows)
    return Looks(stepped, looked)


def _only(kept: NDArray[np.bool_], tensors: Any) -> Any:
    """The rows to keep, of every tensor of a nested structure."""
    tf = tensorflow()
    rows = tf.constant(np.flatnonzero(kept))
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), tensors)


def followed(classifier: Classifier) -> Callable[[Tensor], Tensor]:
    """From images to the logits whose gradients attacks follow: the classifier's own, or those of its twin."""
    return classifier.leading if isinstance(classifier, Led) else classifier.forward


def gives_gradient(classifier: Classifier, image: FloatArray, own: bool = False) -> bool:
    """Whether it is said how a classifier's logits, or its twin's, change at an image (1, H, W, C), be it that they
    don't; own: its own logits, whatever another model lends.
    """
    tf = tensorflow()
    x = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = classifier.forward(x) if own else followed(classifier)(x)
    return tape.gradient(value, x) is not None


def no_gradient() -> CheckError:
    """What to say of a model that gives no gradient to a check or an attack that needs one."""
    works = f"attacks that need none: {', '.join(gradient_free())}; `accuracy` and `transfer` onto it work as well"
    works += "; a model of the spec that resembles it can lend its own, by `gradients`"
    return CheckError(f"this model gives no gradient; {works}")


def gradient_free() -> tuple[str, ...]:
    """Names of the attacks that need no gradient."""
    return tuple(n for n in catalog.names("attacks") if catalog.load("attacks", n).SEES in ("decision", "score"))
