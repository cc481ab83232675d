"""Words of the field, each explained where a page first says it: a button opens what it means, without a script.

It opens a `popover`, which may belong to a word in the middle of a sentence, as `<details>` may not, and is cut off by
nothing. Popovers aren't printed; the list of all words on the page is. Headings, links, names, columns of numbers,
pictures and attributes stay as they are, and so does code that is more than the word. What is seen at once comes first:
what lies within `<details>` is searched for words that are nowhere else.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditor.report.terms import Term
from auditor.report.text import prose

_PART = re.compile(r"<(/?)([a-z][a-z0-9]*)([^>]*)>|([^<]+)|<[^>]*>")
_HEADS = ("caption", "dt", "h1", "h2", "h3", "h4", "summary", "thead")
_ACTING = ("a", "button", "form", "label", "nav", "script")
_SILENT = frozenset({*_HEADS, *_ACTING, "bdi", "head", "pre", "style", "svg"})
_SILENT_CLASS = re.compile(r'class="[^"]*\b(?:number|terms|digest|command|record)\b')
_APART = "\0"
_END = "</main>"


@dataclass(frozen=True)
class _Text:
    """A stretch of text on a page. code: whether it is all that an element of code holds. hidden: until unfolded."""

    start: int
    said: str
    code: bool
    hidden: bool


def folded(page: str, known: Sequence[Term]) -> tuple[str, tuple[Term, ...]]:
    """A page with those of the known words explained that its running text says, and which these are."""
    texts = list(_running(page))
    places: dict[Term, tuple[int, int]] = {}
    for hidden in (False, True):
        part = [text for text in texts if text.hidden == hidden]
        left = [term for term in known if term not in places]
        places |= _first_uses(part, left, set(places.values()))
    made, end = [], 0
    for term, (start, stop) in sorted(places.items(), key=lambda one: one[1]):
        made += [page[end:start], f'<button type="button" class="term" popovertarget="{_name(term)}">']
        made += [page[start:stop], "</button>"]
        end = stop
    body, main, rest = page[end:].rpartition(_END)
    found = tuple(term for term in known if term in places)
    return "".join([*made, body, *map(_opened, found), main, rest]), found


def _name(term: Term) -> str:
    """The id of what a word opens."""
    return "word-" + (re.sub(r"[^a-z0-9]+", "-", term.word.replace("∞", "inf").lower()).strip("-") or "it")


def _opened(term: Term) -> Markup:
    return Markup('<p popover class="word" id="{}"><strong>{}:</strong> {}</p>\n').format(
        _name(term), prose(term.word), prose(term.meaning)
    )


def _running(page: str) -> Iterator[_Text]:
    """The running text of a page, in its order."""
    at, deep = 0, 0
    while part := _PART.match(page, at):
        at = part.end()
        closing, tag, attributes, said = part.groups()
        if said is not None:
            if said.strip():
                yield _Text(part.start(), said, code=False, hidden=deep > 0)
        elif tag is None:
            continue
        elif tag == "details":
            deep += -1 if closing else 1
        elif not closing and (tag in _SILENT or _SILENT_CLASS.search(attributes)):
            at = page.index(f"</{tag}>", at)
        elif tag == "code" and not closing:
            end = page.index("</code>", at)
            if not attributes and "<" not in page[at:end]:
                yield _Text(at, page[at:end], code=True, hidden=deep > 0)
            at = end


def _first_uses(
    texts: Sequence[_Text], wanted: Sequence[Term], taken: set[tuple[int, int]]
) -> dict[Term, tuple[int, int]]:
    """Where texts first say words, by word; no two overlap."""
    whole = _APART.join(text.said for text in texts)
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text.said) + len(_APART)
    found: dict[Term, tuple[int, int]] = {}
    for term in wanted:
        for match in term.pattern.finditer(whole):
            which = bisect_right(starts, match.start()) - 1
            text, within = texts[which], match.start() - starts[which]
            if (text.code and match[0] != text.said) or (term.alone and not text.code):
                continue
            place = text.start + within, text.start + within + len(match[0])
            if not any(place[0] < end and start < place[1] for start, end in (*taken, *found.values())):
                found[term] = place
                break
    return found
