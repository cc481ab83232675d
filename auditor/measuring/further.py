"""Tell-tale tests of images that are taken further: were they good, does a model notice what they are, or know them?"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.memory import SHIFTED, clearly_worse, shiftable, shifted
from auditor.measuring.surrogate import asked, varying
from auditor.measuring.telltales import FEW, Doubts
from auditor.telling.numbers import percent
from auditor.values import Context, Diagnostic, FloatArray, IntArray

_LEVELS = 255
_LEAST = 3  # images; fewer are no sign


def taken_further(doubts: Mapping[str, Sequence[str]], deflates: tuple[str, ...]) -> Diagnostic:
    """Whether what is taken further was made by attacks to be believed. doubts: by case, the tests that failed."""
    failed = {case: names for case, names in doubts.items() if names}
    told = "; ".join(f"the attack of {case!r} is doubted by {', '.join(names)}" for case, names in failed.items())
    message = told or "no test doubts the attacks that made the images"
    return Doubts((), deflates).about("images taken further", not failed, message, "better ones may go further")


def noticed(
    context: Context,
    models: Sequence[str],
    images: FloatArray,
    originals: FloatArray,
    targets: IntArray,
    reached: NDArray[np.bool_],
    deflates: tuple[str, ...],
) -> Diagnostic:
    """Whether images, with what shows that they were tampered with taken back, go much further than as they are.

    images, originals: (N, H, W, C) with targets (N,); reached: (models, N), which of them each calls the target. Where
    images of the data are all alike they are set back to their originals, and in steps of a 255th of the box.
    """
    low, high = context.samples.box
    levels = _LEVELS / (high - low)
    calm = np.where(varying(context.samples), images, originals)
    whole = (low + np.round((calm - low) * levels) / levels).astype(np.float32)
    worst, which = 0, ""
    for name, there in zip(models, reached, strict=True) if len(images) else ():
        for changed in (calm, whole):
            more = int((asked(context.model(name), changed) == targets).sum() - there.sum())
            worst, which = (more, name) if more > worst else (worst, which)
    message = f"with changes taken back where all images of the data are alike, {worst} of {len(images)} images more"
    message += f" reach their target on {which!r}" if which else " reach their target"
    doubted = worst >= _LEAST and worst > FEW * len(images)
    return Doubts((), deflates).about("unnoticed", not doubted, message, "the model looks at how an image was made")


def known(
    context: Context,
    models: Sequence[str],
    images: FloatArray,
    originals: FloatArray,
    labels: IntArray,
    wrong: NDArray[np.bool_],
    deflates: tuple[str, ...],
) -> tuple[Diagnostic, ...]:
    """Whether a model errs on images far more often when these are moved by a pixel: then it may know the others.

    images, originals: (N, H, W, C) with labels (N,); wrong: (models, N), on which of the images each errs. Images whose
    originals a model errs on once moved don't count. Nothing where images are so small that a pixel is a large part.
    """
    if not len(images) or not shiftable(images):
        return ()
    # In one direction each, an image as its original.
    moved, plain = shifted(images, context.spec_seed), shifted(originals, context.spec_seed)
    told = [f"of {len(images)} images moved by a pixel, no model errs on far more than before"]
    doubted = False
    for name, before in zip(models, wrong, strict=True):
        right = asked(context.model(name), plain) == labels
        after = asked(context.model(name), moved) != labels
        if clearly_worse(before[right], after[right], paired=True):
            doubted = True
            told = [f"{name!r} errs on {percent(before[right].mean())} of {right.sum()} images"]
            told += [f"and moved by a pixel, on {percent(after[right].mean())}"]
    advice = "it may know the images that these were made of"
    return (Doubts((), deflates).about(SHIFTED, not doubted, ", ".join(told), advice),)
