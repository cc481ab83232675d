"""Everything a run is rendered to, for people and for other programs."""

from collections.abc import Mapping

from auditor.record import Run
from auditor.report import codequality, html, results, sarif

_RENDERERS = {
    "index.html": html.render,
    "results.json": results.render,
    "results.sarif": sarif.render,
    "gl-code-quality.json": codequality.render,
}
NAMES = tuple(_RENDERERS)


def render_files(run: Run) -> Mapping[str, str]:
    """Render a run to all its files, by name; the same run always gives the same contents."""
    return {name: render(run) for name, render in _RENDERERS.items()}
