"""Figures as files of their own, for a paper, a slide or a notebook: always on white, with the light page's colours."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from auditor.drawing.bands import seen
from auditor.drawing.worst import fitting
from auditor.telling.escaping import visible
from auditor.values import ImageGrid, Record, Shown, Strip, Undrawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Format = Literal["svg", "png", "pdf"]
FORMATS: tuple[Format, ...] = get_args(Format)


def canvas_of(figure: Shown) -> "Canvas":
    """A figure as Matplotlib's, to be shown, changed or saved."""
    from auditor.drawing.canvas import AxesPlane
    from auditor.drawing.charts import chart
    from auditor.drawing.panels import panels
    from auditor.drawing.theme import colours, settings

    figure = fitting(seen(figure))
    with settings():
        if isinstance(figure, ImageGrid | Strip):
            made = panels(figure, colours())
        else:
            made = chart(figure, colours(), AxesPlane)
        made.patch.set(visible=True, facecolor=colours()["surface"])
        return made


def draw_into(figure: Shown, axes: "Axes") -> "Canvas | None":
    """Draw a figure into axes that are there; gives the whole that they belong to."""
    from auditor.drawing.charts import plot
    from auditor.drawing.panels import plot_panels
    from auditor.drawing.theme import colours

    figure = fitting(seen(figure))
    if isinstance(figure, ImageGrid | Strip):
        plot_panels(axes, figure, colours())
    else:
        plot(axes, figure, colours())
        axes.set_title(figure.title)
    return axes.get_figure(root=True)


def encoded(figure: Shown, kind: Format, dpi: int = 200) -> bytes:
    """A figure as the content of a file; the same figure always gives the same bytes.

    dpi: pixels an inch, of a PNG; a chart is five inches wide.
    """
    from auditor.drawing.theme import settings

    made = io.BytesIO()
    title, said = visible(figure.title), visible(figure.alt)
    metadata: dict[Format, dict[str, Any]] = {
        "svg": {"Title": title, "Description": said, "Date": None},
        "png": {"Title": title, "Description": said, "Software": None},
        "pdf": {"Title": title, "Subject": said, "CreationDate": None},
    }
    canvas = canvas_of(figure)
    with settings():
        canvas.savefig(made, format=kind, dpi=dpi, facecolor="white", metadata=metadata[kind])
    return made.getvalue()


def save(record: Record, folder: Path, kind: Format, dpi: int) -> Iterator[Path]:
    """Write every figure of a record to a folder, named by case, place and title; give each path when it is written.

    Raises OSError where that isn't allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = (
        *(record.evidence.figures if record.evidence else ()),
        *(record.baseline.figures if record.baseline else ()),
    )
    for number, figure in enumerate(figures, 1):
        if isinstance(figure, Undrawn):
            continue  # the report says why there is none
        path = folder / f"{record.case}-{number:02d}-{_named(figure.title)}.{kind}"
        path.write_bytes(encoded(figure, kind, dpi))
        yield path


def _named(title: str) -> str:
    """A title as part of a file's name."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    return "-".join(part for part in plain.split("-") if part)[:60] or "figure"
