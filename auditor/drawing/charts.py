"""Curves, bars, heatmaps and intervals drawn by Matplotlib: its object API, and never pyplot.

Everything has the colour of its role. A chart is laid out in CSS pixels, small, with text that is large for its
size, so that one picture is read on a wide page, on a phone and on paper.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from auditor.drawing import words
from auditor.drawing.canvas import EDGE, Colours, Plane, bare, canvas, mark, pixels_of
from auditor.drawing.frame import Frame, draw_frame
from auditor.drawing.heatmaps import heatmap, plot_heatmap
from auditor.drawing.interval import Interval
from auditor.drawing.layout import SIZE, WIDTH, longest, measured, reach, spoken, ticks
from auditor.drawing.lettering import Lettering, Word
from auditor.drawing.theme import SERIES
from auditor.telling.numbers import quantity
from auditor.values import Bars, Curve, Heatmap

_DASHES: tuple[Literal["solid"] | tuple[float, Sequence[float]], ...] = (
    "solid",
    (0, (4, 2)),
    (0, (1.2, 1.6)),
    (0, (5, 1.5, 1, 1.5)),
)
_MARKS = ("o", "s", "^", "D", "P")
_MOST_MARKS = 12


def chart(figure: Curve | Bars | Heatmap | Interval, colours: Colours, plane: type[Plane] = Plane) -> Canvas:
    """A picture of its own, with the data on a plane of that kind."""
    match figure:
        case Curve():
            return _curve(figure, colours, plane)
        case Bars():
            return _bars(figure, colours, plane)
        case Heatmap():
            return heatmap(figure, colours, plane)
        case Interval():
            return _interval(figure, colours)


def plot(axes: Axes, figure: Curve | Bars | Heatmap, colours: Colours) -> None:
    """Draw into axes that are there, which say how large."""
    match figure:
        case Curve():
            lines = plot_curve(axes, figure, colours)
            axes.set_ylabel(spoken(figure.y_label), color=colours["quiet"])
            if len(lines) > 1:
                axes.legend(lines, _names(figure), frameon=False)
        case Bars():
            plot_bars(axes, figure, colours)
        case Heatmap():
            plot_heatmap(axes, figure, colours)


# --- curves


def _curve(figure: Curve, colours: Colours, kind: type[Plane]) -> Canvas:
    low, high = _up(figure)
    say_x, say_y = words.ticks_of(figure.shares_along), words.ticks_of(figure.shares)
    left = EDGE + 22 + longest([say_y(t) for t in ticks(low, high, 5)])
    names = _names(figure)
    columns = _columns(names, WIDTH - 2 * EDGE)
    rows = -(-len(names) // columns)
    top, height = 14 + 18 * rows, 190
    made = canvas(WIDTH, top + height + 46)
    across = _along(figure)
    plane = kind(made, (left, top, WIDTH - left - 16, height), across, (low, high))
    bands, lines = _drawn(figure, colours)
    plane.add(*bands, *lines)
    at = measured(np.asarray(figure.x), *across, plane.width, say_x)
    below = spoken(figure.x_label)
    draw_frame(plane, Frame(at, ticks(low, high, 5), "y", below=below, say_x=say_x, say_y=say_y), colours)
    label = Word(EDGE + 3, 46 + height / 2, spoken(figure.y_label, 34), colours["quiet"], upright=True)
    made.add_artist(Lettering([label], SIZE, pixels_of(made)))
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


def _names(figure: Curve) -> list[str]:
    """What the lines are called; one whose points are all shares of the same number says of how many."""
    found = []
    for series in figure.series:
        counts = set() if series.n is None else {int(one) for one in series.n}
        found.append(spoken(series.name, 40) + (f", n = {counts.pop()}" if len(counts) == 1 else ""))
    return found


def _columns(names: Sequence[str], room: float) -> int:
    """How many columns of a legend fit side by side."""
    one = longest(names) + SIZE * 4.6
    return max(1, min(len(names), int(room // one)))


def _along(figure: Curve) -> tuple[float, float]:
    """The ends of a curve's x axis."""
    x = np.asarray(figure.x, np.float64)
    finite = x[np.isfinite(x)]
    return reach((float(finite[0]), float(finite[0])) if finite.size else (0.0, 1.0), x)


def _up(figure: Curve) -> tuple[float, float]:
    """The ends of a curve's y axis."""
    return reach(figure.y_limits, *(v for s in figure.series for v in (s.y, s.low, s.high)))


def _drawn(figure: Curve, colours: Colours) -> tuple[list[FillBetweenPolyCollection], list[Line2D]]:
    """Bands, and lines with marks, over one x axis; what isn't a number leaves a gap."""
    x = np.asarray(figure.x, np.float64)
    bands, lines = [], []
    for place, series in enumerate(figure.series):
        colour = colours[f"c{place % SERIES}"]
        if series.low is not None and series.high is not None:
            ends = np.asarray(series.low, np.float64), np.asarray(series.high, np.float64)
            bands.append(FillBetweenPolyCollection("x", x, *ends, color=colour, alpha=0.17, linewidth=0, clip_on=False))
        y = np.asarray(series.y, np.float64)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        line = Line2D(
            x,
            y,
            color=colour,
            linestyle=_DASHES[place % len(_DASHES)],
            linewidth=1.8,
            marker=_MARKS[place % len(_MARKS)],
            markersize=5.5,
            markerfacecolor=colours["surface"],
            markeredgecolor=colour,
            markeredgewidth=1.3,
            markevery=[int(t) for t in known[:: max(1, -(-len(known) // _MOST_MARKS))]],
            clip_on=False,
            zorder=3,
        )
        lines.append(line)
    return bands, lines


def plot_curve(axes: Axes, figure: Curve, colours: Colours) -> list[Line2D]:
    """Lines with their bands, into axes. Gives the lines."""
    across, up = _along(figure), _up(figure)
    bands, lines = _drawn(figure, colours)
    for artist in (*bands, *lines):
        axes.add_artist(artist)
    axes.set_xlim(across)
    axes.set_ylim(up)
    bare(axes, colours)
    say = words.ticks_of(figure.shares_along)
    mark(axes, measured(np.asarray(figure.x), *across, 280, say), "x", say)
    mark(axes, ticks(*up, 5), "y", words.ticks_of(figure.shares))
    axes.grid(axis="y", color=colours["rule"], linewidth=0.8)
    axes.set_xlabel(spoken(figure.x_label), size=SIZE, color=colours["quiet"], labelpad=6)
    return lines


# --- bars


def _bars(figure: Bars, colours: Colours, kind: type[Plane]) -> Canvas:
    names = [spoken(words.label_of(figure.labels, i), 22) for i in range(len(figure.values))]
    readings = [words.reading(float(value), figure.n, (i,)) for i, value in enumerate(figure.values)]
    left, right = EDGE + 6 + longest(names), 12 + longest(readings)
    row = 22 if len(names) <= 40 else 15
    height = max(1, len(names)) * row
    unit = spoken(figure.unit)
    made = canvas(WIDTH, 8 + height + (46 if unit else 28))
    across = _span(figure)
    plane = kind(made, (left, 8, WIDTH - left - right, height), across, _rows(figure))
    plane.add(*_lying(figure, across, colours))
    say = words.ticks_of(figure.n is not None)
    places = ticks(*across, 4)
    if longest([say(t) for t in places]) + 10 > plane.width / len(places):
        places = ticks(*across, 2)
    draw_frame(plane, Frame(places, (), "x", beside=False, below=unit, say_x=say), colours)
    before, beyond = -6 / plane.width, 1 + 6 / plane.width
    said = [Word(before, i, name, colours["ink"], "right") for i, name in enumerate(names)]
    said += [Word(beyond, i, reading, colours["ink"], "left") for i, reading in enumerate(readings)]
    plane.add(Lettering(said, SIZE, plane.beside))
    return made


def _span(figure: Bars) -> tuple[float, float]:
    """The ends of the axis along the bars."""
    return reach(figure.limits, np.asarray(figure.values, np.float64), figure.low, figure.high)


def _rows(figure: Bars) -> tuple[float, float]:
    """The ends of the axis across them: the first is above."""
    return max(len(figure.values), 1) - 0.5, -0.5


def _lying(figure: Bars, span: tuple[float, float], colours: Colours) -> list[Artist]:
    """Bars from zero, or from where the axis begins, with whiskers where an interval is known."""
    values = np.asarray(figure.values, np.float64)
    base = min(max(0.0, span[0]), span[1])
    found: list[Artist] = [
        Rectangle((base, i - 0.34), values[i] - base, 0.68, facecolor=colours["bar"], linewidth=0)
        for i in np.flatnonzero(np.isfinite(values)).tolist()
    ]
    if figure.low is not None and figure.high is not None:
        ends = np.stack([np.asarray(figure.low, np.float64), np.asarray(figure.high, np.float64)], axis=-1)
        whole = np.flatnonzero(np.isfinite(ends).all(axis=1)).tolist()
        spans = [[(low, i), (high, i)] for i, (low, high) in zip(whole, ends[whole].tolist(), strict=True)]
        found.append(LineCollection(spans, colors=colours["ink"], linewidths=1.3, zorder=3, clip_on=False))
        caps = Line2D(
            ends[whole].ravel(),
            np.repeat(whole, 2),
            linestyle="none",
            marker="|",
            markersize=8,
            color=colours["ink"],
            markeredgewidth=1.3,
            clip_on=False,
        )
        found.append(caps)
    return found


def plot_bars(axes: Axes, figure: Bars, colours: Colours) -> None:
    """Bars and their whiskers, into axes that say which is which."""
    span = _span(figure)
    for artist in _lying(figure, span, colours):
        axes.add_artist(artist)
    axes.set_xlim(span)
    axes.set_ylim(_rows(figure))
    bare(axes, colours)
    axes.yaxis.set_ticks(
        range(len(figure.values)), [spoken(words.label_of(figure.labels, i), 22) for i in range(len(figure.values))]
    )
    mark(axes, ticks(*span, 4), "x", words.ticks_of(figure.n is not None))
    axes.grid(axis="x", color=colours["rule"], linewidth=0.8)
    axes.set_xlabel(spoken(figure.unit), size=SIZE, color=colours["quiet"], labelpad=6)


# --- intervals


def _interval(figure: Interval, colours: Colours) -> Canvas:
    """An estimate and its interval against what is allowed, on a line of its own."""
    named = figure.zoom or figure.named
    width, height = (240.0, 36.0) if figure.zoom else (150.0, 34.0 if named else 20.0)
    middle = height - 10
    made, edge = canvas(width, height), 6.0
    start, end = _scale(figure)

    def place(value: float) -> float:
        return edge + (width - 2 * edge) * min(max((value - start) / (end - start), 0.0), 1.0)

    pixels = pixels_of(made)

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
    if named:
        said = [Word(edge, 8, quantity(figure.metric, start), colours["quiet"], "left")]
        said.append(Word(width - edge, 8, quantity(figure.metric, end), colours["quiet"], "right"))
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
    # An axis of what lies nowhere below 0, such as a count, has nothing to show there.
    start = max(start, 0.0) if low >= 0 and not figure.low < 0 else start
    return (start, end) if end > start else (start - 0.5, start + 0.5)
