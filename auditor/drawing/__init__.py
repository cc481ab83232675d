"""Figures to pictures: charts by Matplotlib, images by Pillow, each kept under the digest of what it shows.

Import `draw`, `prepare` and `kept_in` (for pages) and `Interval` from here, the rest from `drawing.words`,
`drawing.bands`, `drawing.worst` and `drawing.files` (which `values` import when a notebook shows them). Only `report`,
`exports`, `cli` and `plugin` import this room; it imports `records`, `compute` and `values`.
Matplotlib is imported where something is drawn that isn't kept, never before.
"""

from auditor.drawing.interval import Interval
from auditor.drawing.kept import Drawable, draw, drawn_by, kept_in, png, prepare

__all__ = ["Drawable", "Interval", "draw", "drawn_by", "kept_in", "png", "prepare"]
