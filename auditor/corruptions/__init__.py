"""What the world does to images: noise, blur, weather, digital faults and changed shapes, at five severities.

`corrupt` applies one kind, `CORRUPTIONS` lists all, one file a family: `noise`, `blur`, `weather`, `digital`, `shapes`;
`transformed` turns, moves and scales. How a severity scales with the size of images stands in `severity`. NumPy, SciPy
and Pillow alone, and what is random belongs to an image. Import what others use from `auditor.corruptions`. It imports
`compute` and `values`.
"""

from auditor.corruptions.registry import (
    CORRUPTIONS,
    FAMILIES,
    Family,
    Kind,
    corrupt,
    every_family,
    named_kinds,
    of_family,
)
from auditor.corruptions.severity import SEVERITIES
from auditor.corruptions.warping import Border, Interpolation, transformed

__all__ = [
    "CORRUPTIONS",
    "FAMILIES",
    "SEVERITIES",
    "Border",
    "Family",
    "Interpolation",
    "Kind",
    "corrupt",
    "every_family",
    "named_kinds",
    "of_family",
    "transformed",
]
