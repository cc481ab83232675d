"""Matplotlib's SVG made fit to stand within a page: no style, no id, no reference, and colours that the page sets.

A page's policy allows no inline style, its ids must be unique, and its theme follows the reader. So styles become
attributes, symbols stand where they are used, groups go, and every stand-in colour becomes the variable of its role.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_SVG, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+")
_SPACES = re.compile(r"\s+")
_KEPT = ("d", "x", "y", "transform")
_STILL = re.compile(r"rotate\(-?0(\.0+)? [^)]*\)")


def inlined(text: str, roles: Mapping[str, str], width: float, wide: bool = False) -> str:
    """An `<svg>` element for a page. roles: by stand-in colour. width: of the picture on screen, in CSS pixels.

    wide: whether it must not be made narrower.
    """
    root = ElementTree.fromstring(text)
    symbols = {
        f"#{node.get('id')}": node for node in root.iter() if node.get("id") and node.tag.removeprefix(_SVG) == "path"
    }
    within = {id(path) for defs in root.iter(f"{_SVG}defs") for path in defs.iter()}
    left, top, across, down = map(float, root.attrib["viewBox"].split())
    size = f'width="{width:.0f}" height="{width * down / across:.0f}"'
    size += " data-wide" if wide else ""
    head = f'<svg class="chart" {size} viewBox="{left:g} {top:g} {across:g} {down:g}" aria-hidden="true">'
    elements = (_element(node, symbols, roles) for node in root.iter() if id(node) not in within and _shows(node))
    # What neighbours have in common is said once: a heatmap has a hundred numbers, a curve dozens of marks.
    groups = ((style, [shape for _, shape in alike]) for style, alike in groupby(elements, key=itemgetter(0)))
    return "".join([head, *(f"<g{style}>{''.join(shapes)}</g>" for style, shapes in groups), "</svg>"])


def _shows(node: ElementTree.Element) -> bool:
    return node.tag.removeprefix(_SVG) in ("path", "text", "use")


def _element(
    node: ElementTree.Element, symbols: Mapping[str, ElementTree.Element], roles: Mapping[str, str]
) -> tuple[str, str]:
    """The attributes that an element may share with its neighbours, and the element with those that are its own."""
    tag = node.tag.removeprefix(_SVG)
    style = dict(_styled(node, roles))
    own = {name: node.attrib[name] for name in _KEPT if name in node.attrib}
    if tag == "use":
        symbol = symbols[node.attrib[_HREF]]
        style = dict(_styled(symbol, roles)) | style
        own = {"d": symbol.attrib["d"], "transform": f"translate({node.get('x')} {node.get('y')})"}
        tag = "path"
    if _STILL.fullmatch(own.get("transform", "")):
        del own["transform"]
    said = _written(own)
    shape = f"<text{said}>{_escaped(node.text or '')}</text>" if tag == "text" else f"<{tag}{said}/>"
    return _written(style), shape


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{_attribute(name, value)}"' for name, value in attributes.items())


def _styled(node: ElementTree.Element, roles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for part in node.get("style", "").split(";"):
        name, value = (word.strip() for word in (part.split(":", 1) if ":" in part else ("", "")))
        if name == "font":  # as Matplotlib 3.10 puts size and family together
            yield "font-size", value.partition(" ")[0]
        elif name and name != "font-family":
            yield name, f"var(--{roles[value]})" if value in roles else value


def _attribute(name: str, value: str) -> str:
    if name in ("d", "x", "y", "transform"):
        value = _SPACES.sub(" ", _NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value))
    return _escaped(value.strip())


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;"})
