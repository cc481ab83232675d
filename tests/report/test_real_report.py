"""A report of real measurements on the example networks, as readers open it: on screens, by keyboard, on paper."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.evidence.verification import verify
from auditor.exports.publishing import render_report
from auditor.loading.resources import Resources
from auditor.records.store import Folder
from auditor.run.runner import Work, new_run, obtain_settled
from auditor.spec import make_plan
from tests.report.browser import in_view, opened, unfold
from tests.report.page import parse

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SPEC = """\
audit: real
title: The example networks, in small
models:
  cnn: {{format: keras, path: {folder}/mnist_cnn.keras, output: probabilities, trusted: true}}
  softmax: {{format: keras, path: {folder}/mnist_softmax.keras, output: probabilities, trusted: true}}
data: {{dataset: mnist_5k, split: validation, count: 100}}
checks:
  - {{id: accuracy, check: accuracy, model: softmax, expect: {{accuracy: {{min: 0.5}}}}}}
  - {{id: weights, check: weight_maps, model: softmax}}
  - id: flips
    check: digit_flip
    params: {{target: 3, samples: 20, steps: 5, step_size: 0.02, objective: log_probability}}
    expect: {{flip_rate: {{max: 0.05}}}}
  - id: curve
    check: security_curve
    model: softmax
    params: {{eps: [0.05, 0.2], samples: 20, attacks: [{{attack: fgsm}}]}}
  - {{id: unsure, check: accuracy, model: softmax, params: {{first: 20}}, expect: {{accuracy: {{min: 0.8}}}}}}
  - {{id: no-such-image, check: accuracy, params: {{first: 100000}}}}
"""


@pytest.fixture(scope="module")
def page(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of all kinds of figures and most kinds of verdicts."""
    place = tmp_path_factory.mktemp("real")
    spec = place / "real.audit.yaml"
    spec.write_text(SPEC.format(folder=checkpoints))
    plan, folder = make_plan(spec), Folder(place / "reports" / "real")
    work = Work(plan, "run-1", folder, Resources())
    folder.prepare(new_run(plan, "run-1", [case.id for case in plan.cases]))
    for case in plan.cases:
        obtain_settled(work, case)
    return render_report(folder)[1]


def test_it_holds_what_was_measured(page: Path) -> None:
    run = Folder(page.parent).load_run()
    states = {case.id: run.state(case) for case in run.cases}
    assert states == {
        "accuracy": "pass",
        "weights": "descriptive",
        "flips": "fail",
        "curve": "descriptive",
        "unsure": "inconclusive",
        "no-such-image": "error",
    }
    kinds = {figure.kind for record in run.records.values() if record.evidence for figure in record.evidence.figures}
    assert kinds == {"image_grid", "strip", "curve", "heatmap", "bars"}
    assert not [finding for finding in verify(page.parent, model=False) if finding.standing == "doesn't hold"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_first_screen_answers_the_first_questions(browser: "Browser", page: Path, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900}
    with opened(browser, page, viewport=size, color_scheme=scheme) as window:
        for part in (".banner", ".counts", ".gist", "#findings"):
            assert in_view(window, window.locator(part)), part
        gist = window.locator(".gist").inner_text()
        record = Folder(page.parent).load_run().records["flips"]
        assert next(iter(record.files.values())) in gist
        assert "mnist_cnn.keras" in gist
        assert "Not tested" in gist
        if width > 1000:
            assert all(in_view(window, finding) for finding in window.locator(".findings > li").all())
            assert window.locator(".findings img").count() >= 2
        unfold(window)
        assert window.evaluate("document.documentElement.scrollWidth") == width


def test_axe_finds_nothing_on_a_dark_phone(browser: "Browser", page: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install -e '.[dev]'")
    with opened(browser, page, viewport={"width": 390, "height": 900}, color_scheme="dark") as window:
        found = axe.Axe().run(window)
        assert not found.violations_count, found.generate_report()


def test_images_enlarge_by_click_and_links_lead_to_cards_and_records(browser: "Browser", page: Path) -> None:
    with opened(browser, page, "#case-flips", viewport={"width": 1280, "height": 900}) as window:
        card = window.locator("#case-flips")
        assert in_view(window, card)
        card.locator(".strip img").nth(2).click()
        viewer = window.get_by_role("dialog")
        assert re.search(r"step 2.*\(3 of \d+\)", viewer.locator(".what").inner_text())
        assert viewer.locator("img").bounding_box()["width"] > 400
        window.keyboard.press("Escape")
        assert not viewer.is_visible()
        for link in card.locator(".record a").all():
            assert (page.parent / link.get_attribute("href")).is_file()


def test_it_can_be_read_without_javascript(browser: "Browser", page: Path) -> None:
    with opened(browser, page, "#case-curve", java_script_enabled=False) as window:
        assert in_view(window, window.locator("#case-curve"))
        assert window.locator("figure").count() > 8
        assert all(figure.is_visible() for figure in window.locator("figure").all())
        window.locator("#case-curve details").last.locator("summary").click()
        assert window.locator("#case-curve .digest").last.is_visible()


def test_on_paper_nothing_is_cut_and_no_sheet_is_empty(browser: "Browser", page: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="needs pypdfium2: pip install -e '.[dev]'")
    with opened(browser, page, color_scheme="dark") as window:
        made = window.pdf(prefer_css_page_size=True, print_background=True)
        window.emulate_media(media="print")
        assert all(part.is_visible() for part in window.locator("details > :not(summary)").all())
        widths = window.evaluate("[...document.querySelectorAll('.metrics tbody th')].map((cell) => cell.offsetWidth)")
        assert min(widths) > 100, "a metric is read as words, not letter by letter"
    paper = pdfium.PdfDocument(made)
    assert len(paper) > 5
    said = ""
    for sheet in paper:
        assert [round(length) for length in sheet.get_size()] == [595, 842]  # A4 in points
        text = sheet.get_textpage().get_text_range()
        assert len(text.split()) > 10, "an empty sheet"
        for part in sheet.get_objects([pdfium.raw.FPDF_PAGEOBJ_TEXT, pdfium.raw.FPDF_PAGEOBJ_IMAGE]):
            left, bottom, right, top = part.get_bounds()
            assert left >= 40
            assert bottom >= (40 if part.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE else 15)  # the page's number is below
            assert right <= 595 - 40
            assert top <= 842 - 40
        said += text
    for folded in ("About this check", "Provenance", "EU AI Act", "Run it again"):
        assert folded in said


def test_numbers_have_three_digits_everywhere(page: Path) -> None:
    """Per cent to a tenth, probabilities never as certain: on the page, but for code, digests and versions."""
    root = parse(page.read_text(encoding="utf-8"))
    for node in [node for node in root.walk() if node.tag in ("code", "pre", "style", "script", "time", "caption")]:
        node.content.clear()
    for folded in root.all("div", class_="background"):
        folded.content.clear()
    said = " | ".join(part for node in root.walk() for part in node.content if isinstance(part, str))
    assert re.search(r"\d\.\d%", said), "it tells shares"
    long = re.findall(r"(?<![\w./])-?\d*\.\d*[1-9]\d*(?:e[+-]?\d+)?%?", said)
    assert not [one for one in long if len(re.sub(r"^-?0*\.?0*|e.*|\D", "", one)) > 3]
    assert not re.findall(r"\b(?:1\.0{2,}|0\.9{4,}|100\.0+%|0\.0%)(?![\d.])", said)
