"""Axes: where ticks stand, and where an interval lies against its thresholds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.core import Metric
from auditor.intervals import bounds as bounds_of
from auditor.record import Expectation
from auditor.report import text


def step_for(span: float, count: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides `span` into about `count` parts."""
    if not (math.isfinite(span) and span > 0):
        return 1.0
    rough = span / max(count, 1)
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Round numbers from `low` to `high`, about `count` of them."""
    step = step_for(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Ten digits leave out what the multiplication added.
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


@dataclass(frozen=True)
class IntervalBar:
    """An interval on an axis; positions are per cent of its length.

    zone: start and length of what the expectation allows. thresholds: its ends. left, right: the numbers
    at the ends of the axis.
    """

    low: float
    value: float
    high: float
    zone: tuple[float, float] | None
    thresholds: tuple[float, ...]
    left: str
    right: str
    summary: str


def interval_bar(
    metric: Metric, interval: tuple[float, float], expectation: Expectation | None, zoom: bool
) -> IntervalBar | None:
    """Lay out a metric's interval, on its natural axis or zoomed to what decides; None without a value."""
    if not math.isfinite(metric.value):
        return None
    limits = [t for t in (expectation.min, expectation.max) if t is not None] if expectation else []
    # A side that nothing is asked about is open: zooming out to its far end would hide what decides.
    low = interval[0] if not limits or (expectation and expectation.min is not None) else metric.value
    high = interval[1] if not limits or (expectation and expectation.max is not None) else metric.value
    start, end = _axis(metric, [metric.value, low, high, *limits], zoom)
    length = end - start

    def place(value: float) -> float:
        return round(100 * min(max((value - start) / length, 0.0), 1.0), 2)

    zone = None
    if expectation and limits:
        zone_start = 0.0 if expectation.min is None else place(expectation.min)
        zone_end = 100.0 if expectation.max is None else place(expectation.max)
        zone = (zone_start, round(max(zone_end - zone_start, 0.0), 2))
    said = [f"{text.quantity(metric.kind, metric.value)}"]
    if metric.kind != "exact":
        asked = expectation if limits else None
        said.append(
            f"interval {text.limits(metric.kind, *interval, asked) if asked else text.span(metric.kind, *interval)}"
        )
    if expectation and limits:
        said.append(f"expected {text.wanted(metric.kind, expectation)}")
    return IntervalBar(
        low=place(interval[0]),
        value=place(metric.value),
        high=place(interval[1]),
        zone=zone,
        thresholds=tuple(place(limit) for limit in limits),
        left=text.quantity(metric.kind, start),
        right=text.quantity(metric.kind, end),
        summary=", ".join(said),
    )


def _axis(metric: Metric, points: Sequence[float], zoom: bool) -> tuple[float, float]:
    """Ends of the axis: the metric's bounds where known, or a rounded neighbourhood of the points."""
    bounds = bounds_of(metric)
    if not zoom and metric.kind != "difference" and all(map(math.isfinite, bounds)) and bounds[0] < bounds[1]:
        return bounds
    finite = [point for point in points if math.isfinite(point)]
    if not zoom:
        finite.append(0.0)
    low, high = min(finite), max(finite)
    margin = (high - low) * 0.3 or abs(high) * 0.1 or 0.5
    step = step_for(high - low + 2 * margin, 8)
    start = max(math.floor((low - margin) / step) * step, min(bounds[0], low))
    end = min(math.ceil((high + margin) / step) * step, max(bounds[1], high))
    return (start, end) if end > start else (start - 0.5, start + 0.5)
