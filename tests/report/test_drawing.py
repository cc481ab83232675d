import re

import numpy as np
import pytest

from auditor.core import exact, mean, proportion
from auditor.figures import Bars, Curve, Heatmap, Panel, Series, Strip
from auditor.record import Expectation
from auditor.report.drawing import BarChart, Matrix, draw
from auditor.report.scale import interval_bar, ticks


def curve(y: list[float], **more: object) -> Curve:
    values = np.array(y)
    return Curve("t", "c", "a", np.arange(len(y)), (Series("s", values),), "x", "y", **more)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def test_curves_rise_upwards_and_fill_the_plot() -> None:
    chart = draw(curve([0.0, 0.5, 1.0])).body
    found = points(chart.lines[0].line)
    assert found[0] == (0.0, chart.plot_height)
    assert found[-1] == (chart.plot_width, 0.0)
    assert [tick.label for tick in chart.x_ticks] == ["0", "1", "2"]
    assert [tick.label for tick in chart.y_ticks] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]


def test_points_that_are_no_numbers_leave_a_gap() -> None:
    line = draw(curve([0.0, 0.5, float("nan"), 1.0])).body.lines[0]
    assert line.line.count("M") == 2
    assert len(points(line.line)) == 3


def test_bands_enclose_their_series() -> None:
    y = np.array([0.2, 0.4])
    banded = Curve("t", "c", "a", np.arange(2), (Series("s", y, y - 0.1, y + 0.1),), "x", "y")
    corners = points(draw(banded).body.lines[0].band)
    assert len(corners) == 4
    heights = [down for _, down in points(draw(banded).body.lines[0].line)]
    assert corners[0][1] < heights[0] < corners[3][1]


def test_series_differ_in_more_than_colour() -> None:
    y = np.array([0.0, 1.0])
    many = Curve("t", "c", "a", np.arange(2), tuple(Series(str(i), y) for i in range(8)), "x", "y")
    looks = {(line.colour, line.dash, line.sample) for line in draw(many).body.lines}
    assert len(looks) == 8
    assert len({line.sample for line in draw(many).body.lines[:5]}) == 5


@pytest.mark.parametrize("y", [[], [0.3], [float("nan")]])
def test_short_curves_are_drawn(y: list[float]) -> None:
    assert len(draw(curve(y)).body.rows) == len(y)


def test_long_curves_list_some_points_and_say_so() -> None:
    chart = draw(curve([0.1] * 1000)).body
    assert len(chart.rows) + chart.left_out == 1000
    assert 1 < len(chart.rows) < 100


def heatmap(values: list[float], palette: str, limits: tuple[float, float]) -> list[str]:
    drawn = draw(Heatmap("t", "c", "a", np.array([values]), ("r",), tuple("abcdef"), "r", "c", limits, palette))
    assert isinstance(drawn.body, Matrix)
    return [cell.colour for cell in drawn.body.rows[0][1]]


def test_heatmaps_colour_by_value_and_never_hide_a_small_one() -> None:
    assert heatmap([0, 0.1, 50, 100, 500, np.nan], "sequential", (0, 100)) == [
        "heat-0",
        "heat-1",
        "heat-5",
        "heat-10",
        "heat-10",
        "none",
    ]
    assert heatmap([-1, -0.5, 0, 0.01, 1], "diverging", (-1, 1)) == ["less-10", "less-5", "heat-0", "more-1", "more-10"]


@pytest.mark.parametrize(
    ("rows", "panels", "parts"), [(32, 3, [16, 16]), (4, 3, [4]), (20, 9, [20]), (9, 1, [3, 3, 3])]
)
def test_many_short_rows_stand_side_by_side(rows: int, panels: int, parts: list[int]) -> None:
    labels = tuple(map(str, range(rows)))
    drawn = draw(Strip("t", "c", "a", (Panel(np.zeros((rows, 28, 28, 1))),) * panels, labels)).body
    assert [len(part) for part in drawn.parts] == parts
    assert [label for part in drawn.parts for label, _ in part] == list(labels)


def test_bars_start_at_zero() -> None:
    chart = draw(Bars("t", "c", "a", ("n", "p"), np.array([-0.5, 1.0]), limits=(-1.0, 1.0))).body
    assert isinstance(chart, BarChart)
    assert [(bar.start, bar.length) for bar in chart.bars] == [(25.0, 25.0), (50.0, 50.0)]


def test_ticks_are_round() -> None:
    assert ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.03, 0.04, 5) == [-0.02, 0.0, 0.02, 0.04]


def test_interval_bars_show_what_is_allowed() -> None:
    whole = interval_bar(proportion(96, 100), (0.9, 0.98), Expectation("x", min=0.95), zoom=False)
    assert whole is not None
    assert (whole.low, whole.value, whole.high) == (90.0, 96.0, 98.0)
    assert whole.zone == (95.0, 5.0)
    assert whole.thresholds == (95.0,)
    capped = interval_bar(proportion(1, 4), (0.1, 0.6), Expectation("x", max=0.5), zoom=False)
    assert capped is not None
    assert capped.zone == (0.0, 50.0)
    near = interval_bar(proportion(96, 100), (0.9, 0.98), Expectation("x", min=0.95), zoom=True)
    assert near is not None
    assert near.low < near.thresholds[0] < near.value < near.high
    assert near.value - near.low > 3 * (whole.value - whole.low)
    assert near.summary == "96.0%, interval ≥ 90.0%, expected ≥ 95%"


@pytest.mark.parametrize("zoom", [True, False])
def test_interval_bars_survive_open_ends_and_lone_points(zoom: bool) -> None:
    endless = interval_bar(mean([2.0]), (float("-inf"), float("inf")), None, zoom)
    assert endless is not None
    assert (endless.low, endless.high) == (0.0, 100.0)
    assert "unknown" in endless.summary
    lone = interval_bar(exact(0.0), (0.0, 0.0), Expectation("x", max=0.0), zoom)
    assert lone is not None
    assert 0 <= lone.value <= 100
    assert interval_bar(mean([]), (0.0, 1.0), None, zoom) is None
