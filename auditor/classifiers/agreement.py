"""Is what was measured on a classifier true of its checkpoint? Logits and records beside the checkpoint's own answers.

Attacks need logits and gradients, so softmax layers are taken off and graphs frozen. What comes of that has to say what
the checkpoint itself says, by its format's own call, or nothing that is measured on it can be believed.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.values import (
    AdversarialImages,
    FloatArray,
    Output,
    comparable,
    decisive_range,
    normalised,
    precision_of,
    told_probabilities,
    within_reach,
)

# How far apart logits and own answers may be: in probability, or as a share of the range of all answers. Of answers
# in half precision their own rounding is more.
_APART = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 3e-2}
_MARGIN = 1e-5  # of a class over the others: in float32 more than rounding makes
_DECIDED = 1e-3  # of an image's own range of answers: a margin of less may be rounded away
_SURE = 1e-5  # in probability: rounding at the threshold from which an image counts as fooling
_TINY = 1e-30
_TIED = 0.05  # of images, on which rounding may decide which class leads; where it decides on more, it isn't rounding


def unlike(logits: FloatArray, answers: FloatArray, output: Output) -> str:
    """Say how logits (N, K) differ from what the checkpoint itself answers (N, K), or nothing where they don't."""
    said, own = comparable(logits, output), normalised(answers, output)
    unit = 1.0 if output in ("probabilities", "sigmoid") else max(decisive_range(own), _TINY)
    apart = np.abs(within_reach(said, unit) - within_reach(own, unit)).max(axis=1) / unit
    most = _tolerance(answers)
    rows = np.arange(len(own))
    behind = (own.max(axis=1) - own[rows, said.argmax(axis=1)]) / unit
    other = behind > (_MARGIN if most == _APART["float32"] else most)
    # Of equal classes whoever takes the greatest takes the first: logits that part them are another network's.
    first = own.argmax(axis=1) != said.argmax(axis=1)
    if first.mean() > _TIED:
        other |= first
    if not (apart > most).any() and not other.any():
        return ""
    what = "in probability" if unit == 1.0 else "of their range"
    return (
        f"of {len(own)} images, {int(other.sum())} get another class, and answers differ by up to "
        f"{float(apart.max()):.2g} {what}"
    )


def _tolerance(answers: FloatArray) -> float:
    """How far apart answers may be that were rounded as these are."""
    return _APART[precision_of(answers)]


def fools(answers: FloatArray, output: Output, made: AdversarialImages) -> NDArray[np.bool_]:
    """Which images (N,) a checkpoint's own answers (N, K) call their target, surely enough, and not their true class.

    Raises CheckError where that takes a probability and the answers are scores.
    """
    called = answers.argmax(axis=1) == made.targets
    found: NDArray[np.bool_] = called & (made.targets != made.labels)
    least = made.proof.least if made.proof else 0.0
    if least:
        sure = told_probabilities(answers, output)[np.arange(len(answers)), made.targets]
        rounding = _tolerance(answers) if precision_of(answers) != "float32" else _SURE
        found &= sure >= least - rounding
    return found


def disputed(answers: FloatArray, output: Output, made: AdversarialImages) -> NDArray[np.bool_]:
    """Images (N,) of which the record says otherwise than the checkpoint's own answers (N, K) do.

    One that is recorded as fooling has to fool. One that isn't may lie so near a boundary that rounding decides:
    attacks count none of those.
    """
    found = fools(answers, output, made)
    near = undecided(answers, made.proof.before if made.proof is not None else answers)
    if made.proof is not None and made.proof.least:
        sure = told_probabilities(answers, output)[np.arange(len(answers)), made.targets]
        near |= np.abs(sure - made.proof.least) <= _DECIDED
    differing: NDArray[np.bool_] = (made.fooled & ~found) | (~made.fooled & found & ~near)
    return differing


def undecided(answers: FloatArray, originals: FloatArray) -> NDArray[np.bool_]:
    """Images (N,) whose answers (N, K) lie so near a boundary that rounding decides which class leads.

    originals: answers or logits (M, K) on images that weren't made to lie there: what is near is told on their scale.
    """
    ordered = np.sort(answers.astype(np.float64), axis=1)
    spread = ordered[:, -1] - ordered[:, 0]
    if len(originals):
        spread = np.minimum(spread, decisive_range(originals))
    near: NDArray[np.bool_] = ordered[:, -1] - ordered[:, -2] <= _DECIDED * spread
    return near


def misread(answers: FloatArray, logits: FloatArray) -> NDArray[np.bool_]:
    """Images (N,) that logits (N, K) put into another class than the checkpoint's own answers (N, K) do."""
    rows = np.arange(len(answers))
    wide = answers.astype(np.float64)
    behind = wide.max(axis=1) - wide[rows, logits.argmax(axis=1)]
    spread = np.minimum(wide.max(axis=1) - wide.min(axis=1), decisive_range(wide))
    found: NDArray[np.bool_] = behind > _DECIDED * spread
    return found
