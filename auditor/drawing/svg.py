"""A renderer for Matplotlib that writes what may stand within a page: no style sheet, no id, no reference.

A page's policy allows no inline style, its ids must be unique, and its theme follows the reader. So styles are
attributes, marks stand where they are used, nothing is clipped or nested, and every colour that stands in for a role is
written as the variable of that role. To make Matplotlib's own SVG into this afterwards took as long as the rest.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Affine2D

from auditor.drawing.canvas import DOTS

_LETTERS = {Path.MOVETO: ("M", 1), Path.LINETO: ("L", 1), Path.CURVE3: ("Q", 2), Path.CURVE4: ("C", 3)}
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_CAPS = {"projecting": "square"}


def inlined(canvas: Canvas, roles: Mapping[str, str], width: float, wide: bool = False) -> str:
    """A picture as an `<svg>` element for a page. roles: by stand-in colour. width: of it on screen, in CSS pixels.

    wide: whether it must not be made narrower.
    """
    across, down = (float(side) for side in canvas.get_size_inches() * DOTS)
    renderer = Inline(across, down, roles)
    canvas.draw(renderer)
    size = f'width="{width:.0f}" height="{width * down / across:.0f}"'
    size += " data-wide" if wide else ""
    head = f'<svg class="chart" {size} viewBox="0 0 {across:g} {down:g}" aria-hidden="true">'
    # What neighbours have in common is said once: a heatmap has a hundred numbers, a curve dozens of marks.
    groups = ((style, [shape for _, shape in alike]) for style, alike in groupby(renderer.written, key=itemgetter(0)))
    return "".join([head, *(f"<g{style}>{''.join(shapes)}</g>" for style, shapes in groups), "</svg>"])


class Inline(RendererBase):
    """What is drawn, as elements: the attributes that one may share with its neighbours, and the rest of it."""

    def __init__(self, width: float, height: float, roles: Mapping[str, str]) -> None:
        super().__init__()
        self.written: list[tuple[str, str]] = []
        self._width, self._height, self._roles = width, height, roles
        self._flip = Affine2D().scale(1, -1).translate(0, height)

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        """Lines and areas."""
        simplify = rgbFace is None and path.should_simplify
        shape = _drawn(path.cleaned(transform + self._flip, remove_nans=True, simplify=simplify, curves=True))
        self.written.append((self._style(gc, rgbFace), f'<path d="{shape}"/>'))

    def draw_markers(
        self,
        gc: Any,
        marker_path: Path,
        marker_trans: Any,
        path: Path,
        trans: Any,
        rgbFace: Any = None,
    ) -> None:
        """The same mark at every point of a path."""
        shape = _mark(marker_path, tuple(marker_trans.to_values()))
        style = self._style(gc, rgbFace)
        for points, _ in path.iter_segments(trans + self._flip, simplify=False):
            x, y = (_short(value) for value in points[-2:])
            self.written.append((style, f'<path d="{shape}" transform="translate({x} {y})"/>'))

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        """A text that Matplotlib has laid out itself, such as those of a legend: where it begins."""
        self.anchored(s, x, y, "left", prop.get_size_in_points(), _hex(gc.get_rgb()), angle)

    def anchored(
        self,
        said: str,
        x: float,
        y: float,
        side: Literal["left", "center", "right"],
        size: float,
        colour: str,
        angle: float = 0.0,
    ) -> None:
        """A text that the browser puts left of, around or right of a point, which lies so far from the top."""
        style = f' font-size="{size:g}px" text-anchor="{_ANCHORS[side]}" fill="{self._colour(colour)}"'
        at = _short(x), _short(y)
        turned = f' transform="rotate({-angle:g} {at[0]} {at[1]})"' if angle else ""
        self.written.append((style, f'<text x="{at[0]}" y="{at[1]}"{turned}>{_escaped(said)}</text>'))

    def flipy(self) -> bool:
        """Whether y counts from the top."""
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        """In pixels."""
        return self._width, self._height

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        """In pixels, as Matplotlib's own font has it."""
        return _size(s, prop)

    def _style(self, gc: Any, face: Any) -> str:
        found = [f'fill="{self._colour(_hex(tuple(face))) if face is not None else "none"}"']
        if face is not None and len(face) == 4 and face[3] != 1:
            found.append(f'fill-opacity="{face[3]:g}"')
        if thick := gc.get_linewidth():
            colour = gc.get_rgb()
            found.append(f'stroke="{self._colour(_hex(colour))}" stroke-width="{thick:g}"')
            if colour[3] != 1:
                found.append(f'stroke-opacity="{colour[3]:g}"')
            start, dashes = gc.get_dashes()
            if dashes is not None:
                said = ",".join(f"{dash:g}" for dash in dashes)
                found.append(f'stroke-dasharray="{said}" stroke-dashoffset="{start:g}"')
            if (cap := gc.get_capstyle()) != "butt":
                found.append(f'stroke-linecap="{_CAPS.get(cap, cap)}"')
            if (join := gc.get_joinstyle()) != "round":
                found.append(f'stroke-linejoin="{join}"')
        return " " + " ".join(found)

    def _colour(self, colour: str) -> str:
        return f"var(--{self._roles[colour]})" if colour in self._roles else colour


_hex = lru_cache(1000)(to_hex)


@lru_cache(1000)
def _mark(path: Path, placed: tuple[float, ...]) -> str:
    upside_down = Affine2D.from_values(*placed).scale(1, -1)
    return _drawn(path.cleaned(upside_down, curves=True))


@lru_cache(10_000)
def _size(text: str, font: FontProperties) -> tuple[float, float, float]:
    found: tuple[float, float, float] = TextToPath().get_text_width_height_descent(text, font, False)
    return found


def _drawn(path: Path) -> str:
    """What `d` says of a path that is cleaned."""
    found: list[str] = []
    codes: list[int] = np.asarray(path.codes).tolist()
    points = [" ".join([_short(x), _short(y)]) for x, y in np.asarray(path.vertices).tolist()]
    place = 0
    while place < len(codes) and codes[place] != Path.STOP:
        code = codes[place]
        if code == Path.CLOSEPOLY:
            found.append("z")
            place += 1
            continue
        letter, count = _LETTERS[Path.code_type(code)]
        found.append(" ".join([letter, *points[place : place + count]]))
        place += count
    return " ".join(found)


def _short(value: float) -> str:
    # Adding zero makes a rounded −0 plain.
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;"})
