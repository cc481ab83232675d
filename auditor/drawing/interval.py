"""An interval on its axis, as data: what `charts` draws beside a verdict."""

from dataclasses import dataclass
from typing import Literal

from auditor.values import MetricKind


@dataclass(frozen=True)
class Interval:
    """A metric's interval against what was expected of it.

    value: the estimate, finite. low, high: ends of the interval, which may be infinite. least, most: what the
    expectation allows, None where it sets no limit. bounds: the ends of the metric's own scale, infinite where it
    has none. zoom: whether the axis shows the neighbourhood of what decides, and not the whole scale. named: whether
    the ends of the axis are named, as they always are of a neighbourhood.
    """

    metric: MetricKind
    value: float
    low: float
    high: float
    least: float | None
    most: float | None
    bounds: tuple[float, float]
    zoom: bool
    named: bool = True
    kind: Literal["interval"] = "interval"
