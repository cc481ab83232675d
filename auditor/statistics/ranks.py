"""Limits of how often a value of one sample lies above one of another, whatever their distributions: of an AUROC.

The estimate is a mean over all pairs, which aren't independent. But it is also the mean of many means of min(m, n)
pairs that are (every way to give each value a partner of its own), so that its moment generating function is no larger
than theirs, and Chernoff's bound holds as for that many independent values in [0, 1]: Hoeffding, Probability
Inequalities for Sums of Bounded Random Variables, Journal of the American Statistical Association 1963, section 5.
DeLong's interval (1988) is shorter, asymptotic, and empty where all pairs agree.
"""

import math

_LEAST = 1e-300


def rank_limits(value: float, n: int, tail: float) -> tuple[float, float]:
    """Limits, each missed with probability `tail` at most, from the estimate and the size n of the smaller sample."""
    return _lower(value, n, tail), 1 - _lower(1 - value, n, tail)


def _lower(value: float, n: int, tail: float) -> float:
    """The least truth at which an estimate as high as this isn't rarer than `tail`, by Chernoff's bound."""
    from scipy.optimize import brentq

    room = math.log(1 / tail) / n
    if value <= 0 or _divergence(value, _LEAST) <= room:
        return 0.0
    return float(brentq(lambda truth: _divergence(value, truth) - room, _LEAST, value, xtol=1e-12))


def _divergence(value: float, truth: float) -> float:
    """Kullback and Leibler's, of one coin from another."""
    from scipy.special import rel_entr

    return float(rel_entr(value, truth) + rel_entr(1 - value, 1 - truth))
