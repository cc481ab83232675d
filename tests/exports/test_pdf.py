"""The PDF of a report: contents, bookmarks by case, digests and page numbers at the foot, nothing folded."""

import sys
from dataclasses import replace

import pytest

from auditor.exports import pdf
from auditor.exports.pdf import write_pdf
from auditor.report.paper import for_paper, plainly
from auditor.values import RecordError
from tests.report.page import every_figure, evidence, hostile_run, parse, provenance, record, run_of

RUN = replace(run_of(record("a", evidence(figures=every_figure())), record("b", evidence())), spec_digest="ab" * 32)


def test_what_cases_share_is_said_once_and_numbers_are_in_an_annex():
    page = parse(for_paper(RUN))
    assert "Annex: where results come from" in [heading.text for heading in page.all("h2")]
    assert not [caption for caption in page.all("caption") if caption.text == "Where this result comes from"]
    assert "A curve, numbers" in [caption.text for caption in page.all("caption")]
    links = [link.attributes["href"] for link in page.one("ol", class_="contents").all("a")]
    assert {"#case-a", "#case-b", "#annex-origin", "#annex-numbers"} <= set(links)
    assert all("open" in fold.attributes for fold in page.all("details"))
    assert not page.all("script")
    about = page.one("section", id="annex-check-1")
    assert "What it measures" in [heading.text for heading in about.all("h4")]
    assert not page.all("section", id="annex-check-2"), "both cases are of one check"
    assert len(page.all("a", href="#annex-check-1")) == 2
    assert not parse(for_paper(hostile_run())).all("script")


def test_what_some_cases_share_is_said_once_and_what_differs_stays_with_its_case():
    one, other = (
        record(name, evidence(), provenance=provenance(digest)) for name, digest in (("a", "aa"), ("b", "bb"))
    )
    more = {**provenance("aa"), "only": "of one"}
    page = parse(for_paper(run_of(one, other, record("c", evidence(), provenance=more))))
    shared = {row.one("th").text: row.one("td").text for row in page.one("h2", id="annex-origin").parent.all("tr")}
    assert shared["machine"] == "Linux"
    for case, digest in (("a", "aa"), ("b", "bb"), ("c", "aa")):
        card = page.one("article", id=f"case-{case}")
        (own,) = [t for t in card.all("table") if t.one("caption").text == "Where this result comes from"]
        told = {row.one("th").text: row.one("td").text for row in own.one("tbody").all("tr")}
        assert told == {"models › release › files › m.keras": digest} | ({"only": "of one"} if case == "c" else {})
        assert not told.keys() & shared.keys()


@pytest.mark.parametrize("by", ["Chromium", "WeasyPrint"])
def test_it_is_printed_with_bookmarks_and_footers(tmp_path, monkeypatch, by):
    import pypdfium2

    if by == "Chromium" and pdf.browser_here() is None:
        pytest.skip("no Chromium here")
    if by == "WeasyPrint":
        pytest.importorskip("weasyprint", exc_type=(ImportError, OSError))
        monkeypatch.setattr(pdf, "BROWSERS", ())
    write_pdf(RUN, tmp_path / "a.pdf")
    with pypdfium2.PdfDocument(tmp_path / "a.pdf") as document:
        titles = [mark.get_title() for mark in document.get_toc()]
        last = document[len(document) - 1].get_textpage().get_text_bounded()
        assert document.is_tagged()
        assert document[0].get_size() == pytest.approx((595, 842), abs=1)  # A4, in points
        assert "Contents" in titles
        assert titles.count("How often is it right?") == 2
        assert "ab" * 32 in last
        assert f"{len(document)} / {len(document)}" in last


def test_for_a_renderer_without_variables_pictures_have_the_colours_of_a_light_page():
    page, plain = for_paper(RUN), plainly(for_paper(RUN))
    assert 'fill="var(--ink)"' in page
    assert 'fill="#1c1d21"' in plain
    assert '="var(' not in plain
    assert parse(plain).one("main").text == parse(page).one("main").text


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ImportError("no weasyprint"), r"neither is here .*pip install 'robustness-auditor\[pdf\]'"),
        (OSError("cannot load library 'libpango'"), "doesn't start: .*libpango.*needs Pango"),
    ],
)
def test_where_nothing_prints_it_says_what_to_install(monkeypatch, tmp_path, fault, told):
    class Missing:
        def find_spec(self, name, *_):
            if name == "weasyprint":
                raise fault

    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    for name in [name for name in sys.modules if name.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(RecordError, match=told):
        write_pdf(RUN, tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()
