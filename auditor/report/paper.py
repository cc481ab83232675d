"""A run for paper: one page with contents, what cases share said once, numbers in an annex, digests in the footer."""

import re
from dataclasses import replace
from html import escape

from auditor.drawing import kept_in
from auditor.report.html import render_card, render_first
from auditor.report.page import make_page
from auditor.telling.escaping import visible
from auditor.values import Run

_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(")')
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
_NUMBERS = re.compile(r"<details>\n<summary>Its numbers</summary>\n(.*?)</details>\n?", re.DOTALL)
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
    " .overview tbody th, .metrics tbody th { width: 36%; } }"
)
# No script can run, and nothing is loaded.
_ALLOWED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def for_paper(run: Run) -> str:
    """Render a run as one page that a browser prints; nothing of it is folded."""
    with kept_in(None):
        page = make_page(run)
        shared = [set(card.provenance) for card in page.cards if card.provenance]
        common = set.intersection(*shared) if len(shared) > 1 else set()
        ordered = next((card.provenance for card in page.cards if card.provenance), ())
        cards = tuple(replace(c, provenance=tuple(p for p in c.provenance if p not in common)) for c in page.cards)
        page = replace(page, cards=cards)
        page.draw()
        made = render_first(page, [render_card(card, waits=False) for card in cards], folds=False)
    annex: list[str] = []

    def moved(match: re.Match[str]) -> str:
        annex.append(match[1])
        return ""

    made = _NUMBERS.sub(moved, _SCRIPT.sub("", made))
    made = _POLICY.sub(rf"\g<1>{_ALLOWED}\g<2>", made).replace("<details", "<details open")
    rows = "".join(f"<tr><th>{_text(n)}</th><td>{_text(v)}</td></tr>" for n, v in ordered if (n, v) in common)
    parts = (
        [("annex-origin", "Annex: where all results come from", f'<table class="data">{rows}</table>')] if rows else []
    )
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
        # Browsers know neither, and leave the line out.
        " .contents a::after { content: leader('.') target-counter(attr(href), page); } }"
    )
