"""A metric beside the same metric of a baseline; pure.

Where both are shares or means over the same samples they are paired sample by sample, which takes out what both have
in common: which images are hard. What is left is what changed (McNemar, Note on the sampling error of the difference
between correlated proportions or percentages, Psychometrika 1947). Everything else is not what its samples' changes
say: a share of those that a model gets right has other samples on another model, and a median of differences is no
difference of medians. There the two metrics are compared as they are, and share the risk.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auditor.statistics.intervals import changes, clustered
from auditor.values import CheckError, FloatArray, IntArray, Metric, exact, mean


def difference(now: Metric, before: Metric) -> Metric:
    """`now` less `before`; raise CheckError where they can't be compared."""
    if now.kind != before.kind:
        raise CheckError(f"it is a {now.kind} now and was a {before.kind} in the baseline")
    if now.kind == "exact":
        return exact(now.value - before.value)
    if not now.n or not before.n:
        raise CheckError(f"there was nothing to measure it on {'now' if before.n else 'in the baseline'}")
    if now.kind in ("lowest", "highest", "spread", "crossing", "binned", "auroc"):
        return _gap(now, before)
    if now.values is None or before.values is None or now.rows is None or before.rows is None:
        raise CheckError("it isn't kept image by image, so it can't be compared with a baseline's")
    rows, here, there = np.intersect1d(now.rows, before.rows, return_indices=True)
    if now.kind == "median" or not rows.size == now.n == before.n:
        return _gap(now, before)
    together = now.clusters[here] if now.clusters is not None and now.clusters.size == now.n else now.clusters
    change = now.values[here] - before.values[there]
    if now.kind == "proportion":
        return Metric("difference", float(change.mean()), rows.size, values=change, rows=rows, clusters=together)
    return replace(mean(change, _span(now, before), rows), clusters=together)


def _span(now: Metric, before: Metric) -> tuple[float, float] | None:
    if now.bounds is None or before.bounds is None:
        return None
    return now.bounds[0] - before.bounds[1], now.bounds[1] - before.bounds[0]


def _gap(now: Metric, before: Metric) -> Metric:
    """Two metrics, each of its own samples; what is out of reach both times hasn't changed as far as one can see."""
    value = 0.0 if now.value == before.value else now.value - before.value
    return Metric("gap", value, min(now.n, before.n), groups={"now": now, "before": before})


def fell(change: Metric) -> IntArray:
    """The samples (rows) that both metrics have, and for which it fell."""
    return _moved(change, np.less)


def rose(change: Metric) -> IntArray:
    """The samples (rows) that both metrics have, and for which it rose."""
    return _moved(change, np.greater)


def _moved(change: Metric, how: Callable[[FloatArray, FloatArray], NDArray[np.bool_]]) -> IntArray:
    if change.values is not None and change.rows is not None:
        moved: IntArray = change.rows[how(change.values, np.zeros(change.n))]
        return moved
    now, before = change.groups.get("now"), change.groups.get("before")
    if now is None or before is None or now.values is None or before.values is None:
        return np.zeros(0, np.int64)
    if now.rows is None or before.rows is None:
        return np.zeros(0, np.int64)
    rows, here, there = np.intersect1d(now.rows, before.rows, return_indices=True)
    found: IntArray = rows[how(now.values[here], before.values[there])]
    return found


def mcnemar(change: Metric) -> float | None:
    """Exact two-sided p-value of McNemar's test: were as many to rise as to fall, how odd would this be?

    None where some pairs belong together, of which it knows nothing. Of n discordant pairs each is as likely to rise
    as to fall, so the smaller count is binomial with one half.
    """
    from scipy.stats import binomtest

    if clustered(change):
        return None
    down, up = changes(change)
    return float(binomtest(down, down + up, 0.5).pvalue) if down + up else 1.0
