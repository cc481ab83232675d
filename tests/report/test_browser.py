"""The report in a browser: what a parser of its HTML can't see."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.exports.files import render_files
from auditor.records.manifest import Layout
from auditor.report.html import render
from auditor.values import Accountability, Expectation, Purpose, Requirement, exact
from tests.report.browser import beyond_the_edge, in_view, opened, reached_by_tab, unfold
from tests.report.page import every_figure, evidence, photographed, record, run_of, run_of_everything

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Without looking for styles, which it would fetch, and pages forbid that.
AXE = {"resultTypes": ["violations"], "preload": False}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on which there is all that a page can have."""
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render(run_of_everything()))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of so many cases that their cards wait."""
    path = tmp_path_factory.mktemp("large") / "index.html"
    path.write_text(render(run_of(*(record(f"c{i}", evidence(figures=every_figure())) for i in range(60)))))
    return path


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first page of a report whose pictures lie beside it, with its cases on pages of their own."""
    folder = tmp_path_factory.mktemp("parted")
    for name, content in render_files(photographed(), Layout(70_000)).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "index.html"


@pytest.fixture
def page(browser: "Browser", report: Path) -> "Iterator[Page]":
    with opened(browser, report) as page:
        yield page


def shown(page: "Page") -> list[str]:
    """The cases that are shown, in the order of the table; the cards must agree."""
    rows = [row.get_attribute("data-case") for row in page.locator(".overview tbody tr").all() if row.is_visible()]
    cards = [card.get_attribute("id") for card in page.locator("article").all() if card.is_visible()]
    assert set(rows) == set(cards)
    return [row.removeprefix("case-") for row in rows]


# --- filter, links, order


def test_cases_are_filtered_by_verdict_and_text(page: "Page") -> None:
    everything = shown(page)
    assert len(everything) == 10
    for state in ("pass", "error", "waived", "descriptive", "cut off", "not run", "not selected"):
        page.locator(f"input[value='{state}']").uncheck()
    assert shown(page) == ["failing", "unsure"]
    assert page.locator("output").inner_text() == "2 of 10 cases shown"
    page.locator("input[type=search]").fill("ACCURACY uns")
    assert shown(page) == ["unsure"]
    page.locator("input[type=search]").fill("nothing like this")
    assert shown(page) == []
    assert page.get_by_text("No case fits the filter.").is_visible()


def test_a_link_leads_to_its_case_whatever_the_filter(browser: "Browser", report: Path) -> None:
    with opened(browser, report, "#case-unsure") as page:
        assert in_view(page, page.locator("#case-unsure"))
        page.locator("input[value='fail']").uncheck()
        assert "failing" not in shown(page)
        page.locator(".findings a[href='#case-failing']").click()
        page.locator("#case-failing").wait_for()
        assert len(shown(page)) == 10
        assert in_view(page, page.locator("#case-failing"))


def test_the_table_sorts_up_down_and_back(page: "Page") -> None:
    planned = shown(page)
    verdict = page.locator("th", has=page.get_by_role("button", name="Verdict"))
    metric = page.locator("th", has=page.get_by_role("button", name="Headline metric"))
    assert verdict.get_attribute("aria-sort") == "none"
    verdict.get_by_role("button").click()
    assert verdict.get_attribute("aria-sort") == "ascending"
    assert shown(page)[:3] == ["broken", "failing", "killed"]
    verdict.get_by_role("button").press("Enter")
    assert verdict.get_attribute("aria-sort") == "descending"
    assert shown(page)[0] == "left-out"
    metric.get_by_role("button").click()
    assert (verdict.get_attribute("aria-sort"), metric.get_attribute("aria-sort")) == ("none", "ascending")
    # Those without a metric first, then 50%, 60% and three of 96%, which stay as the verdict had sorted them.
    assert shown(page)[5:] == ["described", "waived", "passing", "unsure", "failing"]
    metric.get_by_role("button").click()
    assert shown(page)[:5] == ["passing", "unsure", "failing", "waived", "described"]
    metric.get_by_role("button").click()
    assert shown(page) == planned


# --- many cases


NEVER_IDLE = "globalThis.requestIdleCallback = () => 0;"


def test_a_card_among_many_is_complete_once_in_sight(browser: "Browser", large: Path) -> None:
    with opened(browser, large, "#case-c50", NEVER_IDLE) as page:
        card = page.locator("#case-c50")
        card.locator(".curve .chart").wait_for()
        assert in_view(page, card)
        assert not page.locator("#case-c10 figure").count()
        card.locator(".enlarge").first.click()
        assert "A grid, 1 of 3, one" in page.get_by_role("dialog").locator(".what").inner_text()


def test_many_cards_are_complete_in_the_end_and_on_paper(browser: "Browser", large: Path) -> None:
    with opened(browser, large) as page:
        page.locator("noscript").first.wait_for(state="detached")
        assert page.locator("figure").count() == 360
    with opened(browser, large, "", NEVER_IDLE) as page:
        assert page.locator("figure").count() < 360
        page.pdf()
        assert page.locator("figure").count() == 360


def test_many_cards_are_all_there_without_javascript(browser: "Browser", large: Path) -> None:
    with opened(browser, large, java_script_enabled=False) as page:
        assert page.locator("figure").count() == 360
        assert page.locator("#case-c59 figure").last.is_visible()


# --- a report of several pages, from disk


LOADED = "() => [...document.images].every((i) => !i.closest('main') || (i.complete && i.naturalWidth > 0))"


def test_pictures_beside_the_page_are_shown_from_disk(browser: "Browser", parted: Path) -> None:
    with opened(browser, parted, alone=False) as page:
        page.wait_for_function(LOADED)
        page.locator(".sheets a").last.click()
        assert page.locator("main img").count() >= 40
        page.wait_for_function(LOADED)
        page.locator(".grid img").first.click()
        assert page.get_by_role("dialog").locator("img").bounding_box()["height"] > 300


def test_links_to_cases_lead_to_their_pages_and_back(browser: "Browser", parted: Path) -> None:
    with opened(browser, parted, "#case-shown-2", alone=False) as page:
        page.wait_for_url("**/cases-*.html#case-shown-2")
        assert in_view(page, page.locator("article#case-shown-2"))
        page.get_by_role("link", name="All cases", exact=True).click()
        assert page.locator(".overview tbody tr").count() == 13
        page.locator("input[type=search]").fill("shown-1")
        assert [row.get_attribute("id") for row in page.locator(".overview tbody tr:visible").all()] == ["case-shown-1"]
        page.locator(".overview a[href$='#case-shown-1']").click()
        assert in_view(page, page.locator("article#case-shown-1"))
    with opened(browser, parted, "#case-shown-2", alone=False, java_script_enabled=False) as page:
        assert in_view(page, page.locator("tr#case-shown-2"))
        page.locator("tr#case-shown-2 a").click()
        assert in_view(page, page.locator("article#case-shown-2"))


def test_axe_finds_nothing_on_a_page_of_cases(browser: "Browser", parted: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install -e '.[dev]'")
    with opened(browser, parted.parent / "cases-1.html", alone=False) as page:
        unfold(page)
        found = axe.Axe().run(page, options=AXE)
        assert not found.violations_count, found.generate_report()


# --- keyboard


def test_tab_reaches_everything_in_order_and_shows_where_it_is(page: "Page") -> None:
    unfold(page)
    assert reached_by_tab(page) > 60


def test_images_are_enlarged_by_keyboard(page: "Page") -> None:
    button = page.locator("#case-passing .enlarge").first
    button.focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    assert viewer.is_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    assert "A grid, 1 of 3, one" in viewer.locator(".what").inner_text()
    page.keyboard.press("ArrowRight")
    assert "A grid, 2 of 3, two" in viewer.locator(".what").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "A grid, 3 of 3, three" in viewer.locator(".what").inner_text()
    assert viewer.locator("img").bounding_box()["height"] > 300
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert page.evaluate("document.activeElement.textContent") == "Enlarge the images"


# --- for every reader


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing(browser: "Browser", report: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install -e '.[dev]'")
    size = {"width": width, "height": 900}
    with opened(browser, report, color_scheme=scheme, viewport=size) as page:
        unfold(page)
        found = axe.Axe().run(page, options=AXE)
        assert not found.violations_count, found.generate_report()
        page.locator(".enlarge").first.click()
        found = axe.Axe().run(page, "dialog", AXE)
        assert not found.violations_count, found.generate_report()


def test_nothing_overflows_a_phone(browser: "Browser", report: Path) -> None:
    with opened(browser, report, viewport={"width": 360, "height": 740}) as page:
        unfold(page)
        assert not beyond_the_edge(page)


def test_no_column_of_the_overview_is_cut_off(browser: "Browser", tmp_path: Path) -> None:
    run = run_of_everything()
    weak = record("poor", evidence({"median_distance": exact(1.5)}), Expectation("median_distance", max=2.0))
    weak = replace(weak, check="minimal_perturbation")
    case = replace(run.cases[0], id="poor", check="minimal_perturbation")
    run = replace(run, cases=(*run.cases, case), records={**run.records, "poor": weak})
    (tmp_path / "page.html").write_text(render(run))
    with opened(browser, tmp_path / "page.html") as page:
        assert page.locator(".overview .state-weakness").count() == 1
        for width in (1280, 1060, 1050, 950, 800, 700, 640, 375):
            page.set_viewport_size({"width": width, "height": 900})
            hidden = page.evaluate(
                "(e => e.scrollWidth - e.clientWidth)(document.querySelector('.scroll:has(.overview)'))"
            )
            assert hidden <= 0, f"{hidden} pixels of the table can't be seen at {width}"


def test_outcomes_of_requirements_are_read_without_scrolling_sideways(browser: "Browser", tmp_path: Path) -> None:
    asked = Requirement("R1", "Small changes of an image do not change its reading.", "AI Act Art. 15(5)")
    weak = record("noise-becomes-a-certain-three", evidence(), Expectation("accuracy", max=0.99))
    run = run_of(weak)
    cases = tuple(replace(case, purpose=Purpose(requirements=("R1",), severity="major")) for case in run.cases)
    run = replace(run, cases=cases, accountability=Accountability(requirements=(asked,)))
    (tmp_path / "page.html").write_text(render(run))
    with opened(browser, tmp_path / "page.html", viewport={"width": 375, "height": 740}) as page:
        assert page.locator(".owed .state-weakness").is_visible()
        assert page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('.scroll:has(.owed)'))") <= 0


def test_everything_is_there_without_javascript(browser: "Browser", report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as page:
        assert len(shown(page)) == 10
        figures, images = page.locator("figure").all(), page.locator("main img").all()
        assert len(figures) == 18
        assert all(figure.is_visible() for figure in figures)
        assert len(images) == 33
        assert all(image.is_visible() for image in images)
        assert not any(button.is_visible() for button in page.locator("form, button:not(.term)").all())


# --- on paper


@pytest.mark.parametrize("scripts", [True, False])
def test_paper_leaves_nothing_out(browser: "Browser", report: Path, scripts: bool) -> None:
    with opened(browser, report, java_script_enabled=scripts, color_scheme="dark") as page:
        folded = page.locator("details > :not(summary)").all()
        assert len(folded) > 30
        assert not any(content.is_visible() for content in folded)
        if scripts:
            page.locator("input[type=search]").fill("nothing like this")
            page.get_by_role("button", name="Headline metric").click()
            assert shown(page) == []
        page.emulate_media(media="print")
        assert all(content.is_visible() for content in folded)
        assert len(shown(page)) == 10
        assert not any(part.is_visible() for part in page.locator("form, .enlarge, .back, .nothing").all())


def test_paper_is_light_and_nothing_on_it_is_cut_off(browser: "Browser", report: Path) -> None:
    # An A4 sheet less its margins, at the 96 pixels of an inch that CSS means.
    with opened(browser, report, color_scheme="dark", viewport={"width": 680, "height": 1009}) as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert page.evaluate("document.documentElement.scrollWidth") == 680
        whole = ".image_grid, .strip, .drawn"
        heights = [part.bounding_box()["height"] for part in page.locator(whole).all()]
        assert max(heights) < 1009
        kept = f"[...document.querySelectorAll('{whole}')].map((e) => getComputedStyle(e).breakInside)"
        assert set(page.evaluate(kept)) == {"avoid"}
