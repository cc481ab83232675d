"""Curves, bars, heatmaps and intervals drawn by Matplotlib: its object API, and never pyplot.

Everything has the colour of its role. A chart is laid out in CSS pixels, small, with text that is large for its
size, so that one picture is read on a wide page, on a phone and on paper.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

from auditor.drawing import words
from auditor.drawing.interval import Interval
from auditor.drawing.layout import SIZE, WIDTH, longest, measured, reach, spoken, ticks
from auditor.drawing.lettering import Lettering, Word
from auditor.drawing.theme import LEVELS, SERIES
from auditor.values import Array, Bars, Curve, Heatmap

Colours = Mapping[str, str]
DOTS = 72
"""At so many dots an inch a point is a pixel."""

_DASHES = ("solid", (0, (4, 2)), (0, (1.2, 1.6)), (0, (5, 1.5, 1, 1.5)))
_MARKS = ("o", "s", "^", "D", "P")
_MOST_MARKS = 12
_EDGE = 10  # around a chart


def canvas(width: float, height: float) -> Canvas:
    """An empty picture, so many pixels large."""
    made = Canvas(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
    made.patch.set_visible(False)
    return made


def chart(figure: Curve | Bars | Heatmap | Interval, colours: Colours) -> Canvas:
    """A picture of its own."""
    match figure:
        case Curve():
            return _curve(figure, colours)
        case Bars():
            return _bars(figure, colours)
        case Heatmap():
            return _heatmap(figure, colours)
        case Interval():
            return _interval(figure, colours)


def plot(axes: Axes, figure: Curve | Bars | Heatmap, colours: Colours) -> None:
    """Draw into axes that are there, which say how large."""
    match figure:
        case Curve():
            lines = plot_curve(axes, figure, colours)
            axes.set_ylabel(spoken(figure.y_label), color=colours["quiet"])
            if len(lines) > 1:
                axes.legend(lines, [spoken(series.name, 40) for series in figure.series], frameon=False)
        case Bars():
            plot_bars(axes, figure, colours)
        case Heatmap():
            plot_heatmap(axes, figure, colours)


def _axes(made: Canvas, left: float, top: float, width: float, height: float) -> Axes:
    across, down = made.get_size_inches() * DOTS
    place = (left / across, 1 - (top + height) / down, width / across, height / down)
    axes: Axes = made.add_axes(place)
    axes.patch.set_visible(False)
    return axes


def _bare(axes: Axes, colours: Colours) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours["quiet"])
    axes.set_axisbelow(True)
    axes.tick_params(labelcolor=colours["ink"], color=colours["quiet"], labelsize=SIZE)
    axes.tick_params(axis="y", length=0, pad=7)


# --- curves


def _curve(figure: Curve, colours: Colours) -> Canvas:
    low, high = reach(figure.y_limits, *(v for s in figure.series for v in (s.y, s.low, s.high)))
    left = _EDGE + 22 + longest([words.number(t) for t in ticks(low, high, 5)])
    names = [spoken(series.name, 40) for series in figure.series]
    columns = _columns(names, WIDTH - 2 * _EDGE)
    rows = -(-len(names) // columns)
    top, height = 14 + 18 * rows, 190
    made = canvas(WIDTH, top + height + 46)
    axes = _axes(made, left, top, WIDTH - left - 16, height)
    lines = plot_curve(axes, figure, colours, WIDTH - left - 16)
    down = top + height / 2
    made.text(
        (_EDGE + 4) / WIDTH,
        1 - down / (top + height + 46),
        spoken(figure.y_label, 34),
        rotation=90,
        ha="center",
        va="center",
        rotation_mode="anchor",
        size=SIZE,
        color=colours["quiet"],
    )
    if names:
        made.legend(
            lines,
            names,
            loc="upper left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            frameon=False,
            fontsize=SIZE,
            labelcolor=colours["ink"],
            handlelength=2.4,
            borderpad=0.3,
            labelspacing=0.35,
            columnspacing=1.4,
        )
    return made


def _columns(names: Sequence[str], room: float) -> int:
    """How many columns of a legend fit side by side."""
    one = longest(names) + SIZE * 4.6
    return max(1, min(len(names), int(room // one)))


def plot_curve(axes: Axes, figure: Curve, colours: Colours, room: float = 280) -> list[Line2D]:
    """Lines with their bands over one x axis; what isn't a number leaves a gap. Gives the lines."""
    _bare(axes, colours)
    x = np.asarray(figure.x, np.float64)
    bands = [v for s in figure.series for v in (s.y, s.low, s.high)]
    low, high = reach(figure.y_limits, *bands)
    finite = x[np.isfinite(x)]
    start, end = reach((float(finite[0]), float(finite[0])) if finite.size else (0.0, 1.0), x)
    lines: list[Line2D] = []
    for number, series in enumerate(figure.series):
        colour = colours[f"c{number % SERIES}"]
        if series.low is not None and series.high is not None:
            ends = np.asarray(series.low, np.float64), np.asarray(series.high, np.float64)
            axes.fill_between(x, ends[0], ends[1], color=colour, alpha=0.17, linewidth=0, clip_on=False)
        y = np.asarray(series.y, np.float64)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        lines += axes.plot(
            x,
            y,
            color=colour,
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.8,
            marker=_MARKS[number % len(_MARKS)],
            markersize=5.5,
            markerfacecolor=colours["surface"],
            markeredgecolor=colour,
            markeredgewidth=1.3,
            markevery=[int(t) for t in known[:: max(1, -(-len(known) // _MOST_MARKS))]],
            clip_on=False,
            zorder=3,
        )
    axes.set_xlim(start, end)
    axes.set_ylim(low, high)
    _mark(axes, measured(x, start, end, room), "x")
    _mark(axes, ticks(low, high, 5), "y")
    axes.grid(axis="y", color=colours["rule"], linewidth=0.8)
    axes.set_xlabel(spoken(figure.x_label), size=SIZE, color=colours["quiet"], labelpad=6)
    return lines


def _mark(axes: Axes, places: Sequence[float], along: str) -> None:
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks(places, [words.number(t) for t in places])


# --- bars


def _bars(figure: Bars, colours: Colours) -> Canvas:
    names = [spoken(_label(figure.labels, i), 22) for i in range(len(figure.values))]
    numbers = [words.number(float(value)) for value in figure.values]
    left, right = _EDGE + 6 + longest(names), 12 + longest(numbers)
    row = 22 if len(names) <= 40 else 15
    height = max(1, len(names)) * row
    made = canvas(WIDTH, 8 + height + 28)
    axes = _axes(made, left, 8, WIDTH - left - right, height)
    plot_bars(axes, figure, colours, named=False)
    before, beyond = -6 / (WIDTH - left - right), 1 + 6 / (WIDTH - left - right)
    said = [Word(before, i, name, colours["ink"], "right") for i, name in enumerate(names)]
    said += [Word(beyond, i, number, colours["ink"], "left") for i, number in enumerate(numbers)]
    axes.add_artist(Lettering(said, SIZE, axes.get_yaxis_transform()))
    return made


def plot_bars(axes: Axes, figure: Bars, colours: Colours, named: bool = True) -> None:
    """Bars from zero, or from where the axis begins, with whiskers where an interval is known.

    named: whether the axes say which bar is which.
    """
    _bare(axes, colours)
    values = np.asarray(figure.values, np.float64)
    low, high = reach(figure.limits, values, figure.low, figure.high)
    base = min(max(0.0, low), high)
    known = np.flatnonzero(np.isfinite(values))
    axes.barh(known, values[known] - base, height=0.68, left=base, color=colours["bar"], linewidth=0)
    if figure.low is not None and figure.high is not None:
        ends = np.stack([np.asarray(figure.low, np.float64), np.asarray(figure.high, np.float64)], axis=-1)
        whole = np.flatnonzero(np.isfinite(ends).all(axis=1))
        axes.hlines(whole, *ends[whole].T, color=colours["ink"], linewidth=1.3, zorder=3, clip_on=False)
        axes.plot(
            ends[whole].ravel(),
            np.repeat(whole, 2),
            linestyle="none",
            marker="|",
            markersize=8,
            color=colours["ink"],
            markeredgewidth=1.3,
            clip_on=False,
        )
    axes.set_xlim(low, high)
    axes.set_ylim(max(len(values), 1) - 0.5, -0.5)
    count = len(values) if named else 0
    axes.yaxis.set_ticks(range(count), [spoken(_label(figure.labels, i), 22) for i in range(count)])
    _mark(axes, ticks(low, high, 4), "x")
    axes.grid(axis="x", color=colours["rule"], linewidth=0.8)


def _label(labels: Sequence[str], i: int) -> str:
    return labels[i] if i < len(labels) else str(i)


# --- heatmaps


def _heatmap(figure: Heatmap, colours: Colours) -> Canvas:
    rows, columns = figure.values.shape
    across = [spoken(_label(figure.column_labels, j), 18) for j in range(columns)]
    along = [spoken(_label(figure.row_labels, i), 22) for i in range(rows)]
    left = _EDGE + 24 + longest(along)
    cell, high = _cell(figure, left)
    upright = longest(across) > cell - 3
    top = 32 + (longest(across) if upright else 12)
    wide, tall = max(columns, 1) * cell, max(rows, 1) * high
    made = canvas(max(left + wide + 12, 150), top + tall + 10)
    axes = _axes(made, left, top, wide, tall)
    plot_heatmap(axes, figure, colours, named=False)
    up, before = -0.5 - 7 / high, -0.5 - 6 / cell
    side: Literal["left", "center"] = "left" if upright else "center"
    said = [Word(j, up, across[j], colours["ink"], side, upright) for j in range(columns)]
    said += [Word(before, i, along[i], colours["ink"], "right") for i in range(rows)]
    over, beside = -0.5 - (top - 12) / high, -0.5 - (left - 14) / cell
    said.append(Word((columns - 1) / 2, over, spoken(figure.column_title, 40), colours["quiet"]))
    said.append(Word(beside, (rows - 1) / 2, spoken(figure.row_title, 40), colours["quiet"], "center", True))
    axes.add_artist(Lettering(said, SIZE, axes.transData))
    return made


def _cell(figure: Heatmap, left: float) -> tuple[float, float]:
    """Width and height of a cell, with room for its number."""
    columns = figure.values.shape[1]
    needed = longest([_written(figure, float(v)) for v in figure.values.ravel()], SIZE - 1.5) + 5
    return max(needed, 22.0, min(46.0, (WIDTH - left - 12) / max(columns, 1))), 25.0


def _written(figure: Heatmap, value: float) -> str:
    # Adding zero makes a rounded −0 plain.
    return f"{round(value, figure.decimals) + 0.0:.{figure.decimals}f}" if np.isfinite(value) else "–"


def plot_heatmap(axes: Axes, figure: Heatmap, colours: Colours, named: bool = True) -> None:
    """Cells in steps of colour with their numbers.

    named: whether the axes say which row and which column is which.
    """
    rows, columns = figure.values.shape
    values = np.asarray(figure.values, np.float64)
    level = np.where(np.isfinite(values), _levels(figure, values), 0).astype(np.int64)
    axes.set_xlim(-0.5, max(columns, 1) - 0.5)
    axes.set_ylim(max(rows, 1) - 0.5, -0.5)
    for step in np.unique(level):
        chosen = (level == step) & np.isfinite(values)
        if chosen.any():
            patch = PathPatch(_squares(chosen), facecolor=colours[_role(figure, int(step))], linewidth=0)
            axes.add_artist(patch)
    inks = {
        int(step): colours[f"on-{_role(figure, int(step))}"] if step else colours["ink"] for step in np.unique(level)
    }
    numbers = [
        Word(j, i, _written(figure, float(value)), inks[int(level[i, j])] if np.isfinite(value) else colours["quiet"])
        for (i, j), value in np.ndenumerate(values)
    ]
    axes.add_artist(Lettering(numbers, SIZE - 1.5, axes.transData))
    if not named:
        axes.set_axis_off()
        return
    _bare(axes, colours)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(axis="both", length=0)
    axes.xaxis.set_ticks(range(columns), [spoken(_label(figure.column_labels, j), 18) for j in range(columns)])
    axes.yaxis.set_ticks(range(rows), [spoken(_label(figure.row_labels, i), 22) for i in range(rows)])
    if longest([_label(figure.column_labels, j) for j in range(columns)]) > 3 * SIZE:
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


# --- intervals


def _interval(figure: Interval, colours: Colours) -> Canvas:
    """An estimate and its interval against what is allowed, on a line of its own."""
    width, height, middle = (240.0, 36.0, 26.0) if figure.zoom else (150.0, 20.0, 10.0)
    made, edge = canvas(width, height), 6.0
    start, end = _scale(figure)

    def place(value: float) -> float:
        return edge + (width - 2 * edge) * min(max((value - start) / (end - start), 0.0), 1.0)

    pixels = Affine2D().scale(1 / DOTS) + made.dpi_scale_trans

    def add(artist: Line2D | Rectangle) -> None:
        artist.set_transform(pixels)
        made.add_artist(artist)

    def line(x: Sequence[float], y: Sequence[float], colour: str, width: float) -> None:
        add(Line2D(x, y, color=colours[colour], linewidth=width, solid_capstyle="butt"))

    if figure.least is not None or figure.most is not None:
        low = place(figure.least) if figure.least is not None else edge
        high = place(figure.most) if figure.most is not None else width - edge
        add(Rectangle((low, middle - 7), max(high - low, 0), 14, facecolor=colours["zone"], linewidth=0))
    line((edge, width - edge), (middle, middle), "quiet", 1)
    line((place(figure.low), place(figure.high)), (middle, middle), "whisker", 4.5)
    for limit in (figure.least, figure.most):
        if limit is not None:
            line((place(limit),) * 2, (middle - 10, middle + 10), "ink", 1.8)
    add(
        Line2D(
            [place(figure.value)],
            [middle],
            linestyle="none",
            marker="o",
            markersize=8,
            markerfacecolor=colours["surface"],
            markeredgecolor=colours["whisker"],
            markeredgewidth=2.3,
        )
    )
    if figure.zoom:
        said = [Word(edge, 8, words.quantity(figure.metric, start), colours["quiet"], "left")]
        said.append(Word(width - edge, 8, words.quantity(figure.metric, end), colours["quiet"], "right"))
        made.add_artist(Lettering(said, SIZE - 0.5, pixels))
    return made


def _scale(figure: Interval) -> tuple[float, float]:
    """Ends of an interval's axis: the metric's own where they are known, or a round neighbourhood of the points."""
    bounds = figure.bounds
    if not figure.zoom and figure.metric != "difference" and np.isfinite(bounds).all() and bounds[0] < bounds[1]:
        return bounds
    limits = [limit for limit in (figure.least, figure.most) if limit is not None]
    # A side that nothing is asked about is open: zooming out to its far end would hide what decides.
    ends = [figure.value, *limits]
    ends += [figure.low] if not limits or figure.least is not None else []
    ends += [figure.high] if not limits or figure.most is not None else []
    finite = [end for end in ends if np.isfinite(end)] + ([] if figure.zoom else [0.0])
    low, high = min(finite), max(finite)
    margin = (high - low) * 0.3 or abs(high) * 0.1 or 0.5
    places = MaxNLocator(8, steps=[1, 2, 5, 10]).tick_values(low - margin, high + margin)
    start, end = max(float(places[0]), min(bounds[0], low)), min(float(places[-1]), max(bounds[1], high))
    return (start, end) if end > start else (start - 0.5, start + 0.5)
