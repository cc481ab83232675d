"""Percentile bootstrap: samples drawn anew, those that belong together at once. It describes, and no gate rests on it.

Field and Welsh, Bootstrapping Clustered Data, Journal of the Royal Statistical Society B 2007.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.telling.numbers import number
from auditor.values import IntArray


def resampled(n: int, clusters: IntArray | None, rng: np.random.Generator, times: int) -> Iterator[NDArray[np.int64]]:
    """The positions of samples drawn from n with replacement, so many times; n of them where all are independent.

    clusters: (n,) which belong together, as a metric has them; none are drawn where it isn't known which do.
    """
    if clusters is None:
        for _ in range(times):
            yield rng.integers(n, size=n)
    elif clusters.size:
        _, place = np.unique(clusters, return_inverse=True)
        members = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
        for _ in range(times):
            yield np.concatenate([members[g] for g in rng.integers(len(members), size=len(members))])


def spread(drawn: Sequence[float]) -> str:
    """Where the middle 95% of what was drawn lie, in words; nothing where nothing was drawn."""
    if not len(drawn):
        return ""
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{number(float(low))} to {number(float(high))}"
