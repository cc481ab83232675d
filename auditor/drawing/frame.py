"""The frame of a chart: its rules, the ticks on its lower line and what they say, as three artists.

Matplotlib's own axes make a dozen objects for every tick, which took most of the time that a chart takes. Here all
places are known beforehand, so the axes are switched off, and nothing is measured that is only drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from auditor.drawing import words
from auditor.drawing.canvas import Colours
from auditor.drawing.layout import SIZE
from auditor.drawing.lettering import Lettering, Word

_TICK, _PAD, _APART = 3.5, 3.5, 7.0  # pixels: a tick's length, from there to its number, from the left edge to one


@dataclass(frozen=True)
class Frame:
    """What frames axes `width` × `height` pixels large: ticks along x and y, which of them have rules (`x` or `y`).

    beside: whether the numbers of y stand left of it. below: what x is, in words.
    """

    width: float
    height: float
    x: Sequence[float]
    y: Sequence[float]
    ruled: str
    beside: bool = True
    below: str = ""


def draw_frame(axes: Axes, frame: Frame, colours: Colours) -> None:
    """Draw a frame into axes that have their limits."""
    axes.set_axis_off()
    down = 1 / frame.height
    across_x, across_y = axes.get_xaxis_transform(), axes.get_yaxis_transform()
    rules = [[(x, 0.0), (x, 1.0)] for x in frame.x] if frame.ruled == "x" else [[(0.0, y), (1.0, y)] for y in frame.y]
    held = across_x if frame.ruled == "x" else across_y
    axes.add_artist(
        LineCollection(rules, colors=colours["rule"], linewidths=0.8, transform=held, zorder=0.5, clip_on=False)
    )
    marks = [[(x, 0.0), (x, -_TICK * down)] for x in frame.x]
    line = [[(axes.get_xlim()[0], 0.0), (axes.get_xlim()[1], 0.0)]]
    axes.add_artist(
        LineCollection(
            line + marks, colors=colours["quiet"], linewidths=0.8, transform=across_x, zorder=2.5, clip_on=False
        )
    )
    under = -(_TICK + _PAD + SIZE / 2) * down
    said = [Word(x, under, words.number(x), colours["ink"]) for x in frame.x]
    axes.add_artist(Lettering(said, SIZE, across_x))
    if frame.beside:
        left = -_APART / frame.width
        beside = [Word(left, y, words.number(y), colours["ink"], "right") for y in frame.y]
        axes.add_artist(Lettering(beside, SIZE, across_y))
    if frame.below:
        middle = Word(0.5, under - 1.75 * SIZE * down, frame.below, colours["quiet"])
        axes.add_artist(Lettering([middle], SIZE, axes.transAxes))
