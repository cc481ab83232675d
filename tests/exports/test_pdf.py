"""The PDF of a report: contents, bookmarks by case, digests and page numbers at the foot, nothing folded."""

import shutil
from dataclasses import replace

import pytest

from auditor.exports import pdf
from auditor.exports.pdf import write_pdf
from auditor.report.paper import for_paper
from auditor.values import RecordError
from tests.report.page import every_figure, evidence, hostile_run, parse, record, run_of

RUN = replace(run_of(record("a", evidence(figures=every_figure())), record("b", evidence())), spec_digest="ab" * 32)


def test_what_cases_share_is_said_once_and_numbers_are_in_an_annex():
    page = parse(for_paper(RUN))
    assert "Annex: where all results come from" in [heading.text for heading in page.all("h2")]
    assert not [caption for caption in page.all("caption") if caption.text == "Where this result comes from"]
    assert "A curve, numbers" in [caption.text for caption in page.all("caption")]
    links = [link.attributes["href"] for link in page.one("ol", class_="contents").all("a")]
    assert {"#case-a", "#case-b", "#annex-origin", "#annex-numbers"} <= set(links)
    assert all("open" in fold.attributes for fold in page.all("details"))
    assert not page.all("script")
    assert not parse(for_paper(hostile_run())).all("script")


@pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="no Chromium here")
def test_it_is_printed_with_bookmarks_and_footers(tmp_path):
    import pypdfium2

    write_pdf(RUN, tmp_path / "a.pdf")
    with pypdfium2.PdfDocument(tmp_path / "a.pdf") as document:
        titles = [mark.get_title() for mark in document.get_toc()]
        last = document[len(document) - 1].get_textpage().get_text_bounded()
        assert "Contents" in titles
        assert titles.count("How often is it right?") == 2
        assert "ab" * 32 in last
        assert f"{len(document)} / {len(document)}" in last


def test_without_a_browser_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    with pytest.raises(RecordError, match="printed by Chromium, and none is here"):
        write_pdf(RUN, tmp_path / "a.pdf")
