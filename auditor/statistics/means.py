"""Limits of the mean of bounded values, whatever their distribution.

Gaffke (Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative variable,
Mathematical Methods of Statistics 2005; Phan, Thomas and Learned-Miller, Towards practical mean bounds for small
samples, ICML 2021): the lower limit is a quantile of the mean of the values and the least possible one, when they are
weighted by the gaps between n ordered uniform numbers. For values that are 0 or 1 that is Clopper and Pearson's limit.
That it keeps its level for every distribution is proven for those and a conjecture for others, which nobody has
refuted; `tests/statistics` measures it.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_POINTS = 512  # beyond so many different values, they are put on a grid
_FAR = 12.0  # where the integrand is surely nothing, in the variable it is integrated over
_STEP = 0.06


def mean_limits(
    values: NDArray[np.floating], low: float, high: float, tail: float, copies: float = 1.0
) -> tuple[float, float]:
    """Limits of the mean of a variable within [low, high], each missed with probability `tail`, from values (n,).

    copies: count every value so many times, as a forecast of more samples.
    """
    inside = np.clip(np.asarray(values, dtype=np.float64), low, high)
    points, times = np.unique(inside, return_counts=True)
    counts: Floats = times.astype(np.float64) * copies
    if points.size > MOST_POINTS:
        points, counts = on_grid(inside, low, high, copies)
    lower = _lower_limit(points.tobytes(), counts.tobytes(), low, tail)
    upper = _lower_limit((-points[::-1]).tobytes(), counts[::-1].tobytes(), -high, tail)
    return min(max(lower, low), high), min(max(-upper, low), high)


def on_grid(values: Floats, low: float, high: float, copies: float) -> tuple[Floats, Floats]:
    """Split every value between its two neighbours on a grid: the mean stays, and the spread grows by next to nothing.

    More spread makes wider limits: it errs to the safe side.
    """
    place = (values - low) / (high - low) * (MOST_POINTS - 1)
    below = np.floor(place).clip(0, MOST_POINTS - 2).astype(np.int64)
    part = place - below
    counts = np.zeros(MOST_POINTS)
    np.add.at(counts, below, 1 - part)
    np.add.at(counts, below + 1, part)
    grid, kept = np.linspace(low, high, MOST_POINTS), counts > 0
    return grid[kept], counts[kept] * copies


@lru_cache(maxsize=4096)
def _lower_limit(points: bytes, counts: bytes, least: float, tail: float) -> float:
    """The `tail` quantile of the weighted mean of sorted points, given so many times, and `least`, given once."""
    from scipy.special import betaincinv

    at, weights = np.frombuffer(points), np.frombuffer(counts)
    if at[0] == least:
        weights = np.concatenate([[weights[0] + 1], weights[1:]])
    else:
        at, weights = np.concatenate([[least], at]), np.concatenate([[1.0], weights])
    if at.size == 1:
        return least
    if at.size == 2:
        return float(at[0] + (at[1] - at[0]) * betaincinv(weights[1], weights[0], tail))
    span = float(at[-1] - at[0])
    return float(at[0] + span * _quantile((at - at[0]) / span, weights, tail))


def _quantile(points: Floats, counts: Floats, tail: float) -> float:
    """Where the distribution of the weighted mean of points from 0 to 1 reaches `tail`.

    As a normal quantile it is nearly a straight line, whose slope and place are known: few steps find it.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    total, wanted = float(counts.sum()), float(ndtri(tail))
    middle = float(counts @ points) / total
    spread = math.sqrt(float(counts @ (points - middle) ** 2) / total / (total + 1))

    def off(x: float) -> float:
        reached = weighted_mean_cdf(points, counts, x)
        return float(ndtri(min(max(reached, 1e-300), 1 - 1e-16))) - wanted

    low, high, width = middle + wanted * spread, middle + wanted * spread, 0.4 * spread
    while low > 0 and off(low := max(0.0, low - width)) > 0:
        width *= 2
    width = 0.4 * spread
    while high < 1 and off(high := min(1.0, high + width)) < 0:
        width *= 2
    return float(brentq(off, low, high, xtol=1e-9 * spread, rtol=1e-12))


def weighted_mean_cdf(points: Floats, counts: Floats, x: float) -> float:
    """Probability that the mean of points, weighted by a Dirichlet variable with parameters `counts`, is at most x.

    The weights are exponential variables over their sum, so that it asks for the sign of a sum of exponential
    variables times (point - x). Its distribution comes from its Laplace transform, integrated along the line through
    the saddle point, where nothing cancels; the substitution t = sinh(u) makes the trapezoid rule exact to rounding.
    """
    if x <= points.min():
        return 0.0
    if x >= points.max():
        return 1.0
    apart = points - x
    rising = float(counts @ apart) > 0
    apart = apart if rising else -apart
    line = _saddle(apart, counts)
    still = 1 - line * apart
    scale = 1 / math.sqrt(float(counts @ (apart / still) ** 2) + 1 / line**2)
    # With many samples the integrand is a normal density, and gone after a few standard deviations.
    far = min(_FAR, math.asinh(8.6 * (1 + 40 / float(counts.sum())) ** 3)) if counts.sum() > 40 else _FAR
    u = np.arange(0.0, far, _STEP)
    up = scale * np.sinh(u)
    # The logarithm of 1 - apart · (line + i · up), in two real parts. Not multiplied by `@`: linear algebra's threads
    # divide the sum, so that last digits would depend on how many there are; and they wait for each other by spinning.
    turned = np.outer(up, apart / still)
    sizes = float(counts @ np.log(still)) + np.einsum("up,p->u", np.log1p(turned**2), counts) / 2
    angles = np.einsum("up,p->u", np.arctan(turned), counts)
    terms = (np.exp(1j * angles - sizes) / -(line + 1j * up)).real * scale * np.cosh(u)
    missed = float(_STEP * (terms.sum() - terms[0] / 2)) / math.pi
    return min(max(missed if rising else 1 - missed, 0.0), 1.0)


def _saddle(apart: Floats, counts: Floats) -> float:
    """Where, left of 0, the transform over its argument is least."""
    from scipy.optimize import brentq

    edge = 1 / float(apart.min())

    def slope(part: float) -> float:
        line = part * edge
        return float(counts @ (apart / (1 - line * apart))) - 1 / line

    return edge * float(brentq(slope, 1e-12, 1 - 1e-12, xtol=1e-13, rtol=1e-4))
