"""A surrogate: a small network that has learned what a model answers, and nothing of how it comes to that.

A model can be built so that its gradients and scores lead away from where it is weak; its answers can't lie, as they
are what is deployed. After Papernot et al., Practical Black-Box Attacks against Machine Learning, AsiaCCS 2017: a
network is trained on the labels that the model gives to images and to variations of them, asked again about images
near its own boundaries, and then attacked in the model's place. What comes of it, the model is asked about.
"""

import copy
import dataclasses
import hashlib
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers import stateful_operations
from auditor.compute import generator
from auditor.measuring.network import Layout, Pupil, Weights, layout, slopes
from auditor.measuring.once import once
from auditor.values import Classifier, Context, FloatArray, IntArray, Outlasting, Passes, Samples, one_by_one

_TAUGHT, _EACH = 3000, 20  # questions at most, and for each image there is
_NEARER = 600  # more of them, about images near the surrogate's own boundaries
_EPOCHS, _AGAIN = 4, 2
_MIXED, _NOISY, _NOISE = 0.4, 0.7, 0.2
_NEAR, _STEPS = (0.03, 0.3), 5  # of the box's width
_FEW = 20  # values that are moved far, at most
_VARYING = 0.1
_WEIGHTS, _ORDER = "surrogate/weights", "surrogate/order"


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A network that has learned a classifier's answers to some samples.

    varying: (1, H, W, C), see `varying`. sources: (M, H, W, C), the images of the data that it learned from: such as
    cases look at last.
    """

    plan: Layout
    weights: Weights
    varying: NDArray[np.bool_]
    sources: FloatArray

    def uphill(self, images: FloatArray, labels: IntArray, targets: IntArray, sharp: bool) -> FloatArray:
        """Where a loss rises (N, H, W, C): away from the labels (N,), or towards targets (N,) where these aren't -1.

        sharp: the margin of the likeliest other class, rather than cross-entropy.
        """

        def above(part: IntArray, found: FloatArray) -> FloatArray:
            return steepness(found, labels[part], targets[part], sharp)

        return slopes(self.plan, self.weights, images, above)


def steepness(found: FloatArray, labels: IntArray, targets: IntArray, sharp: bool) -> FloatArray:
    """The gradient, by scores (N, K), of what `Surrogate.uphill` lets rise."""
    rows, aimed = np.arange(len(found)), targets >= 0
    own = np.where(aimed, targets, labels)
    rest = found.astype(np.float64)
    rest[rows, own] = -np.inf if sharp else rest[rows, own]
    raised = np.exp(rest - rest.max(axis=1, keepdims=True))
    slope = np.eye(found.shape[1])[rest.argmax(axis=1)] if sharp else raised / raised.sum(axis=1, keepdims=True)
    slope[rows, own] -= 1
    signed: FloatArray = np.where(aimed[:, None], -slope, slope).astype(np.float32)
    return signed


@dataclass(frozen=True, eq=False)
class Lesson:
    """What to learn a classifier's answers from: images (N, H, W, C) of the data within a box, and a seed."""

    images: FloatArray
    box: tuple[float, float]
    seed: int


@dataclass(frozen=True, eq=False)
class Learned(Outlasting):
    """What is left of a lesson; whoever asks about the same model and data has the same."""

    weights: Weights


def learned(context: Context, classifier: Classifier) -> Surrogate:
    """What a classifier answers, learned from half of the data, that which cases look at last, and from variations.

    It is the same for all cases of a spec, and for a single image that is attacked again. What it learned is kept
    where results are, as long as model, data and auditor are the same.
    """
    samples, seed = context.whole or context.samples, context.spec_seed

    def ask() -> Surrogate:
        order = dataclasses.replace(context, samples=samples).sample(len(samples))
        lesson = Lesson(samples.images[order[len(order) - _sources(len(order)) :]], samples.box, seed)
        # What changes with a clock is kept nowhere.
        engine = one_by_one if stateful_operations(classifier) else context.engine
        (found,) = engine(teach, classifier, [lesson])
        return Surrogate(_plan(classifier, lesson), found.weights, varying(samples), lesson.images)

    return once(("surrogate", seed), classifier, samples, ask)


def cost_learned(images: int) -> Passes:
    """What it takes of a model, of so many images in the data, at most."""
    return Passes(predictions=_questions(_sources(images)) + _NEARER)


def teach(classifier: Classifier, lesson: Lesson) -> Learned:
    """Learn what a classifier answers to a lesson's images, to variations of them and near the boundaries."""
    sources, seed, plan = lesson.images, lesson.seed, _plan(classifier, lesson)
    images = np.concatenate([sources, _variations(sources, _questions(len(sources)) - len(sources), lesson.box, seed)])
    labels = asked(classifier, images)
    fresh = _Course(repr((plan, seed)).encode(), Pupil.new(plan, generator(seed, _WEIGHTS)), generator(seed, _ORDER))
    taught = _studied(fresh, images, labels, _EPOCHS)
    everywhere = np.ones((1, *images.shape[1:]), np.bool_)
    first = Surrogate(plan, tuple(taught.pupil.weights), everywhere, sources)
    nearer = _near_boundaries(first, images, labels, seed)
    images, labels = np.concatenate([images, nearer]), np.concatenate([labels, asked(classifier, nearer)])
    return Learned(tuple(_studied(taught, images, labels, _AGAIN).pupil.weights))


@dataclass(frozen=True, eq=False)
class _Course:
    """A pupil, what draws the order of its images, and a digest of all that both have come from."""

    past: bytes
    pupil: Pupil
    drawn: np.random.Generator


_COURSES = 16  # a process keeps so many, of some megabytes each
_finished: dict[bytes, _Course] = {}
_finishing = Lock()


def _studied(course: _Course, images: FloatArray, labels: IntArray, epochs: int) -> _Course:
    """The course after so many epochs of images (N, H, W, C) with answers (N,), which is not changed itself.

    Models that answer alike teach the same: an export and its original, decoys of one network. It is learned once.
    """
    digest = hashlib.sha256(course.past + repr((images.shape, epochs)).encode())
    for part in (images, labels):
        digest.update(np.ascontiguousarray(part).data)
    past = digest.digest()
    if known := _finished.get(past):
        return known
    pupil, drawn = copy.deepcopy((course.pupil, course.drawn))
    pupil.learn(images, labels, epochs, drawn)
    after = _Course(past, pupil, drawn)
    with _finishing:
        _finished[past] = after
        if len(_finished) > _COURSES:
            del _finished[next(iter(_finished))]
    return after


def _plan(classifier: Classifier, lesson: Lesson) -> Layout:
    return layout(classifier.input_shape, lesson.box, classifier.class_count)


def asked(classifier: Classifier, images: FloatArray) -> IntArray:
    """The classes (N,) that the checkpoint's own plain call gives images."""
    said: IntArray = classifier.answers(images).argmax(axis=1)
    return said


def varying(samples: Samples) -> NDArray[np.bool_]:
    """Which values (1, H, W, C) differ between images, by a tenth of what those do that differ most."""
    spread = samples.images.std(axis=0, keepdims=True)
    varied: NDArray[np.bool_] = spread > _VARYING * spread.max()
    return varied


def _sources(images: int) -> int:
    """How many of so many images are learned from as they are: half, so that others can be audited."""
    return max(1, min(images - images // 2, _TAUGHT // 2))


def _questions(sources: int) -> int:
    return min(_TAUGHT, _EACH * sources)


def _variations(sources: FloatArray, count: int, box: tuple[float, float], seed: int) -> FloatArray:
    """So many images made of others: shifted, mixed with each other, noisy."""
    drawn, (low, high) = generator(seed, "surrogate/variations"), box
    found = sources[drawn.integers(0, len(sources), count)].copy()
    height, width = found.shape[1:3]
    shifts = drawn.integers(-1, 2, (count, 2)) * drawn.integers(1, 3, (count, 2))
    shifts[:, 0] *= height > 4
    shifts[:, 1] *= width > 4
    for shift in np.unique(shifts, axis=0):
        rows = (shifts == shift).all(axis=1)
        found[rows] = np.roll(found[rows], (int(shift[0]), int(shift[1])), axis=(1, 2))
    others = sources[drawn.integers(0, len(sources), count)]
    share = np.where(drawn.random(count) < _MIXED, drawn.uniform(0.5, 1, count), 1.0)
    share = share.astype(np.float32).reshape(-1, 1, 1, 1)
    size = np.where(drawn.random(count) < _NOISY, drawn.uniform(0, _NOISE, count), 0.0) * (high - low)
    noise = drawn.standard_normal(found.shape, dtype=np.float32) * size.astype(np.float32).reshape(-1, 1, 1, 1)
    mixed: FloatArray = np.clip(share * found + (1 - share) * others + noise, low, high).astype(np.float32)
    return mixed


def _near_boundaries(found: Surrogate, images: FloatArray, labels: IntArray, seed: int) -> FloatArray:
    """Images moved to where the surrogate would err, more or less: half of them all over, half in a few values."""
    drawn, (low, high) = generator(seed, "surrogate/near"), found.plan.box
    rows = drawn.choice(len(images), min(_NEARER, len(images)), replace=False)
    start, labels = images[rows], labels[rows]
    reach = (drawn.uniform(*_NEAR, len(rows)) * (high - low)).astype(np.float32).reshape(-1, 1, 1, 1)
    x, nowhere = start, np.full(len(rows), -1)
    for _ in range(_STEPS):
        x = x + reach / _STEPS * np.sign(found.uphill(x, labels, nowhere, sharp=True))
        x = np.clip(x, low, high).astype(np.float32)
    few = np.arange(len(rows)) % 2 == 1
    slope = found.uphill(start[few], labels[few], nowhere[few], sharp=True)
    jump = np.where(drawn.random(slope.shape[:1]) < 0.5, 0.55, 1.0).reshape(-1, 1, 1, 1) * (high - low)
    jumped = np.clip(start[few] + np.sign(slope) * jump, low, high)
    # Those that pull most, and of twice as many as are moved a half by chance, so that it learns which it is.
    pull = (np.abs(slope) * np.abs(jumped - start[few])).reshape(len(slope), -1)
    count = drawn.integers(1, max(2, min(_FEW, pull.shape[1])), len(slope))
    rank = np.argsort(np.argsort(-pull, axis=1, kind="stable"), axis=1)
    moved = (rank < 2 * count[:, None]) & (drawn.random(pull.shape) < 0.5)
    x[few] = np.where(moved.reshape(slope.shape), jumped, start[few])
    return x
