"""How strong a severity is on images of any size.

A table made for 224 × 224 images destroys images of 28 × 28: a blur that softens an outline there is wider than a
whole digit here. The authors of the corruptions published two tables, one for 224 × 224 (ImageNet-C) and a milder one
for 32 × 32 (CIFAR-10-C); Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations, ICLR 2019. Here a strength is the one at 224 pixels and above, the other at 32 and below, and in between
it follows the power law through both: every halving of the side changes it by the same factor. Beyond the two nobody
has looked, so nothing is extrapolated. What has one table alone is a share of the image's side, or has no length.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SEVERITIES = (1, 2, 3, 4, 5)
SMALL, LARGE = 32, 224

Level = tuple[float, ...]


@dataclass(frozen=True)
class Strengths:
    """The numbers of a kind at each of the five severities, for images of a side of 224 and of 32 pixels."""

    large: tuple[Level, ...]
    small: tuple[Level, ...]

    def at(self, severity: int, side: int) -> Level:
        """The numbers at a severity from 1 to 5, for images whose shorter side is so many pixels."""
        pairs = zip(self.small[severity - 1], self.large[severity - 1], strict=True)
        return tuple(_between(small, large, side) for small, large in pairs)


def listed(large: Sequence[float], small: Sequence[float] | None = None) -> Strengths:
    """The strengths of a kind that has one number; the same at every size where there is no second table."""
    first = tuple((float(value),) for value in large)
    return Strengths(first, first if small is None else tuple((float(value),) for value in small))


def _between(small: float, large: float, side: int) -> float:
    share = math.log(min(max(side, SMALL), LARGE) / SMALL) / math.log(LARGE / SMALL)
    if small > 0 and large > 0:
        return float(small ** (1 - share) * large**share)
    return small + (large - small) * share
