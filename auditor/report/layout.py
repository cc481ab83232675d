"""The report of an audit as files: one page below a size, beyond it a page with its pictures beside it, or several.

    index.html                complete in itself, if that takes no more than the size, and nobody asked for a folder
    page.css, page.js         else its style and script
    data/<sha256>.png         and its pictures
    cases-1.html, …           and if it is too large still: its cases, so many to a page as fit

A page whose files lie beside it has nothing within it that a strict viewer refuses: no style, script or `data:`.

Nothing in a case grows with the number of its classes or samples; one that is larger than a page all the same is shown
with its verdict alone. The first page is never split: of so many cases that their table alone is larger, it is too.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditor.records.manifest import Layout
from auditor.report import PAGE
from auditor.report.declaration import EXTRACT
from auditor.report.html import PRINTED, SCRIPT, STYLE, render_card, render_first, render_sheet, source
from auditor.report.page import Page, make_page
from auditor.values import Run

PICTURES = "data"
OURS = re.compile(rf"{PICTURES}/[0-9a-f]{{64}}\.png|cases-[1-9][0-9]*\.html|{STYLE}|{SCRIPT}|{PRINTED}")
"""What else a report may consist of, relative to its folder."""

_FLOOR = 1_000_000
"""A case of so many bytes is shown whole on a page of its own, however little a page should take."""

# No text on a page can look like this: its quotes are escaped.
_PICTURE = re.compile(r' src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


@dataclass(frozen=True)
class Sheet:
    """A page of cases: its name, the number of its first case (from 1), and its cards."""

    name: str
    first: int
    cards: tuple[Markup, ...]

    @property
    def last(self) -> int:
        """The number of its last case."""
        return self.first + len(self.cards) - 1

    @property
    def title(self) -> str:
        """Which cases are on it."""
        return f"Case {self.first}" if self.first == self.last else f"Cases {self.first} to {self.last}"


def render_pages(run: Run, layout: Layout, beside_records: bool = True) -> dict[str, bytes]:
    """Render a run to the files of its report, by name, none of which is larger than the layout's size if possible.

    The first is the page to open. beside_records: whether they belong in the folder of the run's records, and lead
    there. To be called within `kept_in`.
    """
    page = make_page(run, beside_records, layout.signed_by if beside_records else "")
    page.draw()
    # Where a script may be refused, nothing waits for it.
    size, waits = layout.size, page.many and not layout.folder
    cards = [render_card(card, waits) for card in page.cards]
    if not layout.folder and len(whole := _first_page(page, cards)) <= size:
        return {PAGE: whole}
    limit = None if layout.folder else size
    pictures: dict[str, bytes] = {}
    cards = [_parted(card, pictures) for card in cards]
    cards = [
        rendered
        if len(rendered.encode()) <= max(size, _FLOOR)
        else render_card(card.bare(_too_large(rendered, size)), waits)
        for card, rendered in zip(page.cards, cards, strict=True)
    ]
    shared = {name: source(name).encode() for name in (STYLE, SCRIPT)}
    whole = _first_page(page, cards, pictures, limit)
    if len(whole) <= size:
        return {PAGE: whole} | shared | pictures
    sheets = tuple(_sheets(page, cards, size))
    first = _first_page(page, (), pictures, limit, sheets)
    neighbours = zip(sheets, (None, *sheets), (*sheets[1:], None), strict=False)
    pages = {sheet.name: _sheet_page(page, sheet, before, after) for sheet, before, after in neighbours}
    return {PAGE: first} | pages | shared | pictures


def _too_large(card: Markup, size: int) -> str:
    told = f"Not shown: this case would take {len(card.encode()) / 1e6:.1f} MB, and a page may take {size / 1e6:g}"
    return f"{told} (`--audit-report-size`). `results.json` and the record have all of it."


def _first_page(
    page: Page,
    cards: Sequence[Markup],
    pictures: dict[str, bytes] | None = None,
    limit: int | None = None,
    sheets: Sequence[Sheet] = (),
) -> bytes:
    """The page to open; `pictures` takes those of its first screen, if they are to lie beside it."""
    place = {page.cards[i].anchor: sheet.name for sheet in sheets for i in range(sheet.first - 1, sheet.last)}
    said = f"{limit / 1e6:g} MB" if limit is not None else ""
    whole = render_first(page, cards, sheets, place, said, beside=pictures is not None, extract=EXTRACT)
    return (whole if pictures is None else _parted(whole, pictures)).encode()


def _sheet_page(page: Page, sheet: Sheet, before: Sheet | None, after: Sheet | None) -> bytes:
    return render_sheet(page, sheet=sheet, before=before, after=after).encode()


def _parted(text: Markup | str, pictures: dict[str, bytes]) -> Markup:
    """Put the names of files in the place of a text's pictures, and the pictures into `pictures`."""

    def name(match: re.Match[str]) -> str:
        content = base64.b64decode(match[1])
        path = f"{PICTURES}/{hashlib.sha256(content).hexdigest()}.png"
        pictures[path] = content
        return f' src="{path}"'

    return Markup(_PICTURE.sub(name, str(text)))


def _sheets(page: Page, cards: Sequence[Markup], size: int) -> Iterator[Sheet]:
    """Cards on as few pages as hold them in their order; one that is too large has a page of its own."""
    other = Sheet(f"cases-{len(cards)}.html", len(cards), ())
    bare = len(_sheet_page(page, other, other, other))
    taken, start, number = bare, 0, 1
    for i, card in enumerate(cards):
        length = len(card.encode()) + 1
        if i > start and taken + length > size:
            yield Sheet(f"cases-{number}.html", start + 1, tuple(cards[start:i]))
            taken, start, number = bare, i, number + 1
        taken += length
    if cards:
        yield Sheet(f"cases-{number}.html", start + 1, tuple(cards[start:]))
