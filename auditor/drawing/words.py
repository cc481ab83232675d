"""Labels of what is drawn, and places on axes."""

import math
from collections.abc import Sequence

from auditor.telling import numbers


def label_of(labels: Sequence[str], i: int) -> str:
    """Label i, or its number where there are fewer labels."""
    return labels[i] if i < len(labels) else str(i)


def tick(value: float) -> str:
    """A place on an axis: with as many digits as tell it from its neighbours."""
    if not math.isfinite(value) or value == int(value) or not 1e-3 <= abs(value) < 1e6:
        return numbers.number(value)
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.6g}"
