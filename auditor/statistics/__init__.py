"""Limits of what was measured, from plain numbers and arrays; pure, one file a kind.

`intervals` gives the limits of any metric, `comparison` those of a difference from a baseline, the others are what
these are made of. Import what others use from `auditor.statistics`. It imports `values` alone.
"""

from auditor.statistics.binned import binned_limits
from auditor.statistics.clusters import cluster_limits, stray
from auditor.statistics.comparison import difference, fell, mcnemar, rose
from auditor.statistics.intervals import (
    binned_values,
    bounded,
    bounds,
    changes,
    clustered,
    independence,
    interval,
    limits,
)
from auditor.statistics.means import mean_limits
from auditor.statistics.pairs import change_limits
from auditor.statistics.ranks import rank_limits
from auditor.statistics.shares import clean_sweep_needed, normal_quantile, samples_for_power

__all__ = [
    "binned_limits",
    "binned_values",
    "bounded",
    "bounds",
    "change_limits",
    "changes",
    "clean_sweep_needed",
    "cluster_limits",
    "clustered",
    "difference",
    "fell",
    "independence",
    "interval",
    "limits",
    "mcnemar",
    "mean_limits",
    "normal_quantile",
    "rank_limits",
    "rose",
    "samples_for_power",
    "stray",
]
