"""How numbers are written for people, in one place: at most three digits, shares in per cent, limits rounded outwards.

Only a true 0 and 1 read as 0% and 100%. Where so few digits would say the opposite of what was judged, there are more.
"""

import math
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from typing import Literal

Rounded = Literal["nearest", "lower", "upper"]
NO_VALUE = "no value"
ENDLESS = "∞"
SHARES = ("proportion", "lowest", "highest")
"""Kinds of metrics that are shares."""
_ROUNDING = {"nearest": ROUND_HALF_EVEN, "lower": ROUND_FLOOR, "upper": ROUND_CEILING}
_DIGITS = 3
_MORE = 4  # digits that are added at most, for a number that would else seem to be on the other side of a threshold
_LEVELS = 255
_NUMBER = re.compile(r"([<>] )?([-+]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(%| points)?")


def percent(value: float, least: float | None = None, most: float | None = None, to: Rounded = "nearest") -> str:
    """A share in per cent, to a tenth: `96.5%`, `< 0.1%`, `> 99.9%`.

    least, most: what it is held against. to: "nearest", or for a limit "lower" or "upper".
    """
    if not math.isfinite(value):
        return _endless(value)
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    if to == "nearest" and 0 < value < 0.0005 and not _between(0, 0.001, least, most):
        return "< 0.1%"
    if to == "nearest" and 0.9995 <= value < 1 and not _between(0.999, 1, least, most):
        return "> 99.9%"
    decimals = 0 if abs(value) >= 1 and to == "nearest" else 1
    told = _told(100 * value, decimals, _scaled(least), _scaled(most), to)
    return f"{told.removesuffix('.0') if told in ('0.0', '100.0') else told}%"


def number(value: float, least: float | None = None, most: float | None = None, to: Rounded = "nearest") -> str:
    """A number to three digits; whole ones as they are: `0.0821`, `12.3`, `1234`, `4.1e-5`. Else as for `percent`."""
    if not math.isfinite(value):
        return _endless(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    if abs(value) >= 1e6:
        return f"{value:.2e}"
    if abs(value) >= 1000:
        return f"{_moved(value, 0, to):,.0f}"
    if abs(value) < 1e-3:
        return f"{Context(prec=2, rounding=_ROUNDING[to]).create_decimal_from_float(float(value)):.1e}"
    decimals = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    told = _told(value, decimals, least, most, to)
    return told.rstrip("0").rstrip(".") if "." in told else told


def probability(value: float) -> str:
    """A probability: `0.643`, `> 0.999`, `< 0.001`."""
    if not math.isfinite(value):
        return _endless(value)
    if value < 0.0005:
        return "< 0.001"
    return "> 0.999" if value >= 0.9995 else f"{value:.3f}"


def points(value: float, least: float | None = None, most: float | None = None, to: Rounded = "nearest") -> str:
    """A difference of shares in percentage points, with its sign: `+0.4`, `-12.3`. Else as for `percent`."""
    if not math.isfinite(value) or not value:
        return _endless(value) if value else "0"
    if to == "nearest" and abs(value) < 5e-4 and not _between(*sorted((0, value)), least, most):
        return f"{100 * value:+.1g}"
    told = _told(100 * value, 1, _scaled(least), _scaled(most), to)
    return told if told.startswith("-") else f"+{told}"


def radius(value: float) -> str:
    """A radius: as the fraction of 8-bit levels that it was written as, where it is one, and as a number."""
    told, levels = f"{value:.3g}", value * _LEVELS
    fraction = value < 1 and abs(levels - round(levels)) < 1e-9 and not math.isclose(value, float(told), rel_tol=1e-9)
    return f"{round(levels)}/{_LEVELS} ({told})" if fraction else told


def quantity(
    kind: str, value: float, least: float | None = None, most: float | None = None, to: Rounded = "nearest"
) -> str:
    """A value in the units of a kind of metric: a share, a difference of shares, or a number. Else as for `percent`."""
    if math.isfinite(value) and kind in SHARES:
        return percent(value, least, most, to)
    return f"{points(value, least, most, to)} points" if kind == "difference" else number(value, least, most, to)


def threshold(kind: str, value: float) -> str:
    """What a value of a kind is held against, as exactly as it was written."""
    if kind == "difference":
        return f"{100 * value:.10g} points"
    return f"{100 * value:.10g}%" if kind in SHARES else f"{value:.10g}"


def same_told(told: str, now: str) -> bool:
    """Whether a sentence says what it says now, its numbers perhaps with more digits, as they were once written.

    A number with fewer digits than now is another one, and so is a whole one that isn't the same.
    """
    if told == now:
        return True
    if _NUMBER.sub("#", told) != _NUMBER.sub("#", now):
        return False
    pairs = zip(_NUMBER.finditer(told), _NUMBER.finditer(now), strict=True)
    return all(_same_number(one, other) for one, other in pairs)


def _same_number(told: re.Match[str], now: re.Match[str]) -> bool:
    if told[0] == now[0]:
        return True
    (then, then_unit), (value, unit) = _read(told), _read(now)
    if then_unit > unit * (1 + 1e-9) or told[1]:
        return False
    if now[1]:  # `> 99.9%` was written as `99.97%`, or as `100.0%`
        return then > value if now[1] == "> " else then < value
    room = 1e-9 if math.isclose(then_unit, unit) else unit if unit < 1 else 0.005 * abs(value)
    return abs(then - value) <= room * (1 + 1e-6)


def _read(found: re.Match[str]) -> tuple[float, float]:
    """A number, and the unit of its last digit; `100%` is no less exact than `99.9%`."""
    digits, _, power = found[2].replace(",", "").partition("e")
    scale = 10.0 ** int(power or 0) / (100 if found[3] else 1)
    decimals = len(digits.partition(".")[2]) or (1 if found[3] else 0)
    return float(digits) * scale, scale * 10.0**-decimals


def _between(low: float, high: float, *thresholds: float | None) -> bool:
    return any(one is not None and low < one < high for one in thresholds)


def _scaled(threshold: float | None) -> float | None:
    return None if threshold is None else 100 * threshold


def _told(value: float, decimals: int, least: float | None, most: float | None, to: Rounded) -> str:
    """A number with so many decimals, or with as many more as leave it on its side of what it is held against."""
    for more in range(_MORE):
        shown = f"{_moved(value, decimals + more, to):.{decimals + more}f}"
        near = float(shown)
        if (least is None or (near >= least - 1e-9) == (value >= least - 1e-9)) and (
            most is None or (near <= most + 1e-9) == (value <= most + 1e-9)
        ):
            break
    return shown


def _moved(value: float, decimals: int, to: Rounded) -> float:
    """A number rounded to decimals: to the nearest, or outwards; what is off by no more than floats are stays."""
    scale = 10.0**decimals
    if to == "nearest" or math.isclose(value * scale, round(value * scale), rel_tol=1e-9):
        return round(value, decimals) + 0.0
    return (math.floor if to == "lower" else math.ceil)(value * scale) / scale


def _endless(value: float) -> str:
    return NO_VALUE if math.isnan(value) else ENDLESS if value > 0 else f"−{ENDLESS}"


def times(shape: tuple[int, ...]) -> str:
    """A shape as people say it."""
    return " × ".join(map(str, shape))
