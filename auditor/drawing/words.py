"""Texts and numbers as they are put on pages and into pictures: safe to look at, easy to read."""

import math
from collections.abc import Sequence

from auditor.values import MetricKind

NO_VALUE = "no value"
ENDLESS = "∞"
_SHARES = ("proportion", "lowest", "highest")


def label_of(labels: Sequence[str], i: int) -> str:
    """Label i, or its number where there are fewer labels."""
    return labels[i] if i < len(labels) else str(i)


def percent(value: float) -> str:
    """A share in per cent, with enough digits that only a true 0 and 1 read as 0% and 100%."""
    if not math.isfinite(value):
        return NO_VALUE
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    for decimals in range(1, 8):
        text = f"{100 * value:.{decimals}f}"
        if float(text) not in (0.0, 100.0):
            break
    return f"{text}%"


def number(value: float) -> str:
    """A number to four significant digits, more where rounding would make it look whole."""
    if math.isinf(value):
        return ENDLESS if value > 0 else f"−{ENDLESS}"
    if math.isnan(value):
        return NO_VALUE
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    for digits in range(4, 8):
        text = f"{value:.{digits}g}"
        if float(text) != int(float(text)):
            break
    return text


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    if not math.isfinite(value):
        return NO_VALUE
    return f"{100 * value:+.2f}" if abs(value) >= 5e-5 else "0"


def quantity(kind: MetricKind, value: float) -> str:
    """A value of a metric: a share in per cent, a mean rounded, an exact number as it is; what has none is infinite."""
    if math.isinf(value):
        return number(value)
    if kind in _SHARES:
        return percent(value)
    if kind == "difference":
        return f"{points(value)} points"
    if kind == "exact" and math.isfinite(value):
        return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
    return number(value)
