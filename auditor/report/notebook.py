"""A record as a notebook shows it: its card, in a frame of its own, so that neither page restyles the other."""

from markupsafe import escape

from auditor.drawing import kept_in
from auditor.report.html import render_card, render_template
from auditor.report.page import make_page
from auditor.values import PlannedCase, Record, Run

_HEIGHT = 640


def framed(record: Record) -> str:
    """An `<iframe>` that holds the card of one record; no script runs in it, and nothing is loaded."""
    case = PlannedCase(record.case, record.check, record.title, record.model, 0, selected=True)
    origin = record.provenance.get("spec", {})
    run = Run(
        id=record.run,
        audit=record.audit,
        title=record.title,
        started="",
        spec=str(origin.get("path", "")),
        spec_digest=str(origin.get("sha256", "")),
        confidence=record.confidence,
        cases=(case,),
        begun=frozenset({case.id}),
        records={case.id: record},
    )
    with kept_in(None):
        (card,) = make_page(run).cards
        page = render_template("record.html", title=record.title, card=render_card(card, waits=False))
    attributes = f'sandbox="" loading="lazy" title="{escape(record.title)}" width="100%" height="{_HEIGHT}"'
    return f'<iframe {attributes} style="border: 0" srcdoc="{escape(page)}"></iframe>'
