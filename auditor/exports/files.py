"""Everything a run is rendered to, for people and for other programs."""

from collections.abc import Mapping
from pathlib import Path

from auditor.drawing import drawn_by, kept_in
from auditor.exports import bom, codequality, junit, results, sarif
from auditor.report import EXTRACT, PAGE, SIZE, declaration
from auditor.report.layout import render_pages
from auditor.values import Run

_RENDERERS = {
    "results.json": results.render,
    "results.sarif": sarif.render,
    "gl-code-quality.json": codequality.render,
    "junit.xml": junit.render,
    "bom.json": bom.render,
    EXTRACT: declaration.render,
}
NAMES = (PAGE, *_RENDERERS)

__all__ = ["NAMES", "drawn_by", "render_files"]


def render_files(
    run: Run, size: int = SIZE, beside_records: bool = True, drawings: Path | None = None
) -> Mapping[str, bytes]:
    """Render a run to all its files, by name; the same run always gives the same contents.

    size: the bytes that a page takes at most, if that is possible. beside_records: whether the files belong in the
    folder of the run's records. drawings: where pictures are kept that needn't be drawn again.
    """
    others = {name: render(run).encode() for name, render in _RENDERERS.items()}
    with kept_in(drawings):
        return {**render_pages(run, size, beside_records), **others}
