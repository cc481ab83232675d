"""Limits of a median: order statistics (Conover, Practical Nonparametric Statistics, 1999). Values may be infinite."""

import numpy as np
from numpy.typing import NDArray


def median_limits(values: NDArray[np.floating], low: float, high: float, tail: float) -> tuple[float, float]:
    """Limits of the median of the variable that values (n,) are draws of, each missed with probability `tail` at most.

    Where no value is sure enough, the end is that of the variable itself.
    """
    place = sure_rank(len(values), tail)
    if place == 0:
        return low, high
    ordered = np.sort(values)
    return float(ordered[place - 1]), float(ordered[-place])


def sure_rank(n: int, tail: float) -> int:
    """The greatest k of which the k-th smallest of n values lies above the median with probability `tail` at most.

    0 where not even the smallest does so seldom.
    """
    from scipy.special import bdtr

    return int(np.searchsorted(bdtr(np.arange(n // 2 + 1), n, 0.5), tail, side="right"))
