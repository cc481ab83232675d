"""Does a model answer an image in the same way whenever and however it is asked?

A random one doesn't, nor one that keeps state, whose batch normalisation was left in training mode, or that was
exported so that it is right for batches of one size alone. Nothing measured on such a model can be believed.
"""

import sys

import numpy as np

from auditor.classifiers import traced
from auditor.search import block_size
from auditor.values import Classifier, Diagnostic, FloatArray, Passes, comparable, normalised

NAME = "steady predictions"
_MOST = 48  # images; of large ones, as many as make a block
_SIZES = (1, 2, 7)  # of batches, beside the full ones that `predict` asks in
_AGAIN = 1e-4  # of the range of logits: the same question
_OTHERWISE = 1e-2  # the same in a batch of another shape, where half precision rounds otherwise


def steady(classifier: Classifier, images: FloatArray, called: str = "") -> Diagnostic:
    """Whether images (N, H, W, C) get the same logits twice, in any company, and in batches of any size.

    called: the model's name, where there are several.
    """
    images = images[: _looked(images.shape[1:])]
    first, again = classifier.predict(images), classifier.predict(images)
    # Half of them, from the end: other neighbours, another first image, other statistics of the batch.
    few = images[::-2]
    company = classifier.predict(few)
    scale = max(float(np.ptp(first)), 1e-12)
    told = f"of {called!r} " if called else ""

    def failed(message: str) -> Diagnostic:
        return Diagnostic(NAME, False, message)

    twice = float(np.abs(again - first).max()) / scale
    if twice > _AGAIN:
        message = f"the same images got other logits {told}the second time (by {twice:.2g} of their range)"
        return failed(f"{message}: the model is random or keeps state; fix it before you measure it")
    ways = "is a batch normalisation left in training mode, or was it exported for one batch size?"
    for size in _SIZES:
        part = images[:size]
        found = _differing(classifier, part, first[: len(part)], size, scale)
        if found:
            message = f"answers {told}depend on the rest of the batch: in one of {size} an image gets other {found}"
            return failed(f"{message} than in a full one; {ways} What is deployed may not be what is measured here")
    apart = float(np.abs(company - first[::-2]).max()) / scale
    if apart > _AGAIN:
        return failed(f"logits {told}depend on the rest of the batch (by {apart:.2g} of their range); {ways}")
    sizes = ", ".join(map(str, _SIZES))
    return Diagnostic(NAME, True, f"the same images get the same logits, twice, in any company, in batches of {sizes}")


def _differing(classifier: Classifier, images: FloatArray, logits: FloatArray, size: int, scale: float) -> str:
    """What differs in a batch of this size, with how much, or nothing."""
    output = classifier.output
    own, said = normalised(classifier.answers(images, batch=size), output), comparable(logits, output)
    unit = 1.0 if output in ("probabilities", "sigmoid") else scale
    answers = float(np.abs(own - said).max()) / unit
    if answers > _OTHERWISE:
        return f"answers (by {answers:.2g} of their range)"
    # `forward` takes tensors: where TensorFlow was never imported, nobody has asked it.
    if "tensorflow" in sys.modules:
        # Compiled: eagerly, a model keeps what all of its layers gave.
        asked = float(np.abs(np.asarray(traced(classifier)(images)) - logits).max()) / scale
        if asked > _OTHERWISE:
            return f"logits (by {asked:.2g} of their range)"
    return ""


def _looked(shape: tuple[int, ...]) -> int:
    return min(_MOST, block_size(int(np.prod(shape))))


def cost_steady(images: int) -> Passes:
    """What `steady` takes of a model that is shown so many images."""
    few = min(images, _MOST)
    return Passes(predictions=2 * few + -(-few // 2) + 2 * sum(min(few, size) for size in _SIZES), traces=1)
