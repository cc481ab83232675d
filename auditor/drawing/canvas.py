"""An empty picture, and axes on it that have only what says something."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from auditor.drawing import words
from auditor.drawing.layout import SIZE

Colours = Mapping[str, str]
DOTS = 72
"""At so many dots an inch a point is a pixel."""
EDGE = 10  # around a chart


def canvas(width: float, height: float) -> Canvas:
    """An empty picture, so many pixels large."""
    made = Canvas(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
    made.patch.set_visible(False)
    return made


def axes_at(made: Canvas, left: float, top: float, width: float, height: float) -> Axes:
    """Axes on a picture, all in pixels from its left upper corner."""
    across, down = made.get_size_inches() * DOTS
    place = (left / across, 1 - (top + height) / down, width / across, height / down)
    axes: Axes = made.add_axes(place)
    axes.patch.set_visible(False)
    return axes


def bare(axes: Axes, colours: Colours) -> None:
    """Take off axes what says nothing."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours["quiet"])
    axes.set_axisbelow(True)
    axes.tick_params(labelcolor=colours["ink"], color=colours["quiet"], labelsize=SIZE)
    axes.tick_params(axis="y", length=0, pad=7)


def mark(axes: Axes, places: Sequence[float], along: str) -> None:
    """Put numbers along the `x` or the `y` axis, at these places and no others."""
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks(places, [words.number(t) for t in places])
