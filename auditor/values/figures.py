"""Figures as data: what to show, never how it is drawn. `auditor.drawing` draws them, `auditor.report` shows them.

Images are float arrays `(N, H, W, C)`, C of 1 (grey or diverging), 3 (RGB) or any other number, whose channels are
then shown as bands. Every figure carries a caption for people who see it and an `alt` text that states the finding for
people who don't.

Shares are drawn and listed in per cent, each with of how many it is one: `n`, of the shape of the values, says so where
bars, lines and cells are shares.

A verdict never depends on a picture: where one is made (`pictured`), drawn or shown, what goes wrong is caught by
`attempt` and told in the picture's place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.telling.reason import named_reason

Array = NDArray[Any]
Palette = Literal["grey", "diverging"]
Made = TypeVar("Made")


class Drawn:
    """What every figure can do in a notebook; nothing else needs it, so Matplotlib is imported here and not before."""

    def draw(self: Any, axes: Any = None) -> Any:
        """Draw it with Matplotlib, into these axes or as a figure of its own; gives the Matplotlib figure."""
        from auditor.drawing.files import canvas_of, draw_into

        return canvas_of(self) if axes is None else draw_into(self, axes)

    def _repr_svg_(self: Any) -> str:
        """How Jupyter shows it."""
        from auditor.drawing.files import encoded

        return encoded(self, "svg").decode()


@dataclass(frozen=True)
class Panel:
    """A set of images drawn alike.

    images: (N, H, W, C), where C of 3 is drawn as RGB and any other but 1 as bands; `limits` are the values drawn as
    the two ends of the palette. `grey` runs from black to white; `diverging` from red through white at the middle to
    blue.
    labels: empty, or one short text under each image.
    """

    images: Array
    labels: tuple[str, ...] = ()
    title: str = ""
    palette: Palette = "grey"
    limits: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise ValueError(f"panel images must be (N, H, W, C), got {self.images.shape}")
        if self.labels and len(self.labels) != len(self.images):
            raise ValueError(f"{len(self.labels)} labels for {len(self.images)} images")


@dataclass(frozen=True)
class ImageGrid(Drawn):
    """Images one after another, as many to a line as fit."""

    title: str
    caption: str
    alt: str
    panel: Panel
    kind: Literal["image_grid"] = field(default="image_grid", init=False)


@dataclass(frozen=True)
class Strip(Drawn):
    """Rows that each tell one story from left to right: panel `j` holds the j-th image of every row."""

    title: str
    caption: str
    alt: str
    panels: tuple[Panel, ...]
    row_labels: tuple[str, ...] = ()
    kind: Literal["strip"] = field(default="strip", init=False)

    def __post_init__(self) -> None:
        rows = {len(panel.images) for panel in self.panels}
        if len(rows) != 1:
            raise ValueError(f"the panels of a strip need equally many rows, got {sorted(rows)}")
        if self.row_labels and len(self.row_labels) != rows.pop():
            raise ValueError(f"{len(self.row_labels)} row labels for another number of rows")


@dataclass(frozen=True)
class Series:
    """One line of a curve: y (T,), and where known a band from `low` to `high`, (T,) each.

    n: (T,), of how many each point is a share; None where it is none.
    """

    name: str
    y: Array
    low: Array | None = None
    high: Array | None = None
    n: Array | None = None

    def __post_init__(self) -> None:
        _counts(self.n, self.y)


@dataclass(frozen=True)
class Curve(Drawn):
    """Lines over a common x (T,). Where one is of shares, y runs in per cent; x does if `shares_along`."""

    title: str
    caption: str
    alt: str
    x: Array
    series: tuple[Series, ...]
    x_label: str
    y_label: str
    y_limits: tuple[float, float] = (0.0, 1.0)
    shares_along: bool = False
    kind: Literal["curve"] = field(default="curve", init=False)

    @property
    def shares(self) -> bool:
        """Whether y runs in per cent."""
        return any(one.n is not None for one in self.series)


@dataclass(frozen=True)
class Heatmap(Drawn):
    """A matrix (R, C) with its numbers. `limits` are the values at the ends of the palette.

    n: (R, C), of how many each cell is a share; None where it is none. decimals: of what is no share.
    """

    title: str
    caption: str
    alt: str
    values: Array
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    row_title: str
    column_title: str
    limits: tuple[float, float] = (0.0, 1.0)
    palette: Literal["sequential", "diverging"] = "sequential"
    decimals: int = 2
    n: Array | None = None
    kind: Literal["heatmap"] = field(default="heatmap", init=False)

    def __post_init__(self) -> None:
        _counts(self.n, self.values)


@dataclass(frozen=True)
class Bars(Drawn):
    """One bar a label; `low` and `high` are interval ends where known, (N,) each.

    n: (N,), of how many each bar is a share. unit: what is counted or measured where bars are no shares, such as
    `images`. One of the two is given; records of earlier versions have neither, and their bars are plain numbers.
    """

    title: str
    caption: str
    alt: str
    labels: tuple[str, ...]
    values: Array
    low: Array | None = None
    high: Array | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    n: Array | None = None
    unit: str = ""
    kind: Literal["bars"] = field(default="bars", init=False)

    def __post_init__(self) -> None:
        _counts(self.n, self.values)
        if self.n is not None and self.unit:
            raise ValueError(f"bars are shares of a number `n` or have a unit, not both; the unit is {self.unit!r}")


@dataclass(frozen=True)
class Undrawn:
    """What stands where a figure would: `caption` says why there is none."""

    title: str
    caption: str
    alt: str
    kind: Literal["undrawn"] = field(default="undrawn", init=False)


def _counts(n: Array | None, values: Array) -> None:
    if n is not None and n.shape != values.shape:
        raise ValueError(f"`n` says of how many each value is a share: {n.shape} of them for values {values.shape}")


Shown = ImageGrid | Strip | Curve | Heatmap | Bars
Figure = Shown | Undrawn


def attempt(what: str, make: Callable[[], Made]) -> Made | Undrawn:
    """Make something that is shown beside a verdict, or say why that failed: the one place where it is caught.

    what: what it would have been, in a word or two.
    """
    try:
        return make()
    except Exception as error:
        return undrawn(what, error)


def undrawn(what: str, error: Exception) -> Undrawn:
    """What is said in the place of what an error has kept from being shown."""
    told = f"Not shown: {named_reason(error)}. What was measured, and the verdict, stand without it."
    return Undrawn(what, told, f"{what}: none")


def pictured(*makers: Callable[[], Figure | Sequence[Figure]]) -> tuple[Figure, ...]:
    """The figures that makers give, one or several each; in the place of those that a maker fails at, why."""
    found: list[Figure] = []
    for maker in makers:
        given = attempt("A figure", maker)
        found.extend(given if isinstance(given, Sequence) else [given])
    return tuple(found)


def evenly(count: int, most: int) -> Array:
    """At most `most` of `count` places of an axis or a gallery, evenly spread and starting with the first.

    For what is shown. Never to choose what is measured: it runs along any period of the data (`sampling`).
    """
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64))[:count]
