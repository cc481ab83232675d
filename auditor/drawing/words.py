"""Labels of what is drawn, and places on axes."""

import math
from collections.abc import Callable, Sequence

from auditor.telling import numbers
from auditor.values import Array


def label_of(labels: Sequence[str], i: int) -> str:
    """Label i, or its number where there are fewer labels."""
    return labels[i] if i < len(labels) else str(i)


def tick(value: float) -> str:
    """A place on an axis: with as many digits as tell it from its neighbours."""
    if not math.isfinite(value) or value == int(value) or not 1e-3 <= abs(value) < 1e6:
        return numbers.number(value)
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.6g}"


def share_tick(value: float) -> str:
    """A place on an axis of shares, in per cent."""
    return f"{tick(round(100 * value, 9))}%" if math.isfinite(value) else numbers.NO_VALUE


def ticks_of(shares: bool) -> Callable[[float], str]:
    """How places on an axis are told."""
    return share_tick if shares else tick


def reading(value: float, n: Array | None, at: tuple[int, ...]) -> str:
    """A value as it stands beside its bar: a share with of how many, or a number.

    n: of how many each is a share, if they are. at: the place of the value among them.
    """
    return numbers.number(value) if n is None else f"{numbers.percent(value)} of {int(n[at])}"
