"""A report as build servers show it: from an address of theirs, under a policy that refuses what stands in a page."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.exports.files import render_files
from auditor.exports.publishing import render_report
from auditor.records.manifest import Layout
from auditor.records.store import Folder
from auditor.report.html import render
from tests.report.page import every_figure, evidence, parse, photographed, record, run_of, run_of_everything

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Jenkins' own rule for what jobs leave behind, as it was and as it is; and the same where scripts are refused by it
# alone, so that a browser takes the page for one that has its scripts and shows no <noscript>.
STRICT = {
    "jenkins": "sandbox; default-src 'none'; img-src 'self'; style-src 'self';",
    "jenkins, same origin": "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';",
    "no sandbox": "default-src 'none'; img-src 'self'; style-src 'self'",
}
LOADED = "[...document.images].filter((i) => i.complete && i.naturalWidth > 0).length"
FOLDER = Layout(folder=True)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: object, policy: str, kind: str, **named: object) -> None:
        self.policy, self.kind = policy, kind
        super().__init__(*arguments, **named)

    def guess_type(self, path: object) -> str:
        return self.kind or super().guess_type(path)

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def do_GET(self) -> None:
        """Files, and nothing for the icon that browsers ask every server for."""
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path, policy: str, kind: str = "") -> Iterator[str]:
    """A folder's address on this machine. kind: what every file is said to be, if not what it is."""
    handler = partial(_Handler, policy=policy, kind=kind, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def shown(browser: "Browser", address: str, **look: Any) -> "Iterator[tuple[Page, list[str]]]":
    """A page, and what the browser complains of. look: which window it has."""
    with browser.new_context(**look) as window:
        page, troubles = window.new_page(), []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
        page.goto(address, wait_until="load")
        yield page, troubles


def of_scripts(trouble: str) -> bool:
    return "script" in trouble.lower() or trouble.endswith("page.js")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a build server keeps it: all there can be, one with many cases, one of several pages, one page."""
    place = tmp_path_factory.mktemp("reports")
    many = run_of(*(record(f"c{i}", evidence(figures=every_figure()[:1])) for i in range(60)))
    made = {
        "all": render_files(run_of_everything(), FOLDER),
        "many": render_files(many, FOLDER),
        "parted": render_files(photographed(), Layout(70_000, folder=True)),
        "one": {"index.html": render(run_of_everything()).encode()},
    }
    for name, files in made.items():
        for file, content in files.items():
            path = place / "-" / "jobs" / "7" / "artifacts" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return path.parents[1]


@pytest.mark.parametrize("rule", STRICT)
def test_under_a_strict_policy_everything_but_the_script_works(browser: "Browser", reports: Path, rule: str) -> None:
    with served(reports, STRICT[rule]) as address:
        for name, pictures, figures in (("all", 33, 18), ("many", 183, 60)):
            with shown(browser, f"{address}/{name}/index.html") as (page, troubles):
                assert page.locator("main img").count() == pictures
                assert page.evaluate(LOADED) == pictures == page.locator("img").count()
                assert page.locator("figure").count() == figures
                assert all(figure.is_visible() for figure in page.locator("figure").all())
                assert [trouble for trouble in troubles if not of_scripts(trouble)] == []
                banner = "getComputedStyle(document.querySelector('.card')).borderTopLeftRadius"
                assert page.evaluate(banner) != "0px", "no style"
                fold = page.locator("article details").first
                fold.locator("summary").click()
                assert fold.locator("> :not(summary)").first.is_visible()
                assert not any(button.is_visible() for button in page.locator("form, button:not(.term)").all())
                word = page.locator(".term").first
                meaning = page.locator(f"#{word.get_attribute('popovertarget')}")
                assert not meaning.is_visible()
                word.click()
                assert meaning.is_visible()
        with shown(browser, f"{address}/parted/index.html") as (page, troubles):
            page.locator(".sheets a").last.click()
            page.wait_for_url("**/cases-*.html")
            assert page.evaluate(LOADED) == page.locator("img").count() > 20
            assert [trouble for trouble in troubles if not of_scripts(trouble)] == []
        with shown(browser, f"{address}/one/index.html") as (page, troubles):
            assert page.evaluate(LOADED) == 0, "the policy is obeyed"
            assert [trouble for trouble in troubles if "style" in trouble]


@contextmanager
def artifacts(reports: Path, viewer: str, beside: Path) -> Iterator[str]:
    """Where a build server shows them: at an address of its own, or in a folder that a reader unpacked on his disk."""
    if viewer == "github":
        archive = shutil.make_archive(str(beside / "audit"), "zip", reports)
        shutil.unpack_archive(archive, beside / "audit")
        yield (beside / "audit").as_uri()
    else:
        policy, above = (STRICT["jenkins, same origin"], reports) if viewer == "jenkins" else ("", reports.parents[3])
        with served(above, policy) as address:
            yield f"{address}/{reports.relative_to(above).as_posix()}"


@pytest.mark.parametrize("viewer", ["jenkins", "gitlab", "github"])
def test_it_is_whole_on_every_screen(browser: "Browser", reports: Path, tmp_path: Path, viewer: str) -> None:
    grounds = set()
    with artifacts(reports, viewer, tmp_path) as address:
        for name in ("all", "one") if viewer != "jenkins" else ("all",):
            for width, scheme in ((1280, "light"), (390, "dark")):
                look = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
                with shown(browser, f"{address}/{name}/index.html", **look) as (page, troubles):
                    assert page.evaluate(LOADED) >= 33
                    assert page.evaluate(LOADED) == page.locator("img[src]").count()
                    assert page.evaluate("document.documentElement.scrollWidth") <= width
                    assert [trouble for trouble in troubles if viewer != "jenkins" or not of_scripts(trouble)] == []
                    grounds.add((scheme, page.evaluate("getComputedStyle(document.body).backgroundColor")))
    assert len(grounds) == 2, "one ground by day, another by night"


def test_an_address_that_refuses_pictures_leaves_what_one_page_says(browser: "Browser", reports: Path) -> None:
    """GitHub's raw files come as text; whoever passes them on as pages under their policy shows no picture at all."""
    raw = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    with (
        served(reports, raw, "text/plain; charset=utf-8") as address,
        shown(browser, f"{address}/one/index.html") as seen,
    ):
        assert seen[0].locator("img").count() == 0
        assert seen[0].locator("body").inner_text().lower().startswith("<!doctype html>")
    with served(reports, raw) as address, shown(browser, f"{address}/one/index.html") as (page, _):
        assert page.evaluate(LOADED) == 0
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderTopLeftRadius") != "0px"
        assert all(figure.is_visible() for figure in page.locator("figure").all())
        assert all(page.locator("main img").evaluate_all("all => all.map((one) => one.alt)")), "each says what it shows"


def test_where_nothing_is_refused_the_script_works_too(browser: "Browser", reports: Path) -> None:
    """GitLab serves artifacts from an address of their own, GitHub packs them for the reader's disk."""
    with served(reports.parents[3], "") as address:
        for place in (f"{address}/-/jobs/7/artifacts", reports.as_uri()):
            with shown(browser, f"{place}/all/index.html") as (page, troubles):
                page.locator("input[type=search]").fill("nothing like this")
                assert not page.locator("article").first.is_visible()
                page.locator("input[type=search]").fill("")
                page.locator(".grid img").first.click()
                assert page.get_by_role("dialog").locator("img").bounding_box()["height"] > 300
                assert page.evaluate(LOADED) == 34
                assert troubles == []


def test_nothing_that_such_a_policy_refuses_stands_in_any_page(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "reports" / "audit")
    folder.save_run(run_of_everything())
    render_report(folder, FOLDER)
    pages = [*tmp_path.rglob("*.html")]
    assert {page.relative_to(tmp_path).as_posix() for page in pages} == {
        "reports/index.html",
        "reports/audit/index.html",
        "reports/audit/declaration.html",
    }
    for path in pages:
        said = path.read_text()
        assert '="data:' not in said
        tree = parse(said)
        assert not tree.all("style")
        inline = [node.tag for node in tree.walk() if {"style", "onclick", "onload"} & set(node.attributes)]
        assert inline == []
        assert all(not script.text.strip() for script in tree.all("script"))
        linked = [node.attributes.get("href") or node.attributes.get("src") for node in files_of(tree)]
        assert linked
        assert all((path.parent / name).is_file() for name in linked)
    before = sorted(path.name for path in folder.path.iterdir())
    render_report(folder)
    assert sorted(path.name for path in folder.path.iterdir()) == before, "as the last time"
    render_report(folder, Layout())
    assert not [path for path in folder.path.iterdir() if path.suffix in (".css", ".js")]


def files_of(tree) -> Sequence:
    return [*tree.all("link"), *tree.all("img"), *(node for node in tree.all("script") if "src" in node.attributes)]
