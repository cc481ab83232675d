"""Everything a run is rendered to, for people and for other programs."""

from collections.abc import Mapping

from auditor.record import Run
from auditor.report import codequality, results, sarif
from auditor.report.layout import render_pages

SIZE = 15_000_000
"""The bytes that a page takes at most, unless told otherwise."""


def render_files(run: Run, size: int = SIZE, beside_records: bool = True) -> Mapping[str, bytes]:
    """Render a run to all its files, by name; the same run always gives the same contents.

    size: the bytes that a page takes at most, if that is possible. beside_records: whether the files belong in the
    folder of the run's records.
    """
    return {
        **render_pages(run, size, beside_records),
        "results.json": results.render(run).encode(),
        "results.sarif": sarif.render(run).encode(),
        "gl-code-quality.json": codequality.render(run).encode(),
    }
