"""A run for paper: one page with contents, what cases share said once, numbers in an annex, digests in the footer."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from itertools import chain

from auditor.drawing import kept_in
from auditor.report.html import render_card, render_first
from auditor.report.page import make_page
from auditor.telling.escaping import visible
from auditor.values import Run

_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(")')
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
_NUMBERS = re.compile(r"<details>\n<summary>Its numbers</summary>\n(.*?)</details>\n?", re.DOTALL)
_ABOUT = re.compile(r"<details>\n<summary>About this check</summary>\n(.*?)</details>\n?", re.DOTALL)
_ROOT = re.compile(r":root \{(.*?)\}", re.DOTALL)
_DEFINED = re.compile(r"(--[\w-]+):\s*([^;]+);")
# Within an attribute: a text on a page has no quotes that aren't escaped.
_COLOUR = re.compile(r'(?<==")var\((--[\w-]+)\)(?=")')
_PLAINER = (
    (re.compile(r"clamp\(([^,()]+),[^()]*\)"), r"\1"),
    (re.compile(r"font-weight: [67]50"), "font-weight: 700"),
    (re.compile(r"repeat\(auto-fit, minmax\(min\([^()]*\), 1fr\)\)"), "repeat(3, 1fr)"),
    (re.compile(r"repeat\(auto-fill, minmax\([^()]*\)\)"), "repeat(6, 1fr)"),
    (re.compile(r"min-content"), "auto"),
)
_ROOM = (
    "@media print { .overview td, .metrics .number { white-space: normal; }"
    " .overview, .metrics { table-layout: fixed; }"
    " .metrics th:nth-child(1) { width: 33%; } .metrics th:nth-child(2) { width: 19%; }"
    " .metrics th:nth-child(3) { width: 18%; } .metrics th, .metrics td { min-width: 0 !important; }"
    + "".join(
        f" .overview th:nth-child({column}), .overview td:nth-child({column}) {{ width: {width}%; min-width: 0; }}"
        for column, width in enumerate((14, 30, 18, 17, 13, 8), 1)
    )
    + " .overview code { font-size: 10px; overflow-wrap: break-word; } }"
)
_EACH = "<p>What several cases have, and all of them alike; each case has the rest.</p>"
# No script can run, and nothing is loaded.
_ALLOWED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def for_paper(run: Run) -> str:
    """Render a run as one page that a browser prints; nothing of it is folded."""
    with kept_in(None):
        page = make_page(run)
        common = _common([card.provenance for card in page.cards])
        cards = tuple(replace(c, provenance=tuple(p for p in c.provenance if p[0] not in common)) for c in page.cards)
        page = replace(page, cards=cards)
        page.draw()
        made = render_first(page, [render_card(card, waits=False) for card in cards], folds=False)
    annex: list[str] = []
    checks: dict[str, str] = {}

    def moved(match: re.Match[str]) -> str:
        annex.append(match[1])
        return ""

    def told(match: re.Match[str]) -> str:
        anchor = checks.setdefault(match[1], f"annex-check-{len(checks) + 1}")
        return f'<p class="quiet"><a href="#{anchor}">About this check</a>: in the annex.</p>'

    made = _ABOUT.sub(told, _NUMBERS.sub(moved, _SCRIPT.sub("", made)))
    made = _POLICY.sub(rf"\g<1>{_ALLOWED}\g<2>", made).replace("<details", "<details open")
    rows = "".join(f"<tr><th>{_text(n)}</th><td>{_text(v)}</td></tr>" for n, v in common.items())
    parts: list[tuple[str, str, str]] = []
    if common:
        origin = f'{_EACH}<table class="data">{rows}</table>'
        parts.append(("annex-origin", "Annex: where results come from", origin))
    if checks:
        each = "".join(f'<section id="{anchor}">{said}</section>' for said, anchor in checks.items())
        parts.append(("annex-checks", "Annex: what the checks measure", each))
    if annex:
        shown = [part.replace('<caption class="unseen">', "<caption>") for part in annex]
        parts.append(("annex-numbers", "Annex: the numbers of charts", "".join(shown)))
    added = "".join(f'<section><h2 id="{anchor}">{title}</h2>{body}</section>' for anchor, title, body in parts)
    contents = [("findings", "Findings"), ("cases", "All cases"), ("audited", "What was audited")]
    contents += [("untested", "What was not tested")]
    contents += [(card.anchor, f"{card.title} ({card.case.id})") for card in cards]
    contents += [(anchor, title) for anchor, title, _ in parts]
    listed = "".join(
        f'<li><a href="#{_text(a)}">{_text(t)}</a></li>' for a, t in contents if f'id="{a}"' in made + added
    )
    made = made.replace("<main>", f'<main><nav><h2>Contents</h2><ol class="contents">{listed}</ol></nav>', 1)
    made = made.replace("</main>", f"{added}</main>", 1)
    return made.replace("</style>", f"{_style(run)}</style>", 1)


def _common(provenances: Sequence[Sequence[tuple[str, str]]]) -> dict[str, str]:
    """What several cases have, and all of them alike: by name, in the order of the first case that has it."""
    values: dict[str, list[str]] = {}
    for name, value in chain.from_iterable(provenances):
        values.setdefault(name, []).append(value)
    return {name: found[0] for name, found in values.items() if len(found) > 1 and len(set(found)) == 1}


def plainly(page: str) -> str:
    """A page of `for_paper` for a renderer that knows less CSS: no variables in pictures, fixed grids."""
    root = _ROOT.search(page)
    colours = dict(_DEFINED.findall(root[1])) if root else {}
    page = _COLOUR.sub(lambda found: colours.get(found[1], found[0]), page)
    head, end, rest = page.partition("</style>")
    for pattern, plain in _PLAINER:
        head = pattern.sub(plain, head)
    return f"{head}{_ROOM}{end}{rest}"


def _text(said: str) -> str:
    return escape(visible(said))


def _style(run: Run) -> str:
    """The footer of every page; a digest is hexadecimal, so nothing in it can end a string of CSS."""
    digest = re.sub(r"[^0-9a-f]", "", run.spec_digest)
    told = f"spec sha256 {digest} · run {re.sub(r'[^0-9a-f]', '', run.id)}"
    return (
        f'@media print {{ @page {{ @bottom-left {{ content: "{told}"; font: 8px monospace; }} }}'
        " .card { break-before: page; }"
        # What left no record is a few lines, and a heading belongs to what it heads.
        " .state-not-run.card, .state-cut-off.card, .state-not-selected.card, h2 + .card { break-before: auto; }"
        # Browsers know neither, and leave the line out.
        " .contents a::after { content: leader('.') target-counter(attr(href), page); } }"
    )
