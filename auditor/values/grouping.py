"""Which samples belong together: what metrics that are made while a case is measured are told of their samples.

A metric knows its samples by their rows, and only the data knows which rows are of one patient. Who makes a metric
can't forget to say so, as it is looked up where metrics are made; of samples without rows nothing is known.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CLUSTERS: ContextVar[Mapping[int, int] | None] = ContextVar("clusters", default=None)
UNKNOWN = np.zeros(0, np.int64)
"""The clusters of samples of which isn't known which belong together."""


@contextmanager
def in_clusters(clusters: Mapping[int, int] | None) -> Iterator[None]:
    """Within it, metrics are told the cluster of each row; None: all are independent."""
    token = _CLUSTERS.set(clusters)
    try:
        yield
    finally:
        _CLUSTERS.reset(token)


def clusters_of(
    n: int, rows: NDArray[np.integer[Any]] | None, own: NDArray[np.integer[Any]] | None
) -> NDArray[np.integer[Any]] | None:
    """The cluster (n,) of each of n samples, by its row in the data (n,); None where all samples are independent.

    A row below 0 is noise, which belongs to nothing. own: the clusters, where the rows are those of other data.
    """
    known = _CLUSTERS.get()
    if known is None:
        return None
    if own is None and rows is not None:
        listed = rows.tolist()
        own = np.array([row if row < 0 else known[row] for row in listed if row < 0 or row in known], np.int64)
    return UNKNOWN if own is None or len(own) != n else own
