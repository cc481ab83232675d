"""One small picture that stands for a case, for reports that are not ours (pytest-html)."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from auditor.drawing.bands import seen
from auditor.drawing.pixels import pixels
from auditor.figures import Figure, ImageGrid, Panel, Strip, Undrawn, attempt

_MOST = 8
_SIDE = 56


def thumbnail(figures: Sequence[Figure], channels: Sequence[int] = ()) -> str | Undrawn | None:
    """The first images of the first figure that has any, side by side: a PNG in base64, None, or why there is none.

    channels: of images, those that stand for red, green and blue, if the spec says so.
    """
    return attempt("The thumbnail", lambda: _thumbnail([seen(figure, channels) for figure in figures]))


def _thumbnail(figures: Sequence[Figure]) -> str | None:
    for figure in figures:
        if isinstance(figure, ImageGrid):
            return _row([(figure.panel, i) for i in range(min(len(figure.panel.images), _MOST))])
        if isinstance(figure, Strip):
            return _row([(panel, 0) for panel in figure.panels[:_MOST]])
    return None


def _row(chosen: list[tuple[Panel, int]]) -> str:
    tiles = []
    for panel, i in chosen:
        tile = Image.fromarray(pixels(panel.images[i], panel.palette, panel.limits)).convert("RGB")
        tiles.append(np.asarray(tile.resize((_SIDE, _SIDE), Image.Resampling.NEAREST)))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
