"""The frame of a chart: its rules, the ticks on its lower line and what they say, as a few artists.

Matplotlib's own axes make a dozen objects for every tick, which took most of the time that a chart takes. Here all
places are known beforehand, so there are none, and nothing is measured that is only drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.collections import LineCollection

from auditor.drawing import words
from auditor.drawing.canvas import Colours, Plane
from auditor.drawing.layout import SIZE
from auditor.drawing.lettering import Lettering, Word

_TICK, _PAD, _APART = 3.5, 3.5, 7.0  # pixels: a tick's length, from there to its number, from the left edge to one


@dataclass(frozen=True)
class Frame:
    """What frames a plane: ticks along x and y, which of them have rules (`x` or `y`).

    beside: whether the numbers of y stand left of it. below: what x is, in words. say_x, say_y: how a tick is told.
    """

    x: Sequence[float]
    y: Sequence[float]
    ruled: str
    beside: bool = True
    below: str = ""
    say_x: Callable[[float], str] = words.tick
    say_y: Callable[[float], str] = words.tick


def draw_frame(plane: Plane, frame: Frame, colours: Colours) -> None:
    """Draw a frame around a plane."""
    down = 1 / plane.height
    rules = [[(x, 0.0), (x, 1.0)] for x in frame.x] if frame.ruled == "x" else [[(0.0, y), (1.0, y)] for y in frame.y]
    held = plane.under if frame.ruled == "x" else plane.beside
    plane.add(LineCollection(rules, colors=colours["rule"], linewidths=0.8, transform=held, zorder=0.5))
    lines = [[(plane.x[0], 0.0), (plane.x[1], 0.0)], *([(x, 0.0), (x, -_TICK * down)] for x in frame.x)]
    plane.add(LineCollection(lines, colors=colours["quiet"], linewidths=0.8, transform=plane.under, zorder=2.5))
    lower = -(_TICK + _PAD + SIZE / 2) * down
    plane.add(Lettering([Word(x, lower, frame.say_x(x), colours["ink"]) for x in frame.x], SIZE, plane.under))
    if frame.beside:
        left = -_APART / plane.width
        beside = [Word(left, y, frame.say_y(y), colours["ink"], "right") for y in frame.y]
        plane.add(Lettering(beside, SIZE, plane.beside))
    if frame.below:
        middle = Word(0.5, lower - 1.75 * SIZE * down, frame.below, colours["quiet"])
        plane.add(Lettering([middle], SIZE, plane.inside))
