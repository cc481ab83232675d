"""A curve laid out for a small SVG: lines, bands, marks and ticks in the picture's own units."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.figures import Array, Curve, Series, evenly
from auditor.report import text
from auditor.report.scale import ticks

WIDTH, HEIGHT = 600, 320
LEFT, TOP, RIGHT, BOTTOM = 62, 14, 16, 52
_MOST_MARKS = 24
_MOST_ROWS = 40

# Each shape fits in a square of 8 units around the point (x, y).
_MARKS = (
    "M{x} {y}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M{x} {y}m-3.5 -3.5h7v7h-7z",
    "M{x} {y}m0 -4.5l4.5 8h-9z",
    "M{x} {y}m0 -4.8l4.8 4.8l-4.8 4.8l-4.8 -4.8z",
    "M{x} {y}m-1.4 -4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z",
)


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """One series: `line`, `band` and `marks` are SVG paths; `sample` is one mark, for the legend."""

    name: str
    colour: int
    dash: int
    line: str
    band: str
    marks: str
    sample: str


@dataclass(frozen=True)
class LineChart:
    """Everything a template needs to draw a curve, and its numbers as a table."""

    width: int
    height: int
    left: int
    top: int
    plot_width: int
    plot_height: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


def line_chart(curve: Curve) -> LineChart:
    """Lay out a curve; points that aren't numbers leave a gap."""
    x = np.asarray(curve.x, np.float64)
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x_low, x_high = _ends(x)
    y_low, y_high = _widened(*curve.y_limits)

    def across(values: Array) -> Array:
        return (values - x_low) / (x_high - x_low) * plot_width

    def down(values: Array) -> Array:
        return (1 - (np.asarray(values, np.float64) - y_low) / (y_high - y_low)) * plot_height

    lines = tuple(_line(i, series, across(x), down) for i, series in enumerate(curve.series))
    shown = evenly(len(x), _MOST_ROWS)
    return LineChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        top=TOP,
        plot_width=plot_width,
        plot_height=plot_height,
        x_ticks=_ticks(_x_ticks(x, x_low, x_high), across),
        y_ticks=_ticks(ticks(y_low, y_high, 5), down),
        x_label=curve.x_label,
        y_label=curve.y_label,
        lines=lines,
        columns=(curve.x_label, *(series.name for series in curve.series)),
        rows=tuple((text.number(float(x[t])), *(_reading(s, int(t)) for s in curve.series)) for t in shown),
        left_out=len(x) - len(shown),
    )


def _ticks(places: Sequence[float], along: Callable[[Array], Array]) -> tuple[Tick, ...]:
    at = along(np.asarray(places, np.float64))
    return tuple(Tick(round(float(a), 1), text.number(t)) for a, t in zip(at, places, strict=True))


def _ends(values: Array) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return _widened(float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range that can be divided by its length."""
    if not np.isfinite(high - low):
        return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _x_ticks(x: Array, low: float, high: float) -> Sequence[float]:
    """The measured points themselves where there are few of them."""
    return [float(t) for t in x] if len(x) <= 9 and np.isfinite(x).all() else ticks(low, high, 7)


def _line(i: int, series: Series, x: Array, down: Callable[[Array], Array]) -> Line:
    y = down(series.y)
    band = ""
    if series.low is not None and series.high is not None:
        low, high = down(series.low), down(series.high)
        whole = np.isfinite(x) & np.isfinite(low) & np.isfinite(high)
        for run in _runs(whole):
            there = _path(x[run], high[run])
            back = _path(x[run][::-1], low[run][::-1])
            band += f"{there}L{back[1:]}Z"
    known = np.isfinite(x) & np.isfinite(y)
    line = "".join(_path(x[run], y[run]) for run in _runs(known))
    points = np.flatnonzero(known)
    points = points[evenly(len(points), _MOST_MARKS)] if points.size else points
    shape = _MARKS[i % len(_MARKS)]
    marks = "".join(shape.format(x=f"{x[t]:.1f}", y=f"{y[t]:.1f}") for t in points)
    return Line(series.name, i % 6, i % 4, line, band, marks, shape.format(x=18, y=8))


def _runs(known: Array) -> Iterator[Array]:
    """Unbroken stretches of true values, as index arrays."""
    for is_known, group in itertools.groupby(range(len(known)), key=lambda t: bool(known[t])):
        if is_known:
            yield np.fromiter(group, np.int64)


def _path(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _reading(series: Series, t: int) -> str:
    value = text.number(float(series.y[t]))
    if series.low is None or series.high is None:
        return value
    return f"{value} ({text.number(float(series.low[t]))} to {text.number(float(series.high[t]))})"
