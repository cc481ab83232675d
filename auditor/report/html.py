"""One run as one HTML page that needs nothing else: no network, no other file, no JavaScript to be read."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auditor.drawing import Interval, kept_in
from auditor.report import text
from auditor.report.cards import Card
from auditor.report.drawing import svg_of
from auditor.report.folds import folded
from auditor.report.outcome import SYMBOLS, WEAKNESS
from auditor.report.page import Page, make_page
from auditor.report.terms import NO_PASS, known_terms
from auditor.values import Run, Undrawn, attempt

_WORDS = Markup("<!--words-->")  # no text on a page can look like this: its angles are escaped
_MOST_ROWS = 100
"""Of a table of a record, so many are listed."""
STYLE, SCRIPT, PRINTED = "page.css", "page.js", "declaration.css"
_LOADER = PackageLoader("auditor", "report/templates")


def render(run: Run) -> str:
    """Render a run as a self-contained HTML page; the same run always gives the same page."""
    with kept_in(None):
        page = make_page(run)
        page.draw()
        cards = [render_card(card, page.many) for card in page.cards]
        return render_first(page, cards)


def render_first(
    page: Page,
    cards: Sequence[Markup],
    sheets: Sequence[object] = (),
    place: Mapping[str, str] | None = None,
    limit: str = "",
    beside: bool = False,
    extract: str = "",
    folds: bool = True,
) -> str:
    """Render the page to open. sheets, place: the pages of cases, and by anchor which of them a case is on.

    limit: the size that one page alone would have exceeded. beside: as for `render_template`. extract: the name of
    the file beside it that says the same on one sheet, if there is one. folds: whether words are explained where they
    stand, and not in their list alone.
    """
    told: dict[str, Any] = {"sheets": sheets, "place": place or {}, "limit": limit, "extract": extract}
    told |= {"page": page, "cards": cards, "key": _key(), "words": _WORDS}
    return _explained(render_template("page.html", beside, **told), page, of_cards=True, folds=folds)


def render_sheet(page: Page, **told: Any) -> str:
    """Render a page of cases alone, which lies beside the one to open."""
    made = render_template("cases.html", beside=True, page=page, words=_WORDS, **told)
    return _explained(made, page, of_cards=False, folds=True)


def _explained(made: str, page: Page, of_cards: bool, folds: bool) -> str:
    """A page with its words of the field explained: where it first says them, if folds, and in a list.

    of_cards: whether it lists what cards say, too, as they may be on other pages.
    """
    explained, found = folded(made, known_terms(page.attacks))
    listed = page.terms(found) if of_cards else found
    block = _environment().get_template("words.html").render(terms=listed)
    return (explained if folds else made).replace(_WORDS, block, 1)


def _key() -> Markup:
    """An interval such as those of the table, which the words beside it explain."""
    sample = Interval("proportion", 0.7, 0.55, 0.85, 0.4, None, (0.0, 1.0), zoom=False, named=False)
    return svg_of(sample)


def render_card(card: Card, waits: bool) -> Markup:
    """Render one case, or what little can be shown of it. waits: whether a browser may leave the most for later."""

    def rendered() -> Markup:
        made: Markup = _cards()(card, waits)
        return made

    made = attempt("The rest of this case", rendered)
    return _cards()(card.bare(made.caption), waits) if isinstance(made, Undrawn) else made


@cache
def _cards() -> Any:
    module: Any = _environment().get_template("card.html").module
    return module.card


def render_template(name: str, beside: bool = False, css: str = STYLE, **content: Any) -> str:
    """Render a template with the style and the script it may use, and a policy that allows nothing else.

    beside: whether pictures, style and script are files beside it, and nothing of them stands in it. css: the file
    of its style.
    """
    style, script = source(css), source(SCRIPT)
    images, styles, scripts = ("'self'",) * 3 if beside else ("data:", _hash(style), _hash(script))
    policy = (
        f"default-src 'none'; img-src {images}; style-src {styles}; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'"
    )
    within = {"css": css, "style": Markup(style), "script": Markup(script)}
    page: str = _environment().get_template(name).render(policy=policy, beside=beside, **within, **content)
    return page


def as_files(name: str, page: str, beside: bool, css: str = STYLE) -> dict[str, bytes]:
    """A page without pictures as files, by name: itself, and if its style lies beside it, that."""
    return {name: page.encode(), **({css: source(css).encode()} if beside else {})}


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
    environment.filters |= {"kind": _kind, "prose": text.prose, "cell": text.cell, "urlencode": text.address}
    environment.tests |= {"numeric": _is_number}
    environment.globals |= {"symbols": SYMBOLS, "most_rows": _MOST_ROWS, "no_pass": NO_PASS}
    return environment


def _kind(state: str) -> str:
    """A state as the end of a class's name."""
    return "weakness" if state == WEAKNESS else state.replace(" ", "-")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


@cache
def source(name: str) -> str:
    """The text of a file that pages are made of."""
    return _LOADER.get_source(_environment(), name)[0]


def _hash(content: str) -> str:
    """What a content security policy calls an inline block by."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
