"""Many short texts as one artist: ten times as fast as one of Matplotlib's texts for each of a heatmap's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform, Transform

from auditor.drawing.svg import Inline

_measured: dict[tuple[str, float, float], dict[str, float]] = {}
"""How wide words are, by canvas, size and dots: charts say the same numbers over and over."""
_MOST_MEASURED = 10_000
_MIDDLE = 0.36
"""From the baseline to the middle of a digit, of the size of the text."""


@dataclass(frozen=True)
class Word:
    """A text at (x, y), of the coordinates that its lettering has: centred across at that height, or beside it."""

    x: float
    y: float
    said: str
    colour: str
    side: Literal["left", "center", "right"] = "center"
    upright: bool = False


class Lettering(Artist):
    """Words of one size."""

    def __init__(self, words: Sequence[Word], size: float, coordinates: Transform) -> None:
        super().__init__()
        self._words = words
        self._font = FontProperties(size=size)
        self._size = size
        self.set_zorder(5)
        self.set_transform(coordinates)

    def draw(self, renderer: Any) -> None:
        """Draw every word; a renderer that can anchor texts itself is told where."""
        if not self._words:
            return
        pixels = renderer.points_to_pixels(1.0)
        height = renderer.get_canvas_width_height()[1]
        places = self.get_transform().transform([(word.x, word.y) for word in self._words])
        if isinstance(renderer, Inline):  # a browser knows how wide the words are
            down = _MIDDLE * self._size
            for word, (x, y) in zip(self._words, places.tolist(), strict=True):
                x, y = (x + down, height - y) if word.upright else (x, height - y + down)
                renderer.anchored(word.said, x, y, word.side, self._size, word.colour, 90.0 if word.upright else 0.0)
            return
        anchor = Text(rotation_mode="anchor", transform=IdentityTransform())
        widths = _measured.setdefault((_kind(self), self._size, pixels), {})
        context = renderer.new_gc()
        for word, (x, y) in zip(self._words, places, strict=True):
            if word.said not in widths:
                if len(widths) >= _MOST_MEASURED:
                    widths.clear()
                widths[word.said] = renderer.get_text_width_height_descent(word.said, self._font, False)[0]
            shift = {"left": 0.0, "center": 0.5, "right": 1.0}[word.side] * widths[word.said]
            if word.upright:
                x += _MIDDLE * self._size * pixels
            else:
                y -= _MIDDLE * self._size * pixels
            anchor.set(position=(x, y), horizontalalignment=word.side)
            context.set_foreground(word.colour)
            start = (x, y - shift) if word.upright else (x - shift, y)
            down = height - start[1] if renderer.flipy() else start[1]
            angle = 90.0 if word.upright else 0.0
            renderer.draw_text(context, start[0], down, word.said, self._font, angle, mtext=anchor)
        context.restore()


def _kind(artist: Artist) -> str:
    """What is drawn on, an SVG or pixels, each of which measures texts in its own way."""
    figure = artist.get_figure(root=True)
    return type(figure.canvas).__name__ if figure is not None else ""
