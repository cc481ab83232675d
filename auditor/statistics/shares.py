"""Limits of a share, k of n: exact (Clopper and Pearson, 1934), and Wilson's (1927) to describe with."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_LARGE = 3000


def normal_quantile(tail: float) -> float:
    """What a standard normal variable exceeds with probability `tail`."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - tail)


def exact_limits(k: float, n: int, tail: float) -> tuple[float, float]:
    """Limits of k successes in n, each missed with probability `tail` at most."""
    from scipy.special import betaincinv

    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    return low, float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0


def wilson_limits(k: float, n: int, tail: float) -> tuple[float, float]:
    """Wilson's score limits, missed with about the probability `tail` on average over truths, and often more."""
    z2 = normal_quantile(tail) ** 2
    middle, half = k + z2 / 2, math.sqrt(z2) * math.sqrt(k * (n - k) / n + z2 / 4)
    return max(0.0, (middle - half) / (n + z2)), min(1.0, (middle + half) / (n + z2))


def clean_sweep_needed(floor: float, confidence: float) -> int | None:
    """Least n at which n successes of n show a share of at least `floor`; None if no number does.

    That is the best case a gate can have: with fewer samples it can't pass. The limit is one-sided, at `confidence`.
    """
    if floor >= 1:
        return None
    if floor <= 0:
        return 1
    return max(1, math.ceil(math.log(1 - confidence) / math.log(floor) - 1e-9))


def power(truth: float, floor: float, n: NDArray[np.integer], tail: float) -> NDArray[np.float64]:
    """How probable it is that n samples, of a share that is `truth`, show that it is at least `floor`; for each n."""
    from scipy.special import bdtrc, bdtrik

    # The fewest successes that show it: as many or more come, from a share of just `floor`, with probability <= tail.
    below = np.floor(np.where(n > 0, bdtrik(1 - tail, n, floor), 0)).clip(0)
    # The inverse of a step function may be a step off.
    below = np.where(bdtrc(below, n, floor) > tail, below + 1, below)
    below = np.where((below > 0) & (bdtrc(below - 1, n, floor) <= tail), below - 1, below)
    shown: NDArray[np.float64] = np.where(below >= n, 0.0, bdtrc(np.minimum(below, n), n, truth))
    return shown


@lru_cache(maxsize=10_000)
def samples_for_power(truth: float, floor: float, tail: float, wanted: float) -> float:
    """The n from which on `power` is always at least `wanted`; infinite where the truth doesn't lie above the floor.

    A floor that no share can lie below is shown by any number, as in `clean_sweep_needed`. Power goes up and down by a
    little from one n to the next. With thousands that no longer shows, and a normal approximation is as good.
    """
    if floor <= 0:
        return 1.0
    if truth <= floor:
        return math.inf
    if truth >= 1:
        return clean_sweep_needed(floor, 1 - tail) or math.inf
    spread = normal_quantile(tail) * math.sqrt(floor * (1 - floor))
    spread += normal_quantile(1 - wanted) * math.sqrt(truth * (1 - truth))
    rough = (max(spread, 0.0) / (truth - floor)) ** 2 + 1 / (truth - floor)
    if rough > _LARGE:
        return math.ceil(rough)
    n = np.arange(max(1, int(0.5 * rough) - 50), math.ceil(1.5 * rough) + 50)
    short = np.flatnonzero(power(truth, floor, n, tail) < wanted)
    return int(n[short[-1]]) + 1 if short.size else 1
