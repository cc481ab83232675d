"""Heatmaps: cells in steps of colour, with their numbers."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from auditor.drawing import words
from auditor.drawing.canvas import EDGE, Colours, Plane, bare, canvas
from auditor.drawing.layout import SIZE, WIDTH, longest, spoken
from auditor.drawing.lettering import Lettering, Word
from auditor.drawing.theme import LEVELS
from auditor.telling.numbers import percent
from auditor.values import Array, Heatmap


def heatmap(figure: Heatmap, colours: Colours, kind: type[Plane]) -> Canvas:
    """A heatmap with the names of its rows and columns, as a picture of its own."""
    rows, columns = figure.values.shape
    across = [spoken(words.label_of(figure.column_labels, j), 18) for j in range(columns)]
    along = [spoken(words.label_of(figure.row_labels, i), 22) for i in range(rows)]
    left = EDGE + 24 + longest(along)
    cell, high = _cell(figure, left)
    upright = longest(across) > cell - 3
    top = 32 + (longest(across) if upright else 12)
    wide, tall = max(columns, 1) * cell, max(rows, 1) * high
    made = canvas(max(left + wide + 12, 150), top + tall + 10)
    plane = kind(made, (left, top, wide, tall), *_ends(figure))
    squares, numbers = _cells(figure, colours)
    plane.add(*squares, Lettering(numbers, SIZE - 1.5, plane.data))
    up, before = -0.5 - 7 / high, -0.5 - 6 / cell
    side: Literal["left", "center"] = "left" if upright else "center"
    said = [Word(j, up, across[j], colours["ink"], side, upright) for j in range(columns)]
    said += [Word(before, i, along[i], colours["ink"], "right") for i in range(rows)]
    over, beside = -0.5 - (top - 12) / high, -0.5 - (left - 14) / cell
    said.append(Word((columns - 1) / 2, over, spoken(figure.column_title, 40), colours["quiet"]))
    said.append(Word(beside, (rows - 1) / 2, spoken(figure.row_title, 40), colours["quiet"], "center", True))
    plane.add(Lettering(said, SIZE, plane.data))
    return made


def _cell(figure: Heatmap, left: float) -> tuple[float, float]:
    """Width and height of a cell, with room for its number."""
    columns = figure.values.shape[1]
    needed = longest([_written(figure, float(v)) for v in figure.values.ravel()], SIZE - 1.5) + 5
    return max(needed, 22.0, min(46.0, (WIDTH - left - 12) / max(columns, 1))), 25.0


def _written(figure: Heatmap, value: float) -> str:
    if not np.isfinite(value):
        return "–"
    if figure.n is not None:
        return percent(value)
    # Adding zero makes a rounded −0 plain.
    return f"{round(value, figure.decimals) + 0.0:.{figure.decimals}f}"


def _ends(figure: Heatmap) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes: a cell is 1 wide and high around its column and row, and the first row is above."""
    rows, columns = figure.values.shape
    return (-0.5, max(columns, 1) - 0.5), (max(rows, 1) - 0.5, -0.5)


def _cells(figure: Heatmap, colours: Colours) -> tuple[list[PathPatch], list[Word]]:
    """The cells of each step of colour, and their numbers."""
    values = np.asarray(figure.values, np.float64)
    level = np.where(np.isfinite(values), _levels(figure, values), 0).astype(np.int64)
    squares = [
        PathPatch(_squares(chosen), facecolor=colours[_role(figure, int(step))], linewidth=0)
        for step in np.unique(level)
        if (chosen := (level == step) & np.isfinite(values)).any()
    ]
    inks = {
        int(step): colours[f"on-{_role(figure, int(step))}"] if step else colours["ink"] for step in np.unique(level)
    }
    numbers = [
        Word(j, i, _written(figure, float(value)), inks[int(level[i, j])] if np.isfinite(value) else colours["quiet"])
        for (i, j), value in np.ndenumerate(values)
    ]
    return squares, numbers


def plot_heatmap(axes: Axes, figure: Heatmap, colours: Colours) -> None:
    """Cells in steps of colour with their numbers, into axes that say which row and which column is which."""
    rows, columns = figure.values.shape
    across, up = _ends(figure)
    axes.set_xlim(across)
    axes.set_ylim(up)
    squares, numbers = _cells(figure, colours)
    for square in squares:
        axes.add_artist(square)
    axes.add_artist(Lettering(numbers, SIZE - 1.5, axes.transData))
    bare(axes, colours)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(axis="both", length=0)
    axes.xaxis.set_ticks(range(columns), [spoken(words.label_of(figure.column_labels, j), 18) for j in range(columns)])
    axes.yaxis.set_ticks(range(rows), [spoken(words.label_of(figure.row_labels, i), 22) for i in range(rows)])
    if longest([words.label_of(figure.column_labels, j) for j in range(columns)]) > 3 * SIZE:
        axes.tick_params(axis="x", labelrotation=90)
    axes.set_xlabel(spoken(figure.column_title), color=colours["quiet"])
    axes.set_ylabel(spoken(figure.row_title), color=colours["quiet"])


def _levels(figure: Heatmap, values: Array) -> Array:
    """Steps of colour from the middle (or the lower end) to the ends; anything but nothing is at least the first."""
    low, high = figure.limits
    middle = (low + high) / 2 if figure.palette == "diverging" else low
    with np.errstate(all="ignore"):
        share = (values - middle) / (abs(high - middle) or 1.0)
        steps = np.minimum(np.ceil(np.abs(share) * LEVELS - 1e-9), LEVELS)
    if figure.palette == "sequential":
        steps = np.where(share > 0, steps, 0)
    found: Array = np.where(share < 0, -steps, steps)
    return found


def _role(figure: Heatmap, level: int) -> str:
    if not level:
        return "raised"
    if figure.palette == "sequential":
        return f"heat-{level}"
    return f"more-{level}" if level > 0 else f"less-{-level}"


def _squares(chosen: Array) -> Path:
    """One path of the cells that are chosen, with a hair between neighbours."""
    at = np.argwhere(chosen)[:, ::-1]
    corners = np.array([(-0.48, -0.48), (0.48, -0.48), (0.48, 0.48), (-0.48, 0.48), (-0.48, -0.48)])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path((at[:, None] + corners).reshape(-1, 2), codes * len(at))
