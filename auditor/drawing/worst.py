"""Of what has too many parts to be read, those that say most: nothing on a page grows with the number of classes."""

import dataclasses

import numpy as np

from auditor.drawing.words import label_of
from auditor.values import Array, Bars, Heatmap, Shown

MOST_SIDE = 30
"""Rows and columns of a matrix."""
MOST_BARS = 60
_WHOLE = "The whole is in the record's `arrays.npz`"


def fitting(figure: Shown) -> Shown:
    """A figure that can be read, or as much of it as can."""
    if isinstance(figure, Heatmap):
        return of_matrix(figure)
    return of_bars(figure) if isinstance(figure, Bars) else figure


def of_matrix(figure: Heatmap) -> Heatmap:
    """The rows and columns of a matrix in which most happens; of a confusion matrix, most mistakes."""
    values = np.asarray(figure.values)
    rows, columns = values.shape
    if rows <= MOST_SIDE and columns <= MOST_SIDE:
        return figure
    confused = rows == columns and figure.row_labels == figure.column_labels
    size = np.abs(np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0))
    if confused:
        np.fill_diagonal(size, 0)
    kept_rows = _most(size.sum(axis=1), MOST_SIDE)
    # Where the mistakes of these rows go, not which columns are full on the whole.
    kept_columns = _most(size[kept_rows].sum(axis=0), MOST_SIDE)
    what = "most mistakes, and the columns they fall into most" if confused else "the largest sums, and their columns"
    told = f"Of {rows} × {columns}, the {len(kept_rows)} rows with {what}, are shown. {_WHOLE}."
    return dataclasses.replace(
        figure,
        caption=f"{figure.caption} {told}",
        values=values[np.ix_(kept_rows, kept_columns)],
        row_labels=_chosen(figure.row_labels, kept_rows),
        column_labels=_chosen(figure.column_labels, kept_columns),
        n=None if figure.n is None else figure.n[np.ix_(kept_rows, kept_columns)],
    )


def of_bars(figure: Bars) -> Bars:
    """The lowest and the highest bars, in their order."""
    count = len(figure.values)
    if count <= MOST_BARS:
        return figure
    order = np.argsort(np.nan_to_num(np.asarray(figure.values, np.float64)), kind="stable")
    kept = np.sort(np.concatenate([order[: MOST_BARS // 2], order[-(MOST_BARS // 2) :]]))
    return dataclasses.replace(
        figure,
        caption=f"{figure.caption} Of {count}, the {MOST_BARS // 2} lowest and the {MOST_BARS // 2} highest are shown. "
        f"{_WHOLE}.",
        labels=_chosen(figure.labels, kept),
        values=np.asarray(figure.values)[kept],
        low=None if figure.low is None else np.asarray(figure.low)[kept],
        high=None if figure.high is None else np.asarray(figure.high)[kept],
        n=None if figure.n is None else figure.n[kept],
    )


def _most(size: Array, most: int) -> Array:
    """The places of the largest, in their order."""
    return np.sort(np.argsort(-size, kind="stable")[:most])


def _chosen(labels: tuple[str, ...], places: Array) -> tuple[str, ...]:
    return tuple(label_of(labels, int(i)) for i in places)
