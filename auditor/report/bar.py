"""Where an interval lies against what was expected of it: as a picture, and in words."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from auditor.drawing import Interval
from auditor.report import text
from auditor.report.drawing import svg_of
from auditor.statistics import bounds
from auditor.telling.numbers import quantity
from auditor.values import A_SHARE, Expectation, Metric, MetricKind


@dataclass(frozen=True)
class IntervalBar:
    """An interval to be drawn; summary: what it shows."""

    plot: Interval
    summary: str

    @property
    def svg(self) -> Markup:
        """The picture as an element of the page."""
        return svg_of(self.plot)


def interval_bar(
    kind: MetricKind,
    metric: Metric,
    interval: tuple[float, float],
    expectation: Expectation | None,
    zoom: bool,
    whole: bool = False,
) -> IntervalBar | None:
    """A metric's interval on its natural axis, or zoomed to what decides; None without a value.

    kind: whose units it is shown in. whole: whether it has both ends, though the expectation asks for one.
    """
    if not math.isfinite(metric.value):
        return None
    least, most = (expectation.min, expectation.max) if expectation else (None, None)
    said = [quantity(kind, metric.value, least, most)]
    asked = expectation if least is not None or most is not None else None
    if metric.kind != "exact":
        put = text.limits(kind, *interval, asked) if asked and not whole else text.span(kind, *interval)
        said.append(f"interval {put}")
    if asked:
        said.append(f"expected {text.wanted(kind, asked)}")
    low, high = float(interval[0]), float(interval[1])
    # What is exactly counted has no bounds of its own; as a share, its axis ends where shares do.
    ends = A_SHARE if kind == "proportion" else bounds(metric)
    plot = Interval(kind, float(metric.value), low, high, least, most, ends, zoom)
    return IntervalBar(plot, ", ".join(said))
