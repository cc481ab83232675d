"""Limits of the average distance of bins from 0, such as the expected calibration error, whatever the distribution.

The estimate is the norm of a mean of independent vectors: each has one sample's value at its bin's place, and the norm
adds absolute values. The norm of the expected mean is what is asked for; the estimate's expectation is no smaller
(Jensen), so it is too high on average, by no more than sqrt(V) sqrt(bins / n), where V is the mean of the squared
values. How far the estimate strays from its expectation is a martingale whose steps vary by V at most (Yurinskii,
Exponential inequalities for sums of random vectors, Journal of Multivariate Analysis 1976; Ledoux and Talagrand,
Probability in Banach Spaces, 1991, Lemma 6.16), so that Freedman's inequality (On tail probabilities for martingales,
Annals of Probability 1975) bounds it. V isn't known either: it is a mean of values within [0, 1], and has a limit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from auditor.statistics.means import mean_limits


def binned_limits(
    value: float, values: NDArray[np.floating], bins: int, tail: float, copies: float = 1.0
) -> tuple[float, float]:
    """Limits, each missed with probability `tail` at most, from the estimate and the values (n,) in [-1, 1] it is of.

    copies: count every value so many times, as a forecast of more samples.
    """
    n = values.size * copies
    _, variance = mean_limits(np.square(np.asarray(values, np.float64)), 0.0, 1.0, tail / 2, copies)
    strays = _stray(n, variance, math.log(2 / tail))
    bias = math.sqrt(variance * bins / n)
    return max(0.0, value - bias - strays), min(1.0, value + strays)


def _stray(n: float, variance: float, log_risk: float) -> float:
    """How far the estimate may lie from its expectation: where exp(-n t² / 2 (V + M t / 3)) is the risk.

    A step is at most one value, 1, and the mean of such, of which the square is at most V.
    """
    most = 1 + math.sqrt(variance)
    linear = 2 * most * log_risk / 3
    return (linear + math.sqrt(linear**2 + 8 * n * variance * log_risk)) / (2 * n)
