"""The page of pytest-html: what it says and shows of every case, whoever ran it and however that ended."""

import base64
import io
import json
import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.plain import left, make_plain, run_plain
from tests.report.browser import beyond_the_edge
from tests.report.conftest import browser as browser  # a fixture, found here by its name
from tests.report.page import parse

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HTML = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "--html", "out/page.html")
CASES = """\
- {id: right, check: act, model: a, params: {images: 3}, expect: {accuracy: {min: 0.9}}}
- {id: wrong, check: act, model: b, params: {images: 4}, expect: {accuracy: {max: 0.5}}}
- {id: unsure, check: act, model: c, params: {images: 5}, expect: {accuracy: {min: 0.99}}}
- id: answered
  check: act
  model: a
  params: {images: 6}
  expect: {accuracy: {max: 0.6}}
- {id: deadly, check: act, model: c, params: {do: die}}
- {id: shown, check: act, model: a, params: {images: 7}}
waivers:
  - {case: answered, owner: Ada, reason: until the next training, expires: 2999-12-31}
"""


@dataclass
class Row:
    """A row of the page."""

    cells: dict[str, str]
    links: list[str]
    log: str
    pictures: list[tuple[str, np.ndarray]] = field(default_factory=list)


def rows(page: Path) -> dict[str, list[Row]]:
    """What the page's own script shows, by case."""
    tree = parse_loosely(page.read_text())
    data = json.loads(unescape(tree))
    found: dict[str, list[Row]] = {}
    for name, tests in data["tests"].items():
        for test in tests:
            cells = dict(re.findall(r'<td class="col-(\w+)">(.*?)</td>', "".join(test["resultsTableRow"]), re.DOTALL))
            links = [unescape(link) for link in re.findall(r'href="([^"]*)"', cells["links"])]
            row = Row({key: unescape(re.sub("<[^>]*>", "", cell)) for key, cell in cells.items()}, links, test["log"])
            for extra in test["extras"]:
                if extra["format_type"] == "image":
                    row.pictures.append((extra["name"], pixels(page, extra["content"])))
            found.setdefault(name.split("::")[-1], []).append(row)
    return found


def parse_loosely(text: str) -> str:
    return re.search(r'data-jsonblob="([^"]*)"', text)[1]


def pixels(page: Path, content: str) -> np.ndarray:
    file = (
        base64.b64decode(content.split(",")[1]) if content.startswith("data:") else (page.parent / content).read_bytes()
    )
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_every_case_has_a_row_that_says_and_shows_what_was_found(tmp_path: Path, workers: tuple[str, ...]) -> None:
    # A process that dies alone leaves no page.
    make_plain(tmp_path, CASES if workers else CASES.replace("do: die", ""))
    run_plain(tmp_path, *HTML, *workers)
    page = tmp_path / "out" / "page.html"
    found = rows(page)
    told = {case: [row.cells["auditVerdict"].split(" ", 1)[1] for row in of] for case, of in found.items()}
    states = {"right": ["pass"], "wrong": ["fail"], "unsure": ["inconclusive"], "answered": ["waived"]}
    assert told == states | {"deadly": ["cut off" if workers else "descriptive"], "shown": ["descriptive"]}
    for case, images in (("right", 3), ("wrong", 4), ("unsure", 5), ("answered", 6), ("shown", 7)):
        (row,) = found[case]
        assert [title for title, _ in row.pictures] == [f"{images} images", f"{images} bars"]
        assert row.pictures[0][1].shape[1] == 2 * (20 + 74 * images - 10), "as wide as so many images"
        record = left(tmp_path).records[case]
        assert row.cells["auditCheck"] == "act"
        assert row.cells["auditModel"] == record.model
        assert row.cells["auditHeadline"].startswith("accuracy 100% (")
        assert re.fullmatch(r"(< )?\d+\.\d s", row.cells["auditMeasured"])
        assert row.links == [f"../reports/plain/index.html#case-{case}"]
    card = parse((tmp_path / "reports" / "plain" / "index.html").read_text())
    assert all(card.all("article", id=f"case-{case}") for case in found)
    run_plain(tmp_path, *HTML, "-k", "right")
    assert ", cached, unsigned: measured " in rows(page)["right"][0].cells["auditMeasured"]


def test_a_case_that_can_not_be_measured_and_those_that_never_began_are_told_apart(tmp_path: Path) -> None:
    cases = "- {id: bad, check: act, model: b, params: {after: worse}}\n- {id: worse, check: act, model: c}\n"
    make_plain(tmp_path, cases + "- {id: late, check: act, model: a}\n")
    (tmp_path / "c.npz").write_bytes(b"no archive")
    run_plain(tmp_path, *HTML, "-x")
    found = rows(tmp_path / "out" / "page.html")
    told = {case: row.cells["auditVerdict"].split(" ", 1)[1] for case, (row,) in found.items()}
    assert told.pop("late") == "not run"
    assert set(told.values()) == {"error", "not run"} or set(told.values()) == {"error"}
    assert found["late"][0].cells["result"] == "Skipped"
    assert "the session ended before it began" in found["late"][0].log


def test_pages_of_other_tests_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other(): pass")
    run_plain(tmp_path, *HTML)
    text = (tmp_path / "out" / "page.html").read_text()
    assert "Headline" not in text
    (row,) = rows(tmp_path / "out" / "page.html")["test_other"]
    assert set(row.cells) == {"result", "testId", "duration", "links"}
    make_plain(tmp_path, "- {id: right, check: act, model: a}\n")
    run_plain(tmp_path, *HTML)
    (row,) = rows(tmp_path / "out" / "page.html")["test_other"]
    assert row.cells["auditVerdict"] == ""
    assert row.cells["result"] == "Passed"


@pytest.mark.parametrize("width", [1280, 375])
def test_in_a_browser_rows_sort_and_pictures_are_there(tmp_path: Path, browser: "Browser", width: int) -> None:
    make_plain(tmp_path, re.sub(r"- {id: deadly.*\n", "", CASES))
    run_plain(tmp_path, *HTML, "--self-contained-html")
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        page: Any = context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto((tmp_path / "out" / "page.html").as_uri())
        shown = page.locator("#results-table tbody tr.collapsible").all_inner_texts()
        assert len(shown) == 5
        page.get_by_role("columnheader", name="Model").click()
        models = page.locator("td.col-auditModel").all_inner_texts()
        assert models in (sorted(models), sorted(models, reverse=True))
        assert not troubles
        if width > 1000:
            assert not beyond_the_edge(page)
