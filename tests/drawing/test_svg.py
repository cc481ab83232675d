"""The renderer of pages writes what Matplotlib's own SVG has: the same shapes, marks and words in their places."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from auditor.drawing import Drawable
from auditor.drawing.canvas import canvas, pixels_of
from auditor.drawing.charts import chart
from auditor.drawing.svg import inlined
from auditor.drawing.theme import settings, stand_ins
from tests.drawing.test_charts import CHARTS, drawn

SVG = "{http://www.w3.org/2000/svg}"


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def own(picture: ElementTree.Element) -> tuple[list[list[float]], list[tuple[str, float, float]]]:
    """Of Matplotlib's SVG: the points of what is drawn, marks where they are used, and the words."""
    symbols = {f"#{node.get('id')}": node for node in picture.iter(f"{SVG}path") if node.get("id")}
    defined = {id(node) for defs in picture.iter(f"{SVG}defs") for node in defs.iter()}
    shapes, words = [], []
    for node in picture.iter():
        if id(node) in defined:
            continue
        if node.tag == f"{SVG}path":
            shapes.append(numbers(node.attrib["d"]))
        elif node.tag == f"{SVG}use":
            symbol = symbols[node.attrib["{http://www.w3.org/1999/xlink}href"]]
            shapes.append([*numbers(symbol.attrib["d"]), float(node.attrib["x"]), float(node.attrib["y"])])
        elif node.tag == f"{SVG}text":
            words.append((node.text or "", float(node.attrib["x"]), float(node.attrib["y"])))
    return shapes, words


def pages(picture: ElementTree.Element) -> tuple[list[list[float]], list[tuple[str, float, float]]]:
    shapes = [numbers(path.attrib["d"] + path.get("transform", "")) for path in picture.iter("path")]
    words = [(node.text or "", float(node.attrib["x"]), float(node.attrib["y"])) for node in picture.iter("text")]
    return shapes, words


@pytest.mark.parametrize("figure", CHARTS, ids=lambda figure: type(figure).__name__)
def test_the_page_s_chart_has_what_matplotlib_s_own_has(figure: Drawable) -> None:
    made = io.StringIO()
    with settings():
        chart(figure, stand_ins()).savefig(made, format="svg")
    wanted_shapes, wanted_words = own(ElementTree.fromstring(made.getvalue()))
    found_shapes, found_words = pages(drawn(figure))
    assert len(found_shapes) == len(wanted_shapes)
    for found, wanted in zip(found_shapes, wanted_shapes, strict=True):
        np.testing.assert_allclose(found, wanted, atol=0.0501)
    assert [word for word, *_ in found_words] == [word for word, *_ in wanted_words]
    np.testing.assert_allclose([at for _, *at in found_words], [at for _, *at in wanted_words], atol=0.0501)


def test_what_is_half_seen_dashed_or_ended_otherwise_says_so() -> None:
    made = canvas(100, 50)
    line = Line2D([10, 90], [20, 20], color=(1, 0, 0, 0.5), linewidth=2, linestyle=(1, (3, 1)), dash_capstyle="round")
    area = Rectangle((10, 10), 20, 30, facecolor=(0, 0, 1, 0.25), linewidth=0)
    for artist in (line, area):
        artist.set_transform(pixels_of(made))
        made.add_artist(artist)
    text = inlined(made, {"#ff0000": "c1"}, 100)
    assert 'stroke="var(--c1)" stroke-width="2" stroke-opacity="0.5" stroke-dasharray="6,2"' in text
    assert 'stroke-dashoffset="2" stroke-linecap="round"' in text
    assert 'fill="#0000ff" fill-opacity="0.25"><path d="M 10 40 L 30 40 L 30 10 L 10 10 z"/>' in text
