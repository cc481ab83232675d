"""Figures to pictures: charts by Matplotlib, images by Pillow, each kept under the digest of what it shows.

Import `draw`, `prepare` and `kept_in` (for pages), `Interval` and `Figure` values to give them, and `words`. Only
`report`, `exports`, `cli` and `plugin` import this room; it imports `records`, `compute` and `values`.
Matplotlib is imported where something is drawn that isn't kept, never before.
"""

from auditor.drawing.interval import Interval
from auditor.drawing.kept import Drawable, draw, drawn_by, kept_in, png, prepare

__all__ = ["Drawable", "Interval", "draw", "drawn_by", "kept_in", "png", "prepare"]
