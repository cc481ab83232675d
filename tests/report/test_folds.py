"""Each word of the field on a page is explained once, where it first stands in what is read."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from auditor.drawing import kept_in
from auditor.records.manifest import Layout
from auditor.report.folds import folded
from auditor.report.html import render
from auditor.report.layout import render_pages
from auditor.report.paper import for_paper
from auditor.report.terms import _TERMS, known_terms
from auditor.values import Diagnostic, Expectation, Table
from tests.report.page import Node, evidence, hostile_run, parse, record, run_of, run_of_all_states

PHRASING = {"p", "li", "dd", "td", "th", "span", "div", "strong", "em", "code", "bdi", "figcaption", "time", "b", "i"}
ATTACKS = [{"attack": "apgd", "steps": 20}, {"attack": "square", "queries": 500}]


def words_of(page: Node) -> list[str]:
    return [button.attributes["popovertarget"] for button in page.all("button", class_="term")]


def read(node: Node, hidden: bool = False) -> Iterator[tuple[str, Node, bool]]:
    """The texts of an element that are read as sentences, each with the element that holds it, and whether folded."""
    for part in node.content:
        if isinstance(part, str):
            yield part, node, hidden
            continue
        classes = part.attributes.get("class", "").split()
        silent = {"number", "terms", "digest", "command", "record", "word"} & set(classes)
        silent_tag = re.fullmatch(
            "a|bdi|button|caption|dt|form|h[1-4]|head|label|nav|pre|script|style|summary|svg|thead", part.tag
        )
        if "term" in classes:
            yield part.text, part, hidden
        elif not silent and not silent_tag:
            yield from read(part, hidden or part.tag == "details")


@pytest.fixture(scope="module")
def attacked() -> str:
    """A page with words in a title, a note, a number, a link and code, and with what is folded before what isn't."""
    found = evidence(
        diagnostics=(Diagnostic("steady", True, "the logits are the same: no transfer"),),
        notes=(
            "Within the ball `eps` counts. Logits of a targeted attack, by apgd.",
            "The Square attack asks: queries.",
        ),
        tables=(Table("Rows", ("what", "box"), (("box", 1.0),)),),
    )
    one = record(
        "a", found, Expectation("accuracy", share=True, min=0.8), title="A ball of margin", params={"attacks": ATTACKS}
    )
    return render(run_of(one, record("b", evidence(notes=("The ball again, and a margin.",)))))


def test_each_word_has_one_fold_that_opens_what_it_means(attacked: str) -> None:
    page = parse(attacked)
    targets = words_of(page)
    assert len(set(targets)) == len(targets)
    assert {"word-ball", "word-eps", "word-logits", "word-margin", "word-apgd", "word-targeted-untargeted"} <= set(
        targets
    )
    meanings = {node.attributes["id"]: node.text for node in page.all("p", class_="word")}
    assert list(meanings) == sorted(targets, key=list(meanings).index)
    assert "before its softmax" in meanings["word-logits"]
    assert all("popover" in node.attributes for node in page.all("p", class_="word"))
    listed = page.one("section", class_="reading").one("details").all("dt")
    assert len(listed) >= len(targets)


def test_the_fold_is_the_first_use_in_what_is_read(attacked: str) -> None:
    """By another way of reading than the report's: a parser's tree, and what is seen before what is folded."""
    page = parse(attacked)
    texts = [one for one in read(page) if not one[2]] + [one for one in read(page) if one[2]]
    for word, (pattern, _) in _TERMS.items():
        target = next(
            (t.attributes["popovertarget"] for t in page.all("button", class_="term") if _is(t, pattern)), None
        )
        first = next((holder for text, holder, _ in texts if _says(text, holder, pattern)), None)
        assert (first is None) == (target is None), word
        if first is not None:
            assert first.attributes.get("popovertarget") == target, word


def _is(button: Node, pattern: str) -> bool:
    return re.match(rf"(?:{pattern})\w*$", button.text, re.IGNORECASE) is not None


def _says(text: str, holder: Node, pattern: str) -> bool:
    if holder.tag == "code":
        return re.fullmatch(rf"(?:{pattern})\w*", text, re.IGNORECASE) is not None
    return re.search(pattern, text, re.IGNORECASE) is not None


def test_folds_stand_where_html_allows_a_button_and_nowhere_else(attacked: str) -> None:
    page = parse(attacked)
    for button in page.all("button", class_="term"):
        assert button.attributes["type"] == "button"
        around = []
        holder = button.parent
        while holder is not None and holder.tag not in ("article", "main", "header", "body"):
            around.append(holder)
            holder = holder.parent
        assert {node.tag for node in around} <= PHRASING | {
            "ul",
            "ol",
            "dl",
            "section",
            "table",
            "tbody",
            "tr",
            "details",
            "figure",
        }
        assert not any("number" in node.attributes.get("class", "").split() for node in around)
    assert "onclick" not in attacked
    assert not re.search(r'<[^>]*=(?:"[^"]*<button[^"]*")', attacked)


def test_a_word_of_everyday_language_names_an_attack_as_code_alone() -> None:
    known = known_terms(["square", "apgd"])
    page = "<main><p>A square of pixels, by apgd-like means.</p><p><code>square</code> and apgd.</p></main>"
    made, found = folded(page, known)
    assert [term.word for term in found] == ["`apgd`", "`square`"]
    assert "<p>A square of pixels, by apgd-like means.</p>" in made
    assert '<code><button type="button" class="term" popovertarget="word-square">square</button></code>' in made


def test_pages_of_cases_explain_what_they_say_themselves() -> None:
    cases = [record(f"c{i}", evidence(notes=("Within the ball.", "x" * 3000))) for i in range(12)]
    with kept_in(None):
        pages = render_pages(run_of(*cases), Layout(size=30_000), beside_records=False)
    sheets = [parse(content.decode()) for name, content in pages.items() if name.startswith("cases-")]
    assert len(sheets) > 1
    assert all(words_of(sheet).count("word-ball") == 1 for sheet in sheets)
    assert all([d.text for d in sheet.one("dl", class_="terms").all("dt")].count("ball") == 1 for sheet in sheets)
    assert all(len(content) <= 30_000 for name, content in pages.items() if name.startswith("cases-"))


def test_paper_has_no_folds_but_all_words() -> None:
    made = for_paper(run_of(record("a", evidence(notes=("Within the ball.",)))))
    assert 'class="term"' not in made
    assert "popover" not in made.split("</style>")[1]
    assert "<dt>ball</dt>" in made


def test_what_others_wrote_stays_text() -> None:
    run = run_of_all_states()
    noted = replace(run.records["passing"].evidence, notes=("ball <b>eps</b> & \"logits\" 'box'",))
    records = {**run.records, "passing": replace(run.records["passing"], evidence=noted)}
    page = parse(render(replace(run, records=records)))
    assert "ball <b>eps</b> & \"logits\" 'box'" in page.one("article", id="case-passing").text
    parse(render(hostile_run()))
