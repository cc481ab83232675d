"""Figures to what a template shows: pictures, tables of pictures, charts with their numbers.

What can't be drawn is told in its place, by `auditor.values.figures.attempt`.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup, escape

from auditor.drawing import Drawable, draw, worst
from auditor.drawing.bands import seen
from auditor.drawing.words import reading
from auditor.telling.escaping import visible
from auditor.telling.numbers import NO_VALUE, number, percent
from auditor.values import (
    Array,
    Bars,
    Curve,
    Figure,
    Heatmap,
    ImageGrid,
    Panel,
    Strip,
    Undrawn,
    attempt,
    evenly,
)

_PAGE_WIDTH, _LABEL_WIDTH, _GAP = 970, 110, 24
_MOST_ROWS = 8
_MOST_POINTS = 40


@dataclass(frozen=True)
class Picture:
    """One image: where it is, how large, what it shows. crisp: its pixels are to be seen as such.

    change: whether white means nothing, so that it is dark on a dark page."""

    uri: str
    height: int
    width: int
    alt: str
    label: str
    crisp: bool
    change: bool


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
class Chart:
    """A chart, and its numbers as a table for those who would rather read them. left_out: how many aren't listed."""

    figure: Curve | Heatmap | Bars
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int

    @property
    def svg(self) -> Markup:
        """The chart as an element of the page."""
        return svg_of(self.figure)


Body = PictureGrid | PictureTable | Chart | None


def svg_of(drawable: Drawable) -> Markup:
    """A chart as an element of the page, or why there is none."""
    drawn = attempt("chart", lambda: draw(drawable)[0].decode())
    # Safe: `auditor.drawing.svg` escapes every text.
    return escape(visible(drawn.caption)) if isinstance(drawn, Undrawn) else Markup(drawn)


@dataclass(frozen=True)
class Drawing:
    """A figure ready to be drawn: its words, and a body of the kind that `kind` says."""

    kind: str
    title: str
    caption: str
    alt: str
    body: Body


def lay_out(figure: Figure, channels: Sequence[int] = ()) -> Drawing:
    """Turn a figure into a drawing, or into words that say why there is none.

    channels: of images, those that stand for red, green and blue, if the spec says so.
    """
    drawn = attempt(figure.title, lambda: _laid_out(seen(figure, channels)))
    return _told(drawn) if isinstance(drawn, Undrawn) else drawn


def _told(figure: Undrawn) -> Drawing:
    return Drawing(figure.kind, figure.title, figure.caption, figure.alt, None)


def _laid_out(figure: Figure) -> Drawing:
    body: Body
    match figure:
        case Undrawn():
            return _told(figure)
        case ImageGrid():
            body = PictureGrid(_pictures(figure.panel, draw(figure), figure.title, ()))
        case Strip():
            body = _picture_table(figure)
        case Curve():
            body = _curve(figure)
        case Heatmap():
            figure = worst.of_matrix(figure)
            body = _heatmap(figure)
            return Drawing(figure.kind, figure.title, f"{figure.caption}{_each(figure.n)}", figure.alt, body)
        case Bars():
            figure = worst.of_bars(figure)
            body = _bars(figure)
    return Drawing(figure.kind, figure.title, figure.caption, figure.alt, body)


def telling_pictures(figures: Sequence[Figure], channels: Sequence[int] = ()) -> tuple[Picture, ...]:
    """An example of the first figure with images: a grid's first, or how a strip's first row begins and ends.

    None where it can't be drawn: the card of the case says why. channels: as for `lay_out`.
    """
    found = attempt("examples", lambda: _telling([seen(figure, channels) for figure in figures]))
    return () if isinstance(found, Undrawn) else found


def _telling(figures: Sequence[Figure]) -> tuple[Picture, ...]:
    for figure in figures:
        if isinstance(figure, ImageGrid) and len(figure.panel.images):
            return _pictures(_first(figure.panel), draw(figure), figure.title, ())
        if isinstance(figure, Strip) and figure.panels and len(figure.panels[0].images):
            count, parts = len(figure.panels[0].images), draw(figure)
            drawn = [(panel, parts[i * count : i * count + 1]) for i, panel in enumerate(figure.panels)]
            # A difference image says little without the images it lies between.
            told = [pair for pair in drawn if pair[0].palette == "grey"] or drawn
            ends = told if len(told) == 1 else [told[0], told[-1]]
            found = [_pictures(_first(panel), png, panel.title or figure.title, ())[0] for panel, png in ends]
            # A strip's labels are explained by its caption, which isn't at hand where these are shown; but for answers.
            titles = [
                f"{panel.title}: {p.label}" if p.label.startswith("called ") else panel.title
                for p, (panel, _) in zip(found, ends, strict=True)
            ]
            return tuple(replace(p, label=title) for p, title in zip(found, titles, strict=True))
    return ()


def _first(panel: Panel) -> Panel:
    return Panel(panel.images[:1], panel.labels[:1], panel.title, panel.palette, panel.limits)


def _pictures(panel: Panel, pngs: Sequence[bytes], title: str, rows: Sequence[str]) -> tuple[Picture, ...]:
    images = panel.images
    height, width = shown_size(*images.shape[1:3])
    crisp = images.shape[1] <= height and images.shape[2] <= width
    partial = set(np.flatnonzero(np.isnan(images).any(axis=(1, 2, 3))).tolist())
    found = []
    for i, png in enumerate(pngs[: len(images)]):
        label = panel.labels[i] if panel.labels else ""
        place = rows[i] if rows else f"{i + 1} of {len(images)}"
        alt = ", ".join(part for part in (title, place, label) if part)
        if i in partial:
            alt += " (amber pixels are not numbers)"
        uri = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
        found.append(Picture(uri, height, width, alt, label, crisp, panel.palette == "diverging"))
    return tuple(found)


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Size on screen as (height, width) in CSS pixels: a whole multiple for small images, so they stay sharp."""
    longest = max(height, width, 1)
    aim, most = (56, 56) if longest <= 8 else (84, 112)
    scale: float = max(1, round(aim / longest))
    if longest * scale > most:
        scale = most / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def _picture_table(figure: Strip) -> PictureTable:
    count = len(figure.panels[0].images)
    places = figure.row_labels or tuple(f"row {i + 1}" for i in range(count))
    parts = draw(figure)
    columns = [
        _pictures(panel, parts[j * count :], panel.title or figure.title, places)
        for j, panel in enumerate(figure.panels)
    ]
    rows = tuple((places[i], tuple(column[i] for column in columns)) for i in range(count))
    width = sum(column[0].width + _GAP for column in columns if column) + _LABEL_WIDTH
    fitting = max(1, _PAGE_WIDTH // width) if count > _MOST_ROWS else 1
    height = max(1, math.ceil(count / fitting))
    sides = tuple(rows[start : start + height] for start in range(0, count, height))
    return PictureTable(tuple(panel.title for panel in figure.panels), sides, bool(figure.row_labels))


# --- the numbers of charts


def _curve(figure: Curve) -> Chart:
    x = np.asarray(figure.x, np.float64)
    shown = evenly(len(x), _MOST_POINTS)
    say = percent if figure.shares_along else number
    read = [
        (say(float(x[t])), *(_reading(s.y, s.low, s.high, s.n, int(t), figure.shares) for s in figure.series))
        for t in shown
    ]
    # Of a stretch where nothing changes its ends say all.
    inner = [0 < i < len(read) - 1 and read[i - 1][1:] == row[1:] == read[i + 1][1:] for i, row in enumerate(read)]
    rows = tuple(row for row, flat in zip(read, inner, strict=True) if not flat)
    columns = (figure.x_label, *(series.name for series in figure.series))
    return Chart(figure, columns, rows, left_out=len(x) - len(rows))


def _bars(figure: Bars) -> Chart:
    rows = (
        (_label(figure.labels, i), _reading(figure.values, figure.low, figure.high, figure.n, i, figure.n is not None))
        for i in range(len(figure.values))
    )
    return Chart(figure, ("", figure.unit or ("value" if figure.n is None else "share")), tuple(rows), 0)


def _heatmap(figure: Heatmap) -> Chart:
    values = np.asarray(figure.values, np.float64)
    columns = (figure.row_title, *(_label(figure.column_labels, j) for j in range(values.shape[1])))
    rows = (
        (_label(figure.row_labels, i), *(_cell(figure, v, (i, j)) for j, v in enumerate(row)))
        for i, row in enumerate(values.tolist())
    )
    return Chart(figure, columns, tuple(rows), 0)


def _cell(figure: Heatmap, value: float, at: tuple[int, int]) -> str:
    if figure.n is not None:
        return reading(value, figure.n, at)
    # Adding zero makes a rounded −0 plain.
    return f"{round(value, figure.decimals) + 0.0:.{figure.decimals}f}" if math.isfinite(value) else NO_VALUE


def _each(n: Array | None) -> str:
    """Of how many the shares of a matrix are, which has no room for it in its cells."""
    if n is None or not n.size:
        return ""
    least, most = int(n.min()), int(n.max())
    return f" Each share is of {least}." if least == most else f" Shares are of {least} to {most}, as its numbers say."


def _label(labels: Sequence[str], i: int) -> str:
    return labels[i] if i < len(labels) else str(i)


def _reading(values: Array, low: Array | None, high: Array | None, n: Array | None, t: int, shares: bool) -> str:
    """A value with its interval. shares: whether it lies on an axis of shares, though it may be none itself."""
    say = percent if shares else number
    value = say(float(values[t])) if n is None else reading(float(values[t]), n, (t,))
    if low is None or high is None or not (math.isfinite(low[t]) and math.isfinite(high[t])):
        return value
    return f"{value} ({say(float(low[t]))} to {say(float(high[t]))})"
