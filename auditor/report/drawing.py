"""Figures to what a template draws: pictures, tables of pictures, coloured matrices, bars and lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.figures import Array, Bars, Curve, Figure, Heatmap, ImageGrid, Panel, Strip
from auditor.report import text
from auditor.report.curve import LineChart, line_chart
from auditor.report.images import data_uris, shown_size

LEVELS = 10
"""A heatmap's colours come in so many steps beyond none: they belong to the style sheet, not to the page."""

_PAGE_WIDTH, _LABEL_WIDTH, _GAP = 970, 110, 24
_MOST_ROWS = 8


@dataclass(frozen=True)
class Picture:
    """One image: where it is, how large, what it shows. crisp: its pixels are to be seen as such."""

    uri: str
    height: int
    width: int
    alt: str
    label: str
    crisp: bool


@dataclass(frozen=True)
class PictureGrid:
    """Pictures one after another."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class PictureTable:
    """Rows of pictures under common titles; a row is its label and its pictures.

    parts: the rows, split where so many rows of few pictures are better read side by side.
    """

    titles: tuple[str, ...]
    parts: tuple[tuple[tuple[str, tuple[Picture, ...]], ...], ...]
    labelled: bool


@dataclass(frozen=True)
class Cell:
    """A number and the class of its colour."""

    number: str
    colour: str


@dataclass(frozen=True)
class Matrix:
    """A heatmap as a table."""

    row_title: str
    column_title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True)
class Bar:
    """A bar from `start` over `length`, with whiskers where known, in per cent of the axis."""

    label: str
    number: str
    start: float
    length: float
    whiskers: tuple[float, float] | None


@dataclass(frozen=True)
class BarChart:
    """Bars one under another, from `left` to `right`."""

    bars: tuple[Bar, ...]
    left: str
    right: str


Body = PictureGrid | PictureTable | Matrix | BarChart | LineChart


@dataclass(frozen=True)
class Drawing:
    """A figure ready to be drawn: its words, and a body of the kind that `kind` says."""

    kind: str
    title: str
    caption: str
    alt: str
    body: Body


def draw(figure: Figure) -> Drawing:
    """Turn a figure into a drawing."""
    body: Body
    match figure:
        case ImageGrid():
            body = PictureGrid(_pictures(figure.panel, figure.title, ()))
        case Strip():
            body = _picture_table(figure)
        case Curve():
            body = line_chart(figure)
        case Heatmap():
            body = _matrix(figure)
        case Bars():
            body = _bar_chart(figure)
    return Drawing(figure.kind, figure.title, figure.caption, figure.alt, body)


def telling_pictures(figures: Sequence[Figure]) -> tuple[Picture, ...]:
    """An example of the first figure with images: a grid's first, or how a strip's first row begins and ends."""
    for figure in figures:
        if isinstance(figure, ImageGrid) and len(figure.panel.images):
            return _pictures(_first(figure.panel), figure.title, ())
        if isinstance(figure, Strip) and figure.panels and len(figure.panels[0].images):
            # A difference image says little without the images it lies between.
            panels = [panel for panel in figure.panels if panel.palette == "grey"] or list(figure.panels)
            ends = panels if len(panels) == 1 else [panels[0], panels[-1]]
            found = [_pictures(_first(panel), panel.title or figure.title, ())[0] for panel in ends]
            # A strip's labels are explained by its caption, which isn't at hand where these are shown.
            return tuple(replace(p, label=panel.title) for p, panel in zip(found, ends, strict=True))
    return ()


def _first(panel: Panel) -> Panel:
    return Panel(panel.images[:1], panel.labels[:1], panel.title, panel.palette, panel.limits)


def _pictures(panel: Panel, title: str, rows: Sequence[str]) -> tuple[Picture, ...]:
    images = panel.images
    height, width = shown_size(*images.shape[1:3])
    crisp = images.shape[1] <= height and images.shape[2] <= width
    partial = set(np.flatnonzero(np.isnan(images).any(axis=(1, 2, 3))).tolist())
    found = []
    for i, uri in enumerate(data_uris(images, panel.palette, panel.limits)):
        label = panel.labels[i] if panel.labels else ""
        place = rows[i] if rows else f"{i + 1} of {len(images)}"
        alt = ", ".join(part for part in (title, place, label) if part)
        if i in partial:
            alt += " (amber pixels are not numbers)"
        found.append(Picture(uri, height, width, alt, label, crisp))
    return tuple(found)


def _picture_table(figure: Strip) -> PictureTable:
    count = len(figure.panels[0].images)
    places = figure.row_labels or tuple(f"row {i + 1}" for i in range(count))
    columns = [_pictures(panel, panel.title or figure.title, places) for panel in figure.panels]
    rows = tuple((places[i], tuple(column[i] for column in columns)) for i in range(count))
    width = sum(column[0].width + _GAP for column in columns if column) + _LABEL_WIDTH
    fitting = max(1, _PAGE_WIDTH // width) if count > _MOST_ROWS else 1
    height = max(1, math.ceil(count / fitting))
    parts = tuple(rows[start : start + height] for start in range(0, count, height))
    return PictureTable(tuple(panel.title for panel in figure.panels), parts, bool(figure.row_labels))


def _matrix(figure: Heatmap) -> Matrix:
    low, high = figure.limits
    middle = (low + high) / 2 if figure.palette == "diverging" else low
    reach = abs(high - middle) or 1.0

    def coloured(value: float) -> Cell:
        if not math.isfinite(value):
            return Cell("–", "none")
        share = (value - middle) / reach
        # Anything but nothing is seen: one mistake among a thousand still gets the palest colour.
        level = min(math.ceil(abs(share) * LEVELS - 1e-9), LEVELS)
        if figure.palette == "sequential":
            colour = f"heat-{level if share > 0 else 0}"
        else:
            colour = f"{'more' if share > 0 else 'less'}-{level}" if level else "heat-0"
        # Adding zero makes a rounded −0 plain.
        return Cell(f"{round(value, figure.decimals) + 0.0:.{figure.decimals}f}", colour)

    rows = tuple(
        (_label(figure.row_labels, i), tuple(coloured(float(value)) for value in row))
        for i, row in enumerate(figure.values)
    )
    columns = tuple(_label(figure.column_labels, j) for j in range(figure.values.shape[1]))
    return Matrix(figure.row_title, figure.column_title, columns, rows)


def _label(labels: Sequence[str], i: int) -> str:
    return labels[i] if i < len(labels) else str(i)


def _bar_chart(figure: Bars) -> BarChart:
    low, high = figure.limits
    if not high > low:
        low, high = min(low, high), min(low, high) + 1.0
    base = min(max(0.0, low), high)

    def place(value: float) -> float:
        return round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 2)

    bars = []
    for i, value in enumerate(np.asarray(figure.values, np.float64).tolist()):
        start, end = (place(base), place(value)) if math.isfinite(value) else (0.0, 0.0)
        ends = _whisker(figure.low, figure.high, i)
        said = text.number(value)
        if ends:
            said += f" ({text.number(ends[0])} to {text.number(ends[1])})"
        bars.append(
            Bar(
                label=_label(figure.labels, i),
                number=said,
                start=min(start, end),
                length=round(abs(end - start), 2),
                whiskers=(place(ends[0]), place(ends[1])) if ends else None,
            )
        )
    return BarChart(tuple(bars), text.number(low), text.number(high))


def _whisker(low: Array | None, high: Array | None, i: int) -> tuple[float, float] | None:
    if low is None or high is None:
        return None
    ends = float(low[i]), float(high[i])
    return ends if all(map(math.isfinite, ends)) else None
