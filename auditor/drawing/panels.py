"""Grids and strips of images as one picture of Matplotlib's, for files and notebooks; pages show image by image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from auditor.drawing.canvas import Colours, canvas
from auditor.drawing.layout import longest, spoken
from auditor.drawing.lettering import Lettering, Word
from auditor.drawing.pixels import pixels
from auditor.values import ImageGrid, Panel, Strip

_SIDE, _GAP, _LINE, _EDGE = 64.0, 10.0, 13.0, 10.0
_TEXT = 9.0
_ACROSS = 8


def panels(figure: ImageGrid | Strip, colours: Colours) -> Canvas:
    """A picture of its own."""
    width, height = _size(figure)
    made = canvas(width, height)
    plot_panels(made.add_axes((0.0, 0.0, 1.0, 1.0)), figure, colours)
    return made


def plot_panels(axes: Axes, figure: ImageGrid | Strip, colours: Colours) -> None:
    """Draw all images into axes that are there, with their labels."""
    width, height = _size(figure)
    axes.set_axis_off()
    words: list[Word] = []
    if isinstance(figure, ImageGrid):
        for i in range(len(figure.panel.images)):
            row, column = divmod(i, _ACROSS)
            corner = _EDGE + column * (_SIDE + _GAP), _EDGE + row * (_SIDE + _LINE + _GAP)
            words += _image(axes, figure.panel, i, corner, colours)
    else:
        left, top = _margins(figure)
        for j, panel in enumerate(figure.panels):
            middle = left + j * (_SIDE + _GAP) + _SIDE / 2
            words.append(Word(middle, top - _LINE, _short(panel.title), colours["quiet"]))
            for i in range(len(panel.images)):
                words += _image(axes, panel, i, (middle - _SIDE / 2, top + i * _step(figure)), colours)
        for i, label in enumerate(figure.row_labels):
            words.append(
                Word(left - 8, top + i * _step(figure) + _SIDE / 2, spoken(label, 24), colours["ink"], "right")
            )
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    axes.add_artist(Lettering(words, _TEXT, axes.transData))


def _size(figure: ImageGrid | Strip) -> tuple[float, float]:
    if isinstance(figure, ImageGrid):
        count = max(1, len(figure.panel.images))
        across, down = min(count, _ACROSS), -(-count // _ACROSS)
        return 2 * _EDGE + across * (_SIDE + _GAP) - _GAP, 2 * _EDGE + down * (_SIDE + _LINE + _GAP) - _GAP
    left, top = _margins(figure)
    rows = len(figure.panels[0].images)
    return left + len(figure.panels) * (_SIDE + _GAP), top + rows * _step(figure) + _EDGE


def _margins(figure: Strip) -> tuple[float, float]:
    left = _EDGE + (longest([spoken(label, 24) for label in figure.row_labels], _TEXT) + 8 if figure.row_labels else 0)
    return left, _EDGE + 2 * _LINE


def _step(figure: Strip) -> float:
    return _SIDE + (_LINE if any(panel.labels for panel in figure.panels) else 0) + 6


def _image(axes: Axes, panel: Panel, i: int, corner: tuple[float, float], colours: Colours) -> Sequence[Word]:
    image = panel.images[i] if panel.images[i].size else np.full((1, 1, 1), np.nan)
    drawn = pixels(image, panel.palette, panel.limits)
    seen = drawn if drawn.ndim == 3 else np.stack([drawn] * 3, axis=-1)
    tall, wide = drawn.shape[:2]
    scale = _SIDE / max(tall, wide)
    x, y = corner[0] + (_SIDE - wide * scale) / 2, corner[1] + (_SIDE - tall * scale) / 2
    smooth = "none" if max(tall, wide) <= _SIDE else "antialiased"
    axes.imshow(seen, extent=(x, x + wide * scale, y + tall * scale, y), interpolation=smooth)
    below = corner[1] + _SIDE + _LINE * 0.7
    return [Word(corner[0] + _SIDE / 2, below, _short(panel.labels[i]), colours["ink"])] if panel.labels else []


def _short(text: str) -> str:
    return spoken(text, 13)
