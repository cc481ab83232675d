"""Everything a run is rendered to, for people and for other programs."""

from collections.abc import Mapping

from auditor.record import Run
from auditor.report import codequality, html, results, sarif


def render_files(run: Run) -> Mapping[str, str]:
    """Render a run to all its files, by name; the same run always gives the same contents."""
    return {
        "index.html": html.render(run),
        "results.json": results.render(run),
        "results.sarif": sarif.render(run),
        "gl-code-quality.json": codequality.render(run),
    }
