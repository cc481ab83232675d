"""Tell-tale tests of pushes to a target: can a low rate be believed?"""

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.rivals import cost_pushed, pushed
from auditor.measuring.telltales import FEW, Doubts
from auditor.search import Pace, TargetObjective
from auditor.telling.numbers import percent
from auditor.values import Context, Diagnostic, FloatArray, IntArray, Passes, probabilities

_LOOKED = 200


def stalled(short: NDArray[np.bool_], objective: TargetObjective, deflates: tuple[str, ...]) -> Diagnostic:
    """Whether an ascent failed for want of a gradient. short: (N,), which images failed where theirs had vanished."""
    share = float(short.mean())
    message = f"{percent(share)} of the images fell short of the goal with no gradient to follow"
    advice = "let the `objective` be `log_probability` or `logit`, which don't saturate as `probability` does"
    if objective != "probability":
        advice = "it is masked; attack without gradients too, by `robust_accuracy` with `square`"
    return Doubts((), deflates).about("gradients", share <= FEW, message, advice)


def misled(
    context: Context,
    images: FloatArray,
    targets: IntArray,
    pace: Pace,
    box: tuple[float, float] | None,
    deflates: tuple[str, ...],
    least: float = 0.0,
) -> tuple[Diagnostic, ...]:
    """Whether a surrogate, that knows the answers alone, pushes images to where the model itself couldn't.

    images: (N, H, W, C), of those that missed their targets (N,), as they were to begin with. pace, box: as for the
    push. least: the probability from which an image counts; more than the model usually has isn't asked for, and that
    it hardly ever has so much is a finding of its own.
    """
    doubts, found = Doubts((), deflates), []
    if least:
        usual = _certainties(context)
        sure = float((usual >= least).mean())
        message = f"{percent(sure)} of {len(usual)} images of the data get their class with probability ≥ {least:g}"
        advice = "what the model never says can't be reached; ask for less in `min_confidence`"
        found.append(doubts.about("certainty", sure > FEW, message, advice))
        least = min(least, float(np.median(usual)))
    share, count = 0.0, len(images)
    if count:
        made = pushed(context, images, targets, pace.steps, pace.step_size, box)
        said = probabilities(context.classifier.predict(made), context.classifier.output)
        each = np.arange(count)
        there = (said.argmax(axis=1) == targets) & (said[each, targets] >= least)
        share = float(there.mean()) if there.sum() > 1 else 0.0
    told = f"pushes {percent(share)} of {count} images there that missed"
    message = f"a surrogate, trained on the model's answers alone, {told}"
    advice = "gradients or scores lead the push astray; what counts is what the model decides"
    return *found, doubts.about("surrogate", share <= FEW, message, advice)


def cost_misled(images: int, attacked: int) -> Passes:
    """What `misled` takes at most, of so many images in the data, where so many were pushed."""
    return cost_pushed(images, attacked) + Passes(predictions=min(images, _LOOKED))


def _certainties(context: Context) -> FloatArray:
    """How probable the class is that the model gives to images of the data, (n,)."""
    images = context.samples.images[context.sample(_LOOKED)]
    certain: FloatArray = probabilities(context.classifier.predict(images), context.classifier.output).max(axis=1)
    return certain
