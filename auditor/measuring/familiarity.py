"""How familiar a classifier's answers say that images are, and how well that tells what it is for from other images.

Scores are high where an image looks like what the classifier is for. What is counted of two samples of them, those
inside and those outside, needs no threshold chosen by hand.
"""

import math
from typing import Literal, get_args

import numpy as np

from auditor.measuring.resampling import resampled, spread
from auditor.values import FloatArray, IntArray, Output, probabilities

Score = Literal["max_probability", "max_logit", "energy", "entropy"]
SCORES: tuple[Score, ...] = get_args(Score)
ACCEPTED = 0.95
"""The share of images inside that a threshold is to let pass."""

_RESAMPLES = 200


def familiar(logits: FloatArray, output: Output) -> dict[Score, FloatArray]:
    """Scores (N,) of logits (N, K), by their names; raise CheckError for an output that tells no probabilities.

    The greatest probability (Hendrycks and Gimpel, ICLR 2017), the greatest logit (Hendrycks et al., ICML 2022), minus
    the energy (Liu et al., NeurIPS 2020; of sigmoids, the sum over classes: Wang et al., NeurIPS 2021), and minus the
    entropy in nats. Of logits that are logarithms of probabilities the sum is 1 whatever the image shows, so that they
    have no energy, and the greatest says what the greatest probability says: those two are left out.
    """
    import scipy.special

    wide = np.asarray(logits, np.float64)
    told = probabilities(wide, output)
    found: dict[Score, FloatArray] = {"max_probability": told.max(axis=1)}
    if output == "sigmoid":
        energy = np.logaddexp(0, wide).sum(axis=1)
        entropy = scipy.special.entr(told).sum(axis=1) + scipy.special.entr(1 - told).sum(axis=1)
    else:
        energy = scipy.special.logsumexp(wide, axis=1)
        entropy = scipy.special.entr(told).sum(axis=1)
    if np.abs(energy).max(initial=0) > _NO_ENERGY:
        found |= {"max_logit": wide.max(axis=1), "energy": energy}
    found["entropy"] = -entropy
    return found


_NO_ENERGY = 1e-4  # what rounding leaves of the logarithm of 1


def threshold(inside: FloatArray) -> float:
    """The highest score at which at least 95% of those inside (n,) are let pass."""
    return float(np.sort(inside)[::-1][math.ceil(ACCEPTED * len(inside) - 1e-9) - 1])


def average_precision(positive: FloatArray, negative: FloatArray) -> float:
    """The mean precision over the recalls that a falling threshold goes through, as scikit-learn counts it."""
    at = np.unique(positive)[::-1]
    true, false = (len(s) - np.searchsorted(np.sort(s), at, side="left") for s in (positive, negative))
    return float((np.diff(true, prepend=0) / len(positive)) @ (true / (true + false)))


def passed(scores: FloatArray, at: FloatArray) -> FloatArray:
    """The share of scores (n,) that reach each threshold (T,)."""
    return 1 - np.searchsorted(np.sort(scores), at, side="left") / len(scores)


def bootstrap(
    inside: FloatArray,
    outside: FloatArray,
    clusters: tuple[IntArray | None, IntArray | None],
    rng: np.random.Generator,
) -> tuple[str, str]:
    """Percentile intervals, 95%, of both average precisions, in words: `inside` and `outside` as what is to be found.

    Each sample is drawn anew by itself; clusters: of both, which of their images belong together, as metrics have them.
    They describe: no limit of an average precision keeps its level for every distribution.
    """
    found: list[float] = []
    noticed: list[float] = []
    of_both = [
        resampled(len(scores), belonging, rng, _RESAMPLES)
        for scores, belonging in zip((inside, outside), clusters, strict=True)
    ]
    for near, far in zip(*of_both, strict=False):  # of one whose clusters aren't known nothing is drawn
        found.append(average_precision(inside[near], outside[far]))
        noticed.append(average_precision(-outside[far], -inside[near]))
    return spread(found), spread(noticed)
