"""Everything a run is rendered to, for people and for other programs."""

from collections.abc import Mapping
from pathlib import Path

from auditor.drawing import drawn_by, kept_in
from auditor.exports import bom, codequality, junit, results, sarif
from auditor.records.manifest import USUAL, Layout
from auditor.report import PAGE, declaration
from auditor.report.html import PRINTED, STYLE, as_files
from auditor.report.layout import render_pages
from auditor.values import Run

_RENDERERS = {
    "results.json": results.render,
    "results.sarif": sarif.render,
    "gl-code-quality.json": codequality.render,
    "bom.json": bom.render,
}
_JUNIT = "junit.xml"
NAMES = (PAGE, declaration.EXTRACT, *_RENDERERS, _JUNIT)

__all__ = ["NAMES", "drawn_by", "render_files"]


def render_files(
    run: Run, layout: Layout = USUAL, beside_records: bool = True, drawings: Path | None = None
) -> Mapping[str, bytes]:
    """Render a run to all its files, by name; the same run always gives the same contents.

    beside_records: whether the files belong in the folder of the run's records. drawings: where pictures are kept that
    needn't be drawn again.
    """
    others = {name: render(run).encode() for name, render in _RENDERERS.items()}
    others[_JUNIT] = (junit.render_flat([run]) if layout.flat else junit.render(run)).encode()
    with kept_in(drawings):
        pages = render_pages(run, layout, beside_records)
    beside = STYLE in pages
    extract = as_files(declaration.EXTRACT, declaration.render(run, beside), beside, PRINTED)
    return {**pages, **extract, **others}
