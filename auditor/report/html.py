"""One run as one HTML page that needs nothing else: no network, no other file, no JavaScript to be read."""

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auditor.record import Run
from auditor.report import text
from auditor.report.outcome import SYMBOLS
from auditor.report.page import make_page

_LOADER = PackageLoader("auditor", "report/templates")


def render(run: Run) -> str:
    """Render a run as a self-contained HTML page; the same run always gives the same page."""
    return render_template("page.html", page=make_page(run))


def render_template(name: str, **content: Any) -> str:
    """Render a template with the style and the script it may use, and a policy that allows nothing else."""
    style, script = _source("page.css"), _source("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    page: str = (
        _environment().get_template(name).render(policy=policy, style=Markup(style), script=Markup(script), **content)
    )
    return page


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=text.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": text.prose, "cell": text.cell}
    environment.tests |= {"numeric": _is_number}
    environment.globals |= {"symbols": SYMBOLS}
    return environment


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


@cache
def _source(name: str) -> str:
    return _LOADER.get_source(_environment(), name)[0]


def _hash(content: str) -> str:
    """What a content security policy calls an inline block by."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
