"""Limits of a difference of two shares over the same samples."""

import math

import numpy as np

from auditor.statistics.means import mean_limits
from auditor.statistics.shares import normal_quantile


def change_limits(fell: int, rose: int, n: int, tail: float, copies: float = 1.0) -> tuple[float, float]:
    """Limits of the share that rose less the share that fell, among n pairs, each missed with probability `tail`.

    A pair is worth -1, 0 or 1, so they are those of a bounded mean. Where all that changed changed alike they are
    Clopper and Pearson's, at the full risk; where many changed, they come close to Tango's. copies: count every pair
    so many times.
    """
    values = np.repeat([-1.0, 0.0, 1.0], [fell, n - fell - rose, rose])
    return mean_limits(values, -1.0, 1.0, tail, copies)


def tango_limits(fell: int, rose: int, n: int, tail: float) -> tuple[float, float]:
    """Score limits (Tango, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, 1998): to describe with, as they are missed more often than promised where little changed.
    """
    return -_tango_upper(rose, fell, n, tail), _tango_upper(fell, rose, n, tail)


def _tango_upper(fell: int, rose: int, n: int, tail: float) -> float:
    from scipy.optimize import brentq

    z, found = normal_quantile(tail), (rose - fell) / n

    def excess(difference: float) -> float:
        """How far the estimate lies below `difference`, were that true, past `z` standard errors."""
        linear = (2 * n + fell - rose) * difference - fell - rose
        constant = -fell * difference * (1 - difference)
        falls = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = max((2 * falls + difference * (1 - difference)) / n, 0.0)
        return difference - found - z * math.sqrt(variance)

    # Where no pair changed, or all alike, the estimate itself has no variance and solves the equation: the limit is
    # the other solution.
    return float(brentq(excess, found + 1e-9, 1.0)) if found < 1 else 1.0
