"""Does a model answer an image in the same way whenever and however it is asked?

A random one doesn't, nor one that keeps state, whose batch normalisation was left in training mode, or that was
exported so that it is right for batches of one size alone. Nothing measured on such a model can be believed.
"""

import sys

import numpy as np

from auditor.classifiers import traced
from auditor.compute import generator
from auditor.search import block_size
from auditor.telling.numbers import number
from auditor.values import (
    Classifier,
    Diagnostic,
    FloatArray,
    Passes,
    comparable,
    decisive_range,
    normalised,
    within_reach,
)

NAME = "steady predictions"
SHOWN = 255  # images at most, in one batch
_MOST = 48  # of them asked more than once; of large ones, as many as make a block
_SINGLE, _PAIR = 1, 2
# Beside these, of which sizes a batch is drawn: whoever knows them all can be right at just those. From the last, as
# many as an attack moves together.
_DRAWN = ((3, 15), (16, 63), (64, SHOWN))
_AGAIN = 1e-4  # of the range of logits: the same question
_OTHERWISE = 1e-2  # the same in a batch of another shape, where half precision rounds otherwise
_ROUNDING = 2.0**-22  # two units of float32's last place: where all answers are equal, that isn't little beside them
_TINY = 1e-30


def first_answers(classifier: Classifier, images: FloatArray) -> FloatArray:
    """Logits (n, K) of the first few of images (N, H, W, C), to be held against what the model says of them later."""
    return classifier.predict(images[: _looked(images.shape[1:])])


def steady(
    classifier: Classifier, images: FloatArray, called: str = "", seed: int = 0, first: FloatArray | None = None
) -> Diagnostic:
    """Whether images (N, H, W, C) get the same logits twice, in any company, and in batches of any size.

    called: the model's name, where there are several. seed: what sizes are drawn by. first: `first_answers`, from
    before the model was measured, or attacked; asked now if left out.
    """
    first = first_answers(classifier, images) if first is None else first
    return moved(classifier, images, first, called) or alike_in_batches(classifier, images, first, called, seed)


def moved(classifier: Classifier, images: FloatArray, first: FloatArray, called: str = "") -> Diagnostic | None:
    """What to say where the first of images (N, H, W, C) get other logits now than at `first` (n, K), or nothing."""
    twice = _apart(classifier.predict(images[: len(first)]), first, max(decisive_range(first), _TINY))
    if twice <= _AGAIN:
        return None
    told = f"of {called!r} " if called else ""
    message = f"the same images got other logits {told}the second time (by {number(twice)} of their range)"
    return Diagnostic(NAME, False, f"{message}: the model is random or keeps state; fix it before you measure it")


def alike_in_batches(
    classifier: Classifier, images: FloatArray, first: FloatArray, called: str = "", seed: int = 0
) -> Diagnostic:
    """Whether the first of images (N, H, W, C) get the logits `first` (n, K) in any company and in batches of any size;
    the rest as for `steady`.
    """
    few, scale = images[: len(first)], max(decisive_range(first), _TINY)
    # Half of them, from the end: other neighbours, another first image, other statistics of the batch.
    company = classifier.predict(few[::-2])
    told = f"of {called!r} " if called else ""

    def failed(message: str) -> Diagnostic:
        return Diagnostic(NAME, False, message)

    ways = "is a batch normalisation left in training mode, or was it exported for one batch size?"
    sizes = _sizes(len(images), images.shape[1:], seed)
    for size in sizes:
        found = _differing(classifier, images[:size], first[:size], scale)
        if found:
            message = f"answers {told}depend on the rest of the batch: in one of {size} an image gets other {found}"
            return failed(f"{message} than in a full one; {ways} What is deployed may not be what is measured here")
    apart = _apart(company, first[::-2], scale)
    if apart > _AGAIN:
        return failed(f"logits {told}depend on the rest of the batch (by {number(apart)} of their range); {ways}")
    listed = ", ".join(map(str, sizes))
    return Diagnostic(NAME, True, f"the same images get the same logits, twice, in any company, in batches of {listed}")


def _differing(classifier: Classifier, images: FloatArray, logits: FloatArray, scale: float) -> str:
    """What differs of the first images in a batch of all (N, H, W, C), with how much, or nothing."""
    output, few = classifier.output, len(logits)
    own = normalised(classifier.answers(images, batch=len(images)), output)[:few]
    unit = 1.0 if output in ("probabilities", "sigmoid") else scale
    answers = _apart(own, comparable(logits, output), unit)
    if answers > _OTHERWISE:
        return f"answers (by {number(answers)} of their range)"
    # `forward` takes tensors: where TensorFlow was never imported, nobody has asked it.
    if "tensorflow" in sys.modules:
        # Compiled: eagerly, a model keeps what all of its layers gave.
        asked = _apart(np.asarray(traced(classifier)(images))[:few], logits, scale)
        if asked > _OTHERWISE:
            return f"logits (by {number(asked)} of their range)"
    return ""


def _apart(one: FloatArray, other: FloatArray, scale: float) -> float:
    """The greatest difference of logits (N, K) in units of `scale`, beyond what rounding makes of numbers of their
    size; of classes out of reach none counts.
    """
    said = within_reach(other, scale)
    beyond = np.abs(within_reach(one, scale) - said) - _ROUNDING * np.abs(said)
    return max(0.0, float(beyond.max())) / scale


def _sizes(images: int, shape: tuple[int, ...], seed: int) -> tuple[int, ...]:
    """The sizes of batches to ask in: one image, two, an odd number, and some more, as many as there are."""
    random, most = generator(seed, "batch sizes"), min(images, block_size(int(np.prod(shape))))
    drawn = [int(random.integers(low, min(high, most), endpoint=True)) for low, high in _DRAWN if low <= most]
    odd = [size | 1 for size in drawn[:1] if size | 1 <= most]
    return tuple(size for size in dict.fromkeys((_SINGLE, _PAIR, *odd, *drawn[1:])) if size <= images)


def _looked(shape: tuple[int, ...]) -> int:
    return min(_MOST, block_size(int(np.prod(shape))))


def cost_steady(images: int) -> Passes:
    """What `steady` takes of a model that is shown so many images, one predicted before it is measured included."""
    few = min(images, _MOST)
    sizes = (_SINGLE, _PAIR, *(min(high, images) for low, high in _DRAWN if low <= images))
    return Passes(predictions=2 * few + -(-few // 2) + 2 * sum(min(images, size) for size in sizes), traces=1)
