"""A metric beside the same metric of a baseline, paired sample by sample; pure.

Pairing takes out what both have in common: which images are hard. What is left is what changed (McNemar, Note on
the sampling error of the difference between correlated proportions or percentages, Psychometrika 1947).
"""

import numpy as np

from auditor.core import IntArray, Metric, exact, mean, median
from auditor.errors import CheckError
from auditor.intervals import changes


def difference(now: Metric, before: Metric) -> Metric:
    """`now` less `before`, of each sample that both were measured on; raise CheckError if there is none.

    Which samples a metric is measured on may depend on the model (those it classifies right): the others are left
    out, and `n` says how many remain.
    """
    if now.kind != before.kind:
        raise CheckError(f"it is a {now.kind} now and was a {before.kind} in the baseline")
    if now.kind == "exact":
        return exact(now.value - before.value)
    if now.values is None or before.values is None or now.rows is None or before.rows is None:
        raise CheckError("it isn't kept image by image, so it can't be paired with a baseline's")
    rows, here, there = np.intersect1d(now.rows, before.rows, return_indices=True)
    if not rows.size:
        raise CheckError(f"none of the {now.n} images measured now is among the {before.n} of the baseline")
    change = _change(now.values[here], before.values[there])
    span = None if now.bounds is None else (now.bounds[0] - now.bounds[1], now.bounds[1] - now.bounds[0])
    if now.kind == "proportion":
        return Metric("difference", float(change.mean()), rows.size, values=change, rows=rows)
    return (mean if now.kind == "mean" else median)(change, span, rows)


def _change(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Sample by sample; what is infinite both times hasn't changed."""
    same = now == before
    return np.where(same, 0.0, now - np.where(same, 0.0, before))


def fell(change: Metric) -> IntArray:
    """The samples (rows) for which a metric fell."""
    return _rows(change, -1)


def rose(change: Metric) -> IntArray:
    """The samples (rows) for which a metric rose."""
    return _rows(change, 1)


def _rows(change: Metric, sign: int) -> IntArray:
    if change.values is None or change.rows is None:
        return np.zeros(0, np.int64)
    found: IntArray = change.rows[np.sign(change.values) == sign]
    return found


def mcnemar(change: Metric) -> float:
    """Exact two-sided p-value of McNemar's test: were as many to rise as to fall, how odd would this be?

    Of n discordant pairs each is as likely to rise as to fall, so the smaller count is binomial with one half.
    """
    from scipy.stats import binomtest

    down, up = changes(change)
    return float(binomtest(down, down + up, 0.5).pvalue) if down + up else 1.0
