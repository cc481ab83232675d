"""Charts as a page gets them: what they show, that they are safe there, and that they are read in every theme."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from auditor.drawing import Drawable, Interval, draw, theme
from auditor.values import Bars, Curve, Heatmap, Series
from tests.report.page import HOSTILE, every_figure

CSS = (Path(theme.__file__).parents[1] / "report" / "templates" / "page.css").read_text()
INTERVAL = Interval("proportion", 0.96, 0.9, 0.98, 0.95, None, (0.0, 1.0), zoom=True)
CHARTS = (*(figure for figure in every_figure() if figure.kind in ("curve", "heatmap", "bars")), INTERVAL)


def drawn(drawable: Drawable) -> ElementTree.Element:
    """The picture, which must be well formed, with every element's attributes on it, its group's too."""
    text = draw(drawable)[0].decode()
    picture = ElementTree.fromstring(text.replace(" data-wide", ' data-wide=""'))
    for group in picture:
        for node in group:
            node.attrib = group.attrib | node.attrib
        group.attrib = {}
    return picture


def texts(picture: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in picture.iter("text")]


def points(path: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.attrib["d"])]


def line(picture: ElementTree.Element, number: int = 0) -> ElementTree.Element:
    """A series' line: of its colour, not filled; its sample in the legend comes later."""
    wanted = f"var(--c{number})"
    return next(p for p in picture.iter("path") if p.get("stroke") == wanted and p.get("fill") == "none")


def across(picture: ElementTree.Element, **wanted: str) -> tuple[float, float]:
    """From where to where the one path with these attributes goes."""
    wanted = {name.replace("_", "-"): value for name, value in wanted.items()}
    (path,) = (p for p in picture.iter("path") if wanted.items() <= p.attrib.items())
    found = [x for x, _ in points(path)]
    return min(found), max(found)


def curve(y: list[float], x: list[float] | None = None, **more: object) -> Curve:
    at = np.arange(len(y)) if x is None else np.array(x)
    return Curve("t", "c", "a", at, (Series("s", np.array(y)),), "x label", "y label", **more)


# --- what they show


def test_curves_rise_upwards_with_ticks_where_they_were_measured() -> None:
    picture = drawn(curve([0.0, 0.5, 1.0], [0.0, 0.1, 0.3]))
    (x0, y0), (x1, y1), (x2, y2) = points(line(picture))
    assert x0 < x1 < x2
    assert y0 > y1 > y2
    assert abs((y0 - y1) - (y1 - y2)) < 0.3
    assert abs((x2 - x0) - 3 * (x1 - x0)) < 0.3
    assert {"0", "0.1", "0.3", "0.2", "0.8", "1", "x label", "y label", "s"} <= set(texts(picture))


def test_what_is_no_number_leaves_a_gap_and_what_leaves_the_axis_widens_it() -> None:
    path = line(drawn(curve([0.0, 0.5, float("nan"), 0.7, 1.0]))).attrib["d"]
    assert path.count("M") == 2
    picture = drawn(curve([0.0, 2.0]))
    assert "2" in texts(picture)
    height = float(picture.attrib["viewBox"].split()[3])
    assert all(0 <= y <= height for _, y in points(line(picture)))


@pytest.mark.parametrize("y", [[], [0.3], [float("nan")], [1e300, -1e300], [1e-300, 2e-300], [float("inf"), 1.0]])
def test_odd_curves_are_drawn(y: list[float]) -> None:
    """A mark for every number, within the picture, between named axes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = drawn(curve(y)), drawn(curve(y, y_limits=(3.0, 3.0)))
    for picture in pictures:
        moved = [
            p.attrib["transform"]
            for p in picture.iter("path")
            if p.get("stroke") == "var(--c0)" and "transform" in p.attrib
        ]
        *marks, _ = [tuple(map(float, re.findall(r"-?[\d.]+", text))) for text in moved]  # the last is the legend's
        assert len(marks) == np.isfinite(y).sum()
        width, height = (float(side) for side in picture.attrib["viewBox"].split()[2:])
        assert all(0 <= x <= width and 0 <= y <= height for x, y in marks)
        assert {"x label", "y label", "s"} <= set(texts(picture))
        assert any(float(text) for text in texts(picture)[:-3]), "ticks say where it is"


def test_series_differ_in_more_than_colour() -> None:
    y = np.array([0.0, 1.0])
    many = Curve("t", "c", "a", np.arange(2), tuple(Series(str(i), y + i) for i in range(5)), "x", "y")
    picture = drawn(many)
    dashes = {line(picture, i).get("stroke-dasharray") for i in range(4)}
    assert len(dashes) == 4
    marks = {
        path.attrib["d"]
        for path in picture.iter("path")
        if path.get("fill") == "var(--surface)" and path.get("transform")
    }
    assert len(marks) == 5


def test_heatmaps_write_their_numbers_and_never_hide_a_small_one() -> None:
    values = np.array([[0, 1, 50, 100, 500, np.nan]])
    picture = drawn(Heatmap("t", "c", "a", values, ("r",), tuple("abcdef"), "true", "given", (0, 100), decimals=0))
    fills = {path.get("fill") for path in picture.iter("path")}
    assert fills == {"var(--raised)", "var(--heat-1)", "var(--heat-5)", "var(--heat-10)"}
    assert texts(picture)[:6] == ["0", "1", "50", "100", "500", "–"]
    assert {"r", "a", "f", "true", "given"} <= set(texts(picture))
    signed = Heatmap("t", "c", "a", np.array([[-1, 0, 0.01]]), (), (), "r", "c", (-1, 1), "diverging")
    fills = {path.get("fill") for path in drawn(signed).iter("path")}
    assert fills == {"var(--less-10)", "var(--raised)", "var(--more-1)"}


def test_a_chart_that_can_not_be_narrow_says_so() -> None:
    values = np.random.default_rng(0).random((4, 30))
    picture = drawn(Heatmap("t", "c", "a", values, (), tuple(map(str, range(30))), "true", "given"))
    assert "data-wide" in picture.attrib
    assert "data-wide" not in drawn(CHARTS[0]).attrib


def test_bars_start_at_zero() -> None:
    picture = drawn(Bars("t", "c", "a", ("n", "p"), np.array([-0.5, 1.0]), limits=(-1.0, 1.0)))
    bars = [points(path) for path in picture.iter("path") if path.get("fill") == "var(--bar)"]
    spans = [(min(x for x, _ in bar), max(x for x, _ in bar)) for bar in bars]
    assert spans[0][1] == spans[1][0]
    assert abs(2 * (spans[0][1] - spans[0][0]) - (spans[1][1] - spans[1][0])) < 0.3
    assert {"n", "p", "-0.5", "1"} <= set(texts(picture))


def test_shares_run_in_per_cent_and_say_of_how_many() -> None:
    """Of 1000 images 912 are right and of 40 none; half the width of an axis is a half."""
    shares = Bars("t", "c", "a", ("p", "q"), np.array([0.912, 0.0]), n=np.array([1000, 40]))
    said = texts(drawn(shares))
    assert {"91.2% of 1000", "0% of 40", "0%", "100%"} <= set(said)
    assert not {"0", "1", "0.912"} & set(said)
    counts = texts(drawn(Bars("t", "c", "a", ("p",), np.array([12.0]), unit="images")))
    assert {"12", "images", "0"} <= set(counts)
    assert not any("%" in text for text in counts)
    line = Series("right", np.array([0.25, 1.0]), n=np.array([200, 200]))
    said = texts(drawn(Curve("t", "c", "a", np.array([0.0, 1.0]), (line,), "radius", "accuracy")))
    assert {"0%", "100%", "right, n = 200", "0", "1"} <= set(said)
    said = texts(drawn(Curve("t", "c", "a", np.array([0.0, 1.0]), (line,), "passes", "share", shares_along=True)))
    assert not {"0", "1"} & set(said)
    cells = Heatmap("t", "c", "a", np.array([[0.5, 0.0004]]), ("r",), ("x", "y"), "r", "c", n=np.array([[4, 9999]]))
    assert texts(drawn(cells))[:2] == ["50.0%", "< 0.1%"]


@pytest.mark.parametrize("zoom", [True, False])
def test_intervals_lie_against_what_is_allowed(zoom: bool) -> None:
    picture = drawn(Interval("proportion", 0.96, 0.9, 0.98, 0.95, None, (0.0, 1.0), zoom))
    interval = across(picture, stroke="var(--whisker)", stroke_width="4.5")
    threshold = across(picture, stroke="var(--ink)")[0]
    allowed = across(picture, fill="var(--zone)")
    assert interval[0] < threshold < interval[1]
    assert allowed[0] == threshold
    assert allowed[1] >= interval[1]
    width = float(picture.attrib["viewBox"].split()[2])
    assert ((interval[1] - interval[0]) / width > 0.3) == zoom
    assert texts(picture), "both ends of the axis are named"
    assert not texts(drawn(Interval("proportion", 0.96, 0.9, 0.98, 0.95, None, (0.0, 1.0), zoom=False, named=False)))


@pytest.mark.parametrize("zoom", [True, False])
def test_axes_of_counts_begin_at_nothing(zoom: bool) -> None:
    """No filter of at most 3 is dead; a loss below 0 is shown where it is."""
    endless = (-float("inf"), float("inf"))
    assert texts(drawn(Interval("exact", 0.0, 0.0, 0.0, None, 3.0, endless, zoom)))[0] == "0"
    assert texts(drawn(Interval("mean", -1.0, -2.0, 0.5, None, 3.0, endless, zoom)))[0].startswith("-")


@pytest.mark.parametrize("zoom", [True, False])
def test_intervals_without_ends_or_width_are_drawn(zoom: bool) -> None:
    """Over the whole of a finite axis around the value, or on its one spot, where the threshold is."""
    infinite = float("inf")
    endless = drawn(Interval("mean", 2.0, -infinite, infinite, None, None, (-infinite, infinite), zoom))
    assert across(endless, stroke="var(--whisker)", fill="none") == across(endless, stroke="var(--quiet)")
    low, high = map(float, texts(endless))
    assert low < 2 < high
    spot = drawn(Interval("exact", 0.0, 0.0, 0.0, None, 0.0, (0.0, infinite), zoom))
    start, end = across(spot, stroke="var(--whisker)", fill="none")
    assert start == end == across(spot, stroke="var(--ink)")[0] == across(spot, stroke="var(--quiet)")[0]
    assert float(texts(spot)[0]) == 0


# --- safe on a page


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_nothing_in_a_chart_can_act_refer_or_restyle(chart: Drawable) -> None:
    picture = drawn(chart)
    allowed = {"svg", "g", "path", "text"}
    assert {node.tag for node in picture.iter()} <= allowed
    for node in picture.iter():
        assert not {"style", "id", "href", "onload", "clip-path"} & node.attrib.keys()
        assert "url(" not in "".join(node.attrib.values())


def test_hostile_labels_are_text() -> None:
    y = np.array([0.0, 1.0])
    hostile = "$\\frac{1}{0}$ " + HOSTILE
    for figure in (
        Curve("t", "c", "a", np.arange(2), (Series(hostile, y), Series("_" + hostile, y)), hostile, hostile),
        Bars("t", "c", "a", (hostile, "q"), y),
        Heatmap("t", "c", "a", np.eye(2), (hostile, ""), (hostile, "$"), hostile, hostile),
    ):
        picture = drawn(figure)
        assert any("$\\frac" in said for said in texts(picture))
        assert {node.tag for node in picture.iter()} <= {"svg", "g", "path", "text"}
        said = "".join(texts(picture))
        assert not set("\x1b\u202e\u200b\ud800\n") & set(said)


# --- in every theme


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): ([^;]+);", block))


LIGHT, DARK = (variables(block) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2])


def contrast(one: str, other: str) -> float:
    lights = sorted((theme.luminance(one), theme.luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_every_colour_is_a_role_that_the_page_sets_for_light_and_dark() -> None:
    roles = set(re.findall(r"var\(--([\w-]+)\)", "".join(draw(chart)[0].decode() for chart in CHARTS)))
    assert len(roles) > 8
    for chart in CHARTS:
        assert not re.search(r'(fill|stroke)="(?!var\(|none)', draw(chart)[0].decode())
    for colours in (LIGHT, DARK):
        assert set(theme.roles()) <= set(colours)
    assert {role: LIGHT[role] for role in theme.LIGHT} == theme.LIGHT
    for name, colours in (("light", LIGHT), ("dark", DARK)):
        made = theme.levels(name)
        assert {role: colours[role] for role in made} == made, "make the style sheet say what Matplotlib's maps say"


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out_in_every_theme(colours: dict[str, str]) -> None:
    for role in ("ink", "quiet"):
        assert contrast(colours[role], colours["surface"]) >= 4.5
    assert contrast(colours["ink"], colours["raised"]) >= 4.5
    for role in [*(f"c{i}" for i in range(theme.SERIES)), "whisker", "bar"]:
        assert contrast(colours[role], colours["surface"]) >= 3
    for kind in ("heat", "more", "less"):
        for step in range(1, theme.LEVELS + 1):
            assert contrast(colours[f"on-{kind}-{step}"], colours[f"{kind}-{step}"]) >= 4.5


# --- the same everywhere


CODE = """
import hashlib
from auditor.drawing import draw
from tests.drawing.test_charts import CHARTS
print(hashlib.sha256(b"".join(part for chart in CHARTS for part in draw(chart))).hexdigest())
"""


def test_the_same_bytes_whatever_the_process_its_settings_and_its_language(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nfigure.dpi: 300\nsvg.fonttype: path\ntext.usetex: True\n")
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    odd = {
        "MATPLOTLIBRC": str(tmp_path),
        "MPLBACKEND": "agg",
        "LC_ALL": "C.UTF-8",
        "LANG": "de_DE",
        "PYTHONHASHSEED": "7",
    }
    found = {
        subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True).stdout
        for env in (here, here | odd)
    }
    assert len(found) == 1


def test_settings_of_others_are_left_as_they_were() -> None:
    import matplotlib

    loaded = "matplotlib.pyplot" in sys.modules  # what other tests in this process need may have imported it
    with matplotlib.rc_context({"font.size": 23.0}):
        draw(INTERVAL)
        assert matplotlib.rcParams["font.size"] == 23.0
    assert ("matplotlib.pyplot" in sys.modules) == loaded
