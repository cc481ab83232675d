"""Untrusted text made safe to look at, and numbers put the way a person reads them."""

import json
import math
import re
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from auditor.statistics import independence
from auditor.telling.escaping import visible
from auditor.telling.lists import listed
from auditor.telling.numbers import NO_VALUE, number, percent, points, quantity, threshold
from auditor.values import Expectation, Metric, MetricInfo, MetricKind

# Not by strftime, which follows the reader's locale: the same run must give the same page everywhere.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MOST_TIED = 3
_CODE = re.compile(r"`([^`\n]+)`")


def finalize(value: Any) -> Any:
    """Make everything a template prints visible; markup was made from visible text already."""
    return value if isinstance(value, Markup) else visible(str(value))


@lru_cache(maxsize=1000)
def prose(text: str) -> Markup:
    """Escape a text and set what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


def address(path: str) -> str:
    """A path as it stands in a link."""
    return quote(visible(path), "/")


def paragraphs(text: str) -> tuple[str, ...]:
    """Split a text at its empty lines, and join the lines of each part."""
    parts = re.split(r"\n\s*\n", text.strip())
    return tuple(" ".join(part.split()) for part in parts if part.strip())


def shortened(text: str, most: int) -> str:
    """A text on one line, cut after `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most].rstrip()} …"


def cut(text: str, most: int) -> str:
    """A text as it is, cut after `most` characters."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} more characters in results.json)"


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


def shown_as(metric: Metric, info: MetricInfo | None = None) -> MetricKind:
    """The kind whose units a metric is shown in: an extreme has those of its groups, a gap of shares is in points.

    info: what its check says of it; a mean that always lies between 0 and 1 is a share, too, one
    that does between -1 and 1 a difference of shares.
    """
    if info is not None and info.is_share and metric.kind in ("mean", "median", "exact", "lowest", "highest"):
        return "proportion"
    if info is not None and info.is_difference and metric.kind == "mean":
        return "difference"
    if metric.kind in ("lowest", "highest"):
        return shown_as(next(iter(metric.groups.values()))) if metric.groups else "proportion"
    if metric.kind == "spread":
        shares = all(shown_as(part) == "proportion" for part in metric.groups.values())
        return "proportion" if shares else "mean"
    if metric.kind == "gap":
        shares = all(shown_as(part) == "proportion" for part in metric.groups.values())
        return "difference" if shares else "mean"
    if metric.kind in ("binned", "auroc"):
        return "mean"
    return "median" if metric.kind == "crossing" else metric.kind


def span(kind: MetricKind, low: float, high: float) -> str:
    """An interval in words; a missing end is said to be missing, and both at once."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return "unknown"
    put = points if kind == "difference" else partial(quantity, kind)
    ends = [put(end) if math.isfinite(end) else "unknown" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}" + (" points" if kind == "difference" else "")


def limits(kind: MetricKind, low: float, high: float, expectation: Expectation) -> str:
    """The interval that an expectation is judged by: `≥ 94.3%` where it asks for a lower limit alone."""
    if expectation.max is None:
        return "unknown" if low == -math.inf else f"≥ {quantity(kind, low, least=expectation.min, to='lower')}"
    if expectation.min is None:
        return "unknown" if high == math.inf else f"≤ {quantity(kind, high, most=expectation.max, to='upper')}"
    return span(kind, low, high)


def counted(metric: Metric) -> str:
    """What a metric rests on: `964 of 1000`, or `n = 200`."""
    if metric.kind == "exact":
        return ""
    if metric.kind in ("lowest", "highest"):
        tied = [f"{n}: {counted(g)}" for n, g in metric.groups.items() if g.n and g.value == metric.value]
        return listed(tied, _MOST_TIED) or f"n = {metric.n}"
    plain = f"{metric.successes} of {metric.n}" if metric.kind == "proportion" else f"n = {metric.n}"
    return f"{plain}{_in_clusters(metric)}"


def _in_clusters(metric: Metric) -> str:
    """How many clusters its samples lie in, and as how many independent ones they count."""
    count, worth = independence(metric)
    if count is None:
        return ""
    if not count:
        return ", clusters unknown"
    return f" in {count} clusters" + ("" if worth is None else f", as good as {worth:.0f}")


def wanted(kind: MetricKind, expectation: Expectation) -> str:
    """An expectation in the units of its metric: `≥ 94%`."""
    ends = (("≥", expectation.min), ("≤", expectation.max))
    return " and ".join(f"{sign} {threshold(kind, value)}" for sign, value in ends if value is not None)


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


def cell(value: str | float | int, share: bool = False) -> str:
    """A cell of a table. share: whether a number there is one."""
    if isinstance(value, float):
        return percent(value) if share else number(value)
    return str(value)
