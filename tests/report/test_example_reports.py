"""The reports of the example specs, as `make audit` leaves them in `reports/`, in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.records.store import Folder
from auditor.spec.document import SUFFIX
from auditor.spec.plan import make_plan
from tests.report.browser import beyond_the_edge, in_view, opened, reached_by_tab, unfold

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
SPECS = {make_plan(path, files=False).audit: path for path in sorted((ROOT / "specs").glob(f"*{SUFFIX}"))}

pytestmark = pytest.mark.slow


@pytest.fixture(params=SPECS)
def page(request: pytest.FixtureRequest) -> Path:
    """The page of one example audit."""
    found = ROOT / "reports" / request.param / "index.html"
    if not found.is_file():
        pytest.skip("needs the reports of the example specs: make audit")
    return found


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_axe_and_the_edges_of_the_window_find_nothing(browser: "Browser", page: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install -e '.[dev]'")
    with opened(browser, page, viewport={"width": width, "height": 900}, color_scheme=scheme) as window:
        unfold(window)
        assert not beyond_the_edge(window)
        found = axe.Axe().run(window)
        assert not found.violations_count, found.generate_report()


def test_links_filters_and_keys_work(browser: "Browser", page: Path) -> None:
    run = Folder(page.parent).load_run()
    last = run.cases[-1].id
    with opened(browser, page, f"#case-{last}", viewport={"width": 1280, "height": 900}) as window:
        rows, card = window.locator(".overview tbody tr"), window.locator(f"article#case-{last}")
        assert in_view(window, card)
        window.locator("input[type=search]").fill(last)
        assert 1 <= window.locator(".overview tbody tr:visible").count() <= rows.count() == len(run.cases)
        window.locator("input[type=search]").fill("")
        if card.locator(".enlarge").count():
            card.locator(".enlarge").first.press("Enter")
            assert window.get_by_role("dialog").is_visible()
            window.keyboard.press("Escape")
    with opened(browser, page, viewport={"width": 1280, "height": 900}) as window:
        unfold(window)
        assert reached_by_tab(window) > len(run.cases)


def test_without_javascript_every_figure_is_there(browser: "Browser", page: Path) -> None:
    records = Folder(page.parent).load_run().records.values()
    figures = sum(len(record.evidence.figures) for record in records if record.evidence)
    with opened(browser, page, java_script_enabled=False) as window:
        shown = window.locator("article figure").all()
        assert len(shown) >= figures
        assert all(figure.is_visible() for figure in shown)
        assert all(image.is_visible() for image in window.locator("main img").all())
