import numpy as np
import pytest

from auditor.report.bar import interval_bar
from auditor.report.drawing import Chart, lay_out, shown_size
from auditor.values import Bars, Curve, Expectation, Heatmap, Panel, Series, Strip, exact, mean, proportion


def chart(figure: Bars | Curve | Heatmap) -> Chart:
    body = lay_out(figure).body
    assert isinstance(body, Chart)
    return body


def test_a_chart_has_its_numbers_beside_it() -> None:
    y = np.array([0.0, 0.25, np.nan])
    curve = chart(Curve("t", "c", "a", np.arange(3), (Series("s", y, y - 0.1, y + 0.1), Series("r", y)), "step", "y"))
    assert curve.columns == ("step", "s", "r")
    assert curve.rows == (
        ("0", "0 (-0.1 to 0.1)", "0"),
        ("1", "0.25 (0.15 to 0.35)", "0.25"),
        ("2", "no value", "no value"),
    )
    bars = chart(Bars("t", "c", "a", ("n", "p"), np.array([-0.5, 1.0]), limits=(-1.0, 1.0)))
    assert bars.rows == (("n", "-0.5"), ("p", "1"))
    heatmap = chart(Heatmap("t", "c", "a", np.array([[1.0, np.nan]]), ("r",), ("x",), "true", "given", decimals=1))
    assert (heatmap.columns, heatmap.rows) == (("true", "x", "1"), (("r", "1.0", "no value"),))


def test_shares_are_listed_in_per_cent_with_of_how_many() -> None:
    n = np.array([200, 200])
    line = Series("s", np.array([0.5, 0.25]), np.array([0.4, 0.2]), np.array([0.6, 0.3]), n)
    told = chart(Curve("t", "c", "a", np.array([0.0, 0.1]), (line, Series("r", np.array([0.1, 1.0]))), "eps", "share"))
    assert told.rows == (
        ("0", "50.0% of 200 (40.0% to 60.0%)", "10.0%"),
        ("0.1", "25.0% of 200 (20.0% to 30.0%)", "100%"),
    )
    assert chart(Bars("t", "c", "a", ("p",), np.array([1 / 3]), n=np.array([9]))).rows == (("p", "33.3% of 9"),)
    assert chart(Bars("t", "c", "a", ("p",), np.array([3.0]), unit="images")).columns == ("", "images")
    matrix = Heatmap("t", "Cells.", "a", np.array([[0.5, 1.0]]), ("r",), ("x", "y"), "r", "c", n=np.array([[4, 4]]))
    assert lay_out(matrix).caption == "Cells. Each share is of 4."
    assert chart(matrix).rows == (("r", "50.0% of 4", "100% of 4"),)


def test_of_many_numbers_some_are_listed_and_it_is_said_how_many_are_not() -> None:
    long = chart(Curve("t", "c", "a", np.arange(1000), (Series("s", np.full(1000, 0.1)),), "x", "y"))
    assert len(long.rows) + long.left_out == 1000
    assert 1 < len(long.rows) < 100
    values = np.zeros((50, 50))
    values[3, 7], values[40, 2] = 90, -95
    large = chart(Heatmap("t", "c", "a", values, tuple(map(str, range(50))), (), "true", "given", (0, 100), decimals=0))
    assert large.left_out == 0
    listed = dict(zip(large.columns[1:], next(row for row in large.rows if row[0] == "40")[1:], strict=True))
    assert listed["2"] == "-95"
    assert len(large.rows) < 50
    assert f"{len(large.rows)} rows" in large.figure.caption


@pytest.mark.parametrize(
    ("rows", "panels", "parts"), [(32, 3, [16, 16]), (4, 3, [4]), (20, 9, [20]), (9, 1, [3, 3, 3])]
)
def test_many_short_rows_stand_side_by_side(rows: int, panels: int, parts: list[int]) -> None:
    labels = tuple(map(str, range(rows)))
    drawn = lay_out(Strip("t", "c", "a", (Panel(np.zeros((rows, 28, 28, 1))),) * panels, labels)).body
    assert [len(part) for part in drawn.parts] == parts
    assert [label for part in drawn.parts for label, _ in part] == list(labels)


@pytest.mark.parametrize(
    ("size", "shown"), [((28, 28), (84, 84)), ((5, 5), (55, 55)), ((14, 28), (42, 84)), ((224, 112), (112, 56))]
)
def test_small_images_grow_by_whole_multiples(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert shown_size(*size) == shown


def test_interval_bars_say_what_they_show() -> None:
    bar = interval_bar("proportion", proportion(96, 100), (0.9, 0.98), Expectation("x", min=0.95), zoom=True)
    assert bar is not None
    assert bar.summary == "96.0%, interval ≥ 90.0%, expected ≥ 95%"
    assert (bar.plot.least, bar.plot.most, bar.plot.bounds) == (0.95, None, (0.0, 1.0))
    endless = interval_bar("mean", mean([2.0]), (float("-inf"), float("inf")), None, zoom=False)
    assert endless is not None
    assert "unknown" in endless.summary
    assert interval_bar("exact", exact(0.0), (0.0, 0.0), Expectation("x", max=0.0), zoom=True) is not None
    assert interval_bar("mean", mean([]), (0.0, 1.0), None, zoom=True) is None
    counted = interval_bar("proportion", exact(0.0), (0.0, 0.0), Expectation("x", max=0.02), zoom=True)
    assert counted is not None
    assert "-1" not in counted.svg.striptags()  # no share lies below 0


def test_the_numbers_of_a_flat_curve_are_those_of_its_ends() -> None:
    """Of 41 points the first 20 are 0.2 and the rest 0.9: four say all."""
    y = np.where(np.arange(41) < 20, 0.2, 0.9)
    flat = chart(Curve("t", "c", "a", np.arange(41), (Series("s", y),), "x", "y"))
    assert flat.rows[0] == ("0", "0.2")
    assert flat.rows[-1] == ("40", "0.9")
    assert len(flat.rows) == 4
    assert flat.left_out == 37
