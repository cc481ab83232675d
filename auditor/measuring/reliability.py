"""How well probabilities keep their word: bins, what is counted in them, and the temperature that sets them right.

A sample's confidence is the probability of the class that was chosen; `right` is 1 where that is the true one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditor.measuring.resampling import resampled, spread
from auditor.values import FloatArray, IntArray, Output, probabilities

Statistic = Callable[[FloatArray, FloatArray], float]

_RESAMPLES = 1000
_LEAST_LOG, _MOST_LOG = -4.0, 6.0  # temperatures from 0.02 to 400
_NOTHING = 1e-12


@dataclass(frozen=True)
class Binned:
    """What lies in each bin that has samples: shares of all, mean confidence, share right; each (B,)."""

    counts: IntArray
    confidence: FloatArray
    right: FloatArray


def equal_width(confidence: FloatArray, bins: int) -> IntArray:
    """The bin (n,) of each confidence in [0, 1]: `bins` of the same width, of which the last holds 1 too."""
    return np.minimum((np.asarray(confidence, np.float64) * bins).astype(np.int64), bins - 1)


def equal_mass(confidence: FloatArray, bins: int) -> IntArray:
    """The bin (n,) of each confidence: `bins` of as many samples, less where several have one confidence."""
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, confidence, side="right")


def in_bins(confidence: FloatArray, right: FloatArray, bin_of: IntArray) -> Binned:
    """Count the bins that have samples."""
    counts = np.bincount(bin_of)
    there = counts > 0
    sums = (np.bincount(bin_of, weights)[there] / counts[there] for weights in (confidence, right))
    return Binned(counts[there], *sums)


def expected_error(binned: Binned) -> float:
    """The expected calibration error: the mean of |confidence - accuracy| of bins, weighted by their samples.

    Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.
    """
    return float(np.average(np.abs(binned.confidence - binned.right), weights=binned.counts))


def largest_error(binned: Binned) -> float:
    """The maximum calibration error: that of the worst bin (Naeini et al., 2015)."""
    return float(np.abs(binned.confidence - binned.right).max())


def debiased_squared_error(binned: Binned) -> float:
    """The mean squared calibration error of bins, less what chance adds to it on average; it may come out below 0.

    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019. Bins of one sample say nothing and are left
    out.
    """
    counts, right = binned.counts.astype(np.float64), binned.right
    several = counts > 1
    if not several.any():
        return float("nan")
    chance = right * (1 - right) / np.maximum(counts - 1, 1)
    squared = (binned.confidence - right) ** 2 - chance
    return float(np.average(squared[several], weights=counts[several]))


def decomposition(binned: Binned, right: FloatArray) -> tuple[float, float, float]:
    """Reliability, resolution and uncertainty of being right (Murphy, A New Vector Partition, 1973), by bins.

    The first less the second plus the third is the mean of (confidence - right)² where all confidences of a bin are
    alike.
    """
    base = float(right.mean())
    reliability = float(np.average((binned.confidence - binned.right) ** 2, weights=binned.counts))
    resolution = float(np.average((binned.right - base) ** 2, weights=binned.counts))
    return reliability, resolution, base * (1 - base)


def bootstrap(
    statistic: Statistic,
    confidence: FloatArray,
    right: FloatArray,
    clusters: IntArray | None,
    rng: np.random.Generator,
) -> str:
    """Percentile bootstrap interval, 95%, of a statistic of (confidence, right), each (n,), in words.

    clusters: (n,) which samples belong together, as a metric has them.
    """
    chosen = resampled(len(confidence), clusters, rng, _RESAMPLES)
    return spread([statistic(confidence[at], right[at]) for at in chosen])


def consistency(
    confidence: FloatArray, bin_of: IntArray, clusters: IntArray | None, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray] | None:
    """Where the share right in each bin with samples lies in 95% of audits of a model that keeps its word: two of (B,).

    Bröcker and Smith, Increasing the Reliability of Reliability Diagrams, Weather and Forecasting 2007: whether each
    sample is right is drawn anew with its confidence as the probability. clusters: (n,) which samples belong together,
    as a metric has them: those of one are then drawn at once, right together as far as their confidences let them; None
    is given where it isn't known which do.
    """
    place = np.arange(len(confidence)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    if place.size != len(confidence):
        return None
    counts = np.bincount(bin_of)
    there = counts > 0
    shares = []
    for _ in range(_RESAMPLES):
        drawn = rng.random(place.max() + 1)[place] < confidence
        shares.append(np.bincount(bin_of, drawn, len(counts))[there] / counts[there])
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    return low, high


# --- proper scores


def brier(told: FloatArray, labels: IntArray) -> FloatArray:
    """The Brier score of each sample (n,), over all classes of (n, K): the sum of (probability - truth)².

    Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 1950.
    """
    truth = np.eye(told.shape[1])[labels]
    found: FloatArray = ((told - truth) ** 2).sum(axis=1)
    return found


def negative_log_likelihood(logits: FloatArray, labels: IntArray, output: Output) -> FloatArray:
    """Minus the logarithm of the true class's probability, (n,); of sigmoids, of every class's answer together."""
    wide = np.asarray(logits, np.float64)
    rows = np.arange(len(labels))
    if output == "sigmoid":
        signed = np.where(np.eye(wide.shape[1], dtype=bool)[labels], wide, -wide)
        each: FloatArray = np.logaddexp(0.0, -signed).sum(axis=1)
        return each
    found: FloatArray = np.logaddexp.reduce(wide, axis=1) - wide[rows, labels]
    return found


def temperature(logits: FloatArray, labels: IntArray, output: Output) -> float:
    """What logits (n, K) are to be divided by so that their likelihood is greatest.

    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017. The likelihood has one maximum
    in 1 / temperature; where every sample is right it lies at 0, and the end of the range searched is given.
    """
    from scipy.optimize import minimize_scalar

    wide = np.asarray(logits, np.float64)

    def lost(log_temperature: float) -> float:
        return float(negative_log_likelihood(wide / np.exp(log_temperature), labels, output).mean())

    # Long before the end of the range nothing is lost that a float could tell, so that a search would stop anywhere.
    if lost(_LEAST_LOG) < _NOTHING:
        return float(np.exp(_LEAST_LOG))
    return float(np.exp(minimize_scalar(lost, bounds=(_LEAST_LOG, _MOST_LOG), method="bounded").x))


def chosen(logits: FloatArray, labels: IntArray, output: Output) -> tuple[FloatArray, FloatArray]:
    """The confidence in the class that is chosen, and whether it is the true one (1 or 0): two of (n,)."""
    told = probabilities(logits, output)
    best = np.asarray(logits).argmax(axis=1)
    return told[np.arange(len(labels)), best], (best == labels).astype(np.float64)
