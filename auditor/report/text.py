"""Untrusted text made safe to look at, and numbers put the way a person reads them."""

import json
import math
import re
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from markupsafe import Markup, escape

from auditor.core import Metric, MetricKind
from auditor.record import Expectation

NO_VALUE = "no value"

# Characters that are invisible or reorder their surroundings could make a page say what its records don't.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Not by strftime, which follows the reader's locale: the same run must give the same page everywhere.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_CODE = re.compile(r"`([^`\n]+)`")


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def visible(text: str) -> str:
    """Replace control, zero-width and direction-changing characters by something that can be seen."""
    # Nearly all texts are printable, which is quickly known.
    return text if text.isprintable() else _INVISIBLE.sub(_shown, text)


def finalize(value: Any) -> Any:
    """Make everything a template prints visible; markup was made from visible text already."""
    return value if isinstance(value, Markup) else visible(str(value))


@lru_cache(maxsize=1000)
def prose(text: str) -> Markup:
    """Escape a text and set what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


def paragraphs(text: str) -> tuple[str, ...]:
    """Split a text at its empty lines, and join the lines of each part."""
    parts = re.split(r"\n\s*\n", text.strip())
    return tuple(" ".join(part.split()) for part in parts if part.strip())


def shortened(text: str, most: int) -> str:
    """A text on one line, cut after `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most].rstrip()} …"


def entries(text: str) -> tuple[str, ...]:
    """Split a list of references: an entry goes on until a line ends in a full stop."""
    found: list[str] = []
    unfinished = False
    for line in (" ".join(line.split()) for line in text.splitlines() if line.strip()):
        if unfinished:
            found[-1] += f" {line}"
        else:
            found.append(line)
        unfinished = not line.endswith(".")
    return tuple(found)


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
    if not math.isfinite(value):
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
    """A value of a metric: a share in per cent, a mean rounded, an exact number as it is."""
    if kind == "proportion":
        return percent(value)
    if kind == "difference":
        return f"{points(value)} points"
    if kind == "exact" and math.isfinite(value):
        return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
    return number(value)


def span(kind: MetricKind, low: float, high: float) -> str:
    """An interval in words; a missing end is said to be missing."""
    put = points if kind == "difference" else partial(quantity, kind)
    ends = [put(end) if math.isfinite(end) else "unknown" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}" + (" points" if kind == "difference" else "")


def limits(kind: MetricKind, low: float, high: float, expectation: Expectation) -> str:
    """The interval that an expectation is judged by: `≥ 94.3%` where it asks for a lower limit alone."""
    if expectation.max is None:
        return f"≥ {quantity(kind, low)}" if math.isfinite(low) else "unknown"
    if expectation.min is None:
        return f"≤ {quantity(kind, high)}" if math.isfinite(high) else "unknown"
    return span(kind, low, high)


def counted(metric: Metric) -> str:
    """What a metric rests on: `964 of 1000`, or `n = 200`."""
    if metric.kind == "exact":
        return ""
    return f"{metric.successes} of {metric.n}" if metric.kind == "proportion" else f"n = {metric.n}"


def wanted(kind: MetricKind, expectation: Expectation) -> str:
    """An expectation in the units of its metric: `≥ 94%`."""
    ends = (("≥", expectation.min), ("≤", expectation.max))
    return " and ".join(f"{sign} {_threshold(kind, value)}" for sign, value in ends if value is not None)


def _threshold(kind: MetricKind, value: float) -> str:
    if kind == "difference":
        return f"{100 * value:.10g} points"
    return f"{100 * value:.10g}%" if kind == "proportion" else f"{value:.10g}"


def seconds(value: float) -> str:
    """A duration, short."""
    if not math.isfinite(value):
        return NO_VALUE
    if value < 10:
        return f"{value:.1f} s" if value >= 0.05 else "< 0.1 s"
    minutes, rest = divmod(round(value), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(value: str) -> str:
    """A time as people write it, in UTC; what isn't ISO 8601 stays as it is."""
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return value
    if time.tzinfo is None:
        return value
    time = time.astimezone(UTC)
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M:%S} UTC"


def plain(value: Any) -> str:
    """Any stored value on one line: texts as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def cell(value: str | float | int) -> str:
    """A cell of a table."""
    if isinstance(value, float):
        return number(value)
    return str(value)
