"""One page for a whole reports folder: every audit, its last verdicts, and a trend for every case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from auditor.records.history import Audit, Point
from auditor.report import PAGE, text
from auditor.report.html import as_files, render_template
from auditor.report.outcome import urgency_of
from auditor.telling.numbers import quantity
from auditor.values import MetricKind

_WIDTH, _HEIGHT, _MARGIN = 160, 28, 4


@dataclass(frozen=True)
class Trend:
    """One case over its runs: its last state as it is read, the last value in words, and a small line (SVG points)."""

    case: str
    metric: str
    state: str
    last: str
    said: str
    points: str
    dots: tuple[tuple[float, float, str, str], ...]


@dataclass(frozen=True)
class Row:
    """One audit."""

    audit: Audit
    started: str
    trends: tuple[Trend, ...]


def render_index(audits: Sequence[Audit], beside: bool = False) -> dict[str, bytes]:
    """Render the page to its files, by name; the same history always gives the same.

    beside: as for `render_template`.
    """
    rows = tuple(Row(audit, text.moment(audit.started), tuple(_trends(audit))) for audit in audits)
    page = render_template("index.html", beside, rows=rows, width=_WIDTH, height=_HEIGHT)
    return as_files(PAGE, page, beside)


def _trends(audit: Audit) -> list[Trend]:
    """The trend of every case, what is most urgent first, else in the order of the spec."""
    trends = [_trend(case, points) for case, points in audit.trends.items()]
    return sorted(trends, key=lambda trend: urgency_of(trend.state))


def _trend(case: str, points: Sequence[Point]) -> Trend:
    last = points[-1]
    # A spec may ask about another metric by now: what was measured before is another trend.
    known = [point for point in points if point.value is not None and point.metric == last.metric]
    values = [float(point.value) for point in known if point.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = (_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    places = [
        (round(_MARGIN + i * step, 1), round(_HEIGHT - _MARGIN - (v - low) / (high - low) * (_HEIGHT - 2 * _MARGIN), 1))
        for i, v in enumerate(values)
    ]
    kind = _kind(last.kind)
    shown = [quantity(kind, value) for value in values]
    dots = tuple(
        (x, y, point.state, f"{value}, {point.state}, {point.started} {point.commit[:10]}".strip())
        for (x, y), value, point in zip(places, shown, known, strict=True)
    )
    said = f"{last.metric} over {len(values)} runs: from {shown[0]} to {shown[-1]}" if values else "nothing measured"
    line = " ".join(f"{x},{y}" for x, y in places)
    return Trend(case, last.metric, last.state, shown[-1] if shown else "–", said, line, dots)


def _kind(name: str) -> MetricKind:
    kinds: tuple[MetricKind, ...] = get_args(MetricKind)
    return next((kind for kind in kinds if kind == name), "exact")
