"""Few pixels, by decisions alone: changed until the model errs, and taken back as long as it does.

What the attack `pointwise` takes back of salt and pepper is here taken back of what a surrogate thinks matters most. No
score of the model is asked.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auditor.attacks.pointwise import answered, walk, without
from auditor.compute import tensorflow
from auditor.measuring.once import once
from auditor.measuring.surrogate import Surrogate, asked
from auditor.search import Job, Norm
from auditor.values import Classifier, Context, FloatArray, Passes

_MOST = 100  # pixels
_TAKEN_BACK = 30  # questions: some four rounds, from halves to sixteenths
_SOURCES, _HALVINGS = 20, 6
_PAST = 0.02  # of the box's width, beyond where a pixel begins to count
_SETTLED = 0.9  # of the box's width: what counts in full only further than that from the other end has no level
_NEAREST = 0.03  # of the box's width: moves below that are no cheaper
Breaks = Callable[[FloatArray, NDArray[np.int64]], NDArray[np.bool_]]


def pointwise(context: Context, surrogate: Surrogate, job: Job, norm: Norm, breaks: Breaks) -> tuple[FloatArray, int]:
    """Images (N, H, W, C) that break with few pixels changed, or the originals; and how many questions that took.

    For L0 pixels go to the ends of the box. For L1 and L2 they go no further than they need to count as dark or bright,
    where the model has such levels; where it has none, few pixels cost too much, and nothing is tried. breaks: which
    images (n, H, W, C), made of those of the job at some positions (n,), break the model.
    """
    levels = surrogate.plan.box if norm == "l0" else None if norm == "linf" else saturating(context, surrogate)
    if levels is None:
        return job.images, 0
    made, _, questions = _few(surrogate, job, levels, breaks)
    return made, questions


def cost_pointwise(norm: Norm, images: int) -> Passes:
    """What `pointwise` takes of a model at most, of so many images."""
    if norm == "linf":
        return Passes()
    each = len(_additions()) + _TAKEN_BACK
    levels = 0 if norm == "l0" else _SOURCES * (each + 2 * _HALVINGS)
    return Passes(predictions=levels + images * each)


def saturating(context: Context, surrogate: Surrogate) -> tuple[float, float] | None:
    """Up to where a pixel has to go to count as dark, and as bright, by a model that has such levels.

    None where that is nearly an end of the box. It is found on images that a surrogate learned from, once for all cases
    of a spec.
    """
    samples, classifier = context.whole or context.samples, context.classifier
    what = "levels", context.spec_seed
    return once(what, classifier, samples, lambda: _levels(classifier, surrogate))


def _levels(classifier: Classifier, surrogate: Surrogate) -> tuple[float, float] | None:
    (low, high), sources = surrogate.plan.box, surrogate.sources[:_SOURCES]
    said = asked(classifier, sources)
    rows, nowhere = np.arange(len(sources)), np.full(len(sources), -1)
    logits = np.zeros((len(sources), classifier.class_count), np.float32)

    def breaks(made: FloatArray, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        hit: NDArray[np.bool_] = asked(classifier, made) != said[at]
        return hit

    job = Job(sources, said, nowhere, np.full(len(sources), np.inf), rows, logits)
    made, at, _ = _few(surrogate, job, (low, high), breaks)
    origin, made = sources[at], made[at]
    found = []
    for start, end in ((low, high), (high, low)):
        moved = (made == np.float32(end)) & (made != origin)
        least, enough = np.zeros(len(at)), np.ones(len(at))
        for _ in range(_HALVINGS if len(at) else 0):
            middle = (least + enough) / 2
            level = (start + middle * (end - start)).astype(np.float32).reshape(-1, 1, 1, 1)
            tried = np.where(moved, np.maximum(origin, level) if end > start else np.minimum(origin, level), made)
            hit = breaks(tried, at)
            made = np.where(hit.reshape(-1, 1, 1, 1), tried, made)
            least, enough = np.where(hit, least, middle), np.where(hit, middle, enough)
        there = moved.any(axis=(1, 2, 3))
        found.append(float(np.median(enough[there])) if there.any() else 1.0)
    if min(found) > _SETTLED:
        return None
    bright, dark = (min(share + _PAST, 1.0) * (high - low) for share in found)
    return high - dark, low + bright


def _few(
    surrogate: Surrogate, job: Job, levels: tuple[float, float], breaks: Breaks
) -> tuple[FloatArray, NDArray[np.int64], int]:
    """Images (N, H, W, C) with few pixels moved to a dark or a bright level; which of them broke (n,); questions."""
    made, at, questions = _changed(surrogate, job, levels, breaks)
    tf = tensorflow()
    origin = tf.constant(job.images[at])
    now = walk(tf.constant(made[at]), origin)
    for _ in range(_TAKEN_BACK):
        going = np.flatnonzero(now.pull.numpy() == 1)
        if not going.size:
            break
        tried, hit = without(now, origin), np.zeros(len(at), np.bool_)
        hit[going] = breaks(tried.numpy()[going], at[going])
        now = answered(now, tried, tf.constant(hit), origin)
        questions += len(going)
    made[at] = now.best.numpy()
    return made, at, questions


def _changed(
    surrogate: Surrogate, job: Job, levels: tuple[float, float], breaks: Breaks
) -> tuple[FloatArray, NDArray[np.int64], int]:
    """Move more and more pixels, those first that a surrogate says gain most for their way, until the model errs."""
    dark, bright = (np.float32(level) for level in levels)
    (low, high), ends = surrogate.plan.box, levels == surrogate.plan.box
    nearest = np.float32(_NEAREST * (high - low))
    x, found, broken = job.images, job.images.copy(), np.zeros(len(job.images), np.bool_)
    moved, questions = np.zeros((len(x), x[0].size), np.bool_), 0
    for more in _additions():
        slope = surrogate.uphill(x, job.labels, job.targets, sharp=True)
        to = np.where(slope > 0, np.maximum(job.images, bright), np.minimum(job.images, dark))
        way = np.abs(to - job.images)
        # A pixel that goes to the box's end costs one, and gains by its way; one that crosses a level costs its way.
        worth = np.abs(slope) * (way if ends else 1 / np.maximum(way, nearest))
        gain = np.where(surrogate.varying & (way > nearest / 3), worth, 0)
        gain = np.where(moved, 0, gain.reshape(moved.shape))
        rank = np.argsort(np.argsort(-gain, axis=1, kind="stable"), axis=1)
        chosen = (rank < more) & (gain > 0)
        moved |= chosen
        x = np.where(chosen.reshape(x.shape), to, x).astype(np.float32)
        left = np.flatnonzero(~broken)
        hit = left[breaks(x[left], left)]
        questions += len(left)
        found[hit], broken[hit] = x[hit], True
        if broken.all():
            break
    return found, np.flatnonzero(broken), questions


def _additions() -> list[int]:
    """How many pixels are added each time: half as many as there are."""
    found: list[int] = []
    while sum(found) < _MOST:
        found.append(max(1, sum(found) // 2))
    return found
