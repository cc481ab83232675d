"""A report below a size: one page, a page with its pictures beside it, or several pages; and where they lead."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from PIL import Image

from auditor.cli.main import main
from auditor.evidence.verification import verify
from auditor.exports.files import drawn_by, render_files
from auditor.exports.publishing import render_report
from auditor.records import manifest
from auditor.records.manifest import Layout
from auditor.records.store import Folder
from auditor.report.declaration import EXTRACT
from auditor.report.html import render
from tests.report.page import hostile_run, parse, photographed, run_of, run_of_everything
from tests.support import FLIP, spec, write

LARGE, MIDDLE, SMALL = 15_000_000, 220_000, 90_000


def pages(files) -> list[str]:
    return [name for name in files if name.endswith(".html") and name != EXTRACT]


def pictures(files) -> set[str]:
    return {name for name in files if name.startswith("data/")}


def shown(text: bytes) -> list[str]:
    """Where the images of a page's cards and findings are, in their order."""
    return [image.attributes["src"] for image in parse(text.decode()).one("main").all("img")]


def policy(text: bytes) -> str:
    return parse(text.decode()).one("meta", http_equiv="Content-Security-Policy").attributes["content"]


def test_below_the_size_a_page_is_complete_in_itself():
    files = render_files(photographed(), Layout(LARGE))
    assert pages(files) == ["index.html"]
    assert not pictures(files)
    assert "img-src data:;" in policy(files["index.html"])
    assert "complete in itself" in files["index.html"].decode()


def test_above_it_the_same_pictures_lie_beside_the_page_named_by_their_digests():
    whole, files = render_files(photographed(), Layout(LARGE)), render_files(photographed(), Layout(MIDDLE))
    assert len(whole["index.html"]) > MIDDLE >= len(files["index.html"])
    assert pages(files) == ["index.html"]
    embedded = [base64.b64decode(uri.partition(",")[2]) for uri in shown(whole["index.html"])]
    assert [files[name] for name in shown(files["index.html"])] == embedded
    assert pictures(files) == set(shown(files["index.html"]))
    assert all(name == f"data/{hashlib.sha256(files[name]).hexdigest()}.png" for name in pictures(files))
    assert "img-src 'self'; style-src 'self'; script-src 'self';" in policy(files["index.html"])
    assert "would take more than 0.22 MB" in files["index.html"].decode()
    assert "complete in itself" not in files["index.html"].decode()


def test_far_above_it_cases_are_on_pages_of_their_own_and_every_link_leads_somewhere():
    run = photographed()
    files = render_files(run, Layout(SMALL))
    first, *others = pages(files)
    assert first == "index.html"
    assert others == [f"cases-{i + 1}.html" for i in range(len(others))]
    assert len(others) > 1
    assert all(len(files[name]) <= SMALL for name in others)
    parsed = {name: parse(files[name].decode()) for name in pages(files)}
    cards = [card.attributes["id"] for name in others for card in parsed[name].all("article")]
    assert cards == [f"case-{case.id}" for case in run.cases]
    ids = {name: {node.attributes.get("id") for node in page.walk()} for name, page in parsed.items()}
    for name, page in parsed.items():
        for link in page.all("a"):
            target, _, anchor = link.attributes["href"].partition("#")
            if not target.startswith("records/"):
                assert not anchor or anchor in ids[target or name], (name, link.attributes)
                assert (target or name) in files
        rows = page.all("table", class_="overview")
        assert bool(rows) == (name == first)
    for row in parsed[first].one("table", class_="overview").one("tbody").all("tr"):
        target, _, anchor = row.one("a").attributes["href"].partition("#")
        assert anchor == row.attributes["id"]
        assert anchor in ids[target]
    assert pictures(files) == {src for name in pages(files) for src in shown(files[name])}
    assert "would take more than 0.09 MB" in files[first].decode()


def test_a_card_too_large_for_any_page_has_one_to_itself():
    files = render_files(run_of_everything(), Layout(1))
    assert len(pages(files)) == 1 + len(run_of_everything().cases)


def test_a_run_without_cases_has_one_page_whatever_the_size():
    assert pages(render_files(run_of(), Layout(1))) == ["index.html"]


def test_hostile_text_can_not_make_a_file():
    files = render_files(hostile_run(), Layout(1))
    others = {"results.json", "results.sarif", "gl-code-quality.json", "junit.xml", "bom.json", EXTRACT}
    others |= {"page.css", "page.js", "declaration.css"}
    assert set(files) == {*pages(files), *pictures(files), *others}
    assert all(re.fullmatch(r"index\.html|cases-\d\.html", name) for name in pages(files))
    assert not [n for page in pages(files) for n in parse(files[page].decode()).all("img") if "onerror" in n.attributes]


# --- on disk


@pytest.fixture
def stored(tmp_path, monkeypatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    folder = Folder(tmp_path / "reports" / "audit")
    folder.save_run(photographed())
    render_report(folder)
    return folder


def report(*arguments):
    done = CliRunner().invoke(main, ["report", *map(str, arguments)])
    assert done.exit_code == 4, done.output  # one of its cases could not be measured
    return done


def reseal(folder: Folder, size: int, drawn: Mapping[str, str]) -> None:
    """Seal a folder again, whatever was changed in it."""
    manifest.seal(folder.path, Layout(size), drawn, folder.load_plan(), folder.path.name, "")


def wrong(folder: Folder) -> dict[str, str]:
    found = verify(folder.path, model=False)
    return {finding.of: finding.seen for finding in found if finding.standing == "doesn't hold"}


def test_a_report_is_laid_out_anew_without_leaving_anything_behind(stored):
    def there():
        return {p.relative_to(stored.path).as_posix() for p in stored.path.rglob("*") if p.is_file()}

    before, held = there(), wrong(stored)
    (stored.path / "data").mkdir()
    (stored.path / "data" / "mine.png").write_bytes(b"not the report's")
    report("--size", "0.09")
    small = there()
    assert {"cases-1.html", "cases-2.html"} <= small
    assert wrong(stored) == held
    report()
    assert there() == small, "as the last time"
    report("--size", "0.22")
    assert not [name for name in there() if name.startswith("cases-")]
    assert len(pictures(there())) > 100
    assert wrong(stored) == held
    report("--size", "15")
    assert there() == before | {"data/mine.png"}
    report("--layout", "folder")
    beside = {"page.css", "page.js", "declaration.css"}
    assert beside | pictures(there()) == (there() - before) | {"data/mine.png"}
    assert wrong(stored) == held
    report("--size", "14")
    assert beside <= there(), "as the last time"
    report("--layout", "page")
    assert there() == before | {"data/mine.png"}


def test_a_changed_picture_is_found_though_it_was_sealed_anew(stored):
    report("--size", "0.09")
    held = wrong(stored)
    picture = sorted((stored.path / "data").iterdir())[0]
    picture.write_bytes(sorted((stored.path / "data").iterdir())[1].read_bytes())
    name = f"data/{picture.name}"
    assert wrong(stored)[name] == "it isn't what the records render to"
    reseal(stored, 90_000, drawn_by())
    assert wrong(stored) == held | {name: "it isn't what the records render to"}


@pytest.mark.parametrize("size", [90_000, 15_000_000])
def test_a_report_that_other_versions_drew_is_compared_by_what_it_says(stored, size):
    """The charts differ, and so do the bytes of images, but not what they show."""
    report("--size", str(size / 1e6))
    page = stored.path / "index.html"
    others = {path: path.read_text() for path in [page, *stored.path.glob("cases-*.html")]}
    names = {}
    for picture in stored.path.glob("data/*.png"):
        other = io.BytesIO()
        Image.open(picture).save(other, "PNG", compress_level=0)
        names[picture.name] = f"{hashlib.sha256(other.getvalue()).hexdigest()}.png"
        picture.unlink()
        (picture.parent / names[picture.name]).write_bytes(other.getvalue())
    for path, text in others.items():
        text = re.sub(r'(<svg class="chart"[^>]*>)<g', r'\1<g opacity="0.5"', text)
        path.write_text(re.sub(r"[0-9a-f]{64}\.png", lambda match: names[match[0]], text))
    reseal(stored, size, drawn_by())
    assert wrong(stored)["index.html"] == "it isn't what the records render to"
    reseal(stored, size, {"matplotlib": "1.5.3", "pillow": "9"})
    findings = [f for f in verify(stored.path, model=False) if f.what == "rendered"]
    assert all(finding.ok for finding in findings)
    told = next(finding.seen for finding in findings if finding.of == "index.html")
    assert f"matplotlib 1.5.3, not {drawn_by()['matplotlib']}" in told
    assert "not compared byte by byte" in told
    page.write_text(page.read_text().replace("96.0%", "97.0%"))
    reseal(stored, size, {"matplotlib": "1.5.3", "pillow": "9"})
    assert "its content isn't what the records render to" in wrong(stored)["index.html"]


def test_an_image_that_shows_something_else_is_found_whatever_drew_it(stored):
    report("--size", "0.09")
    first, second = sorted((stored.path / "data").iterdir())[:2]
    first.write_bytes(second.read_bytes())
    reseal(stored, 90_000, {"matplotlib": "1.5.3", "pillow": "9"})
    assert [seen for seen in wrong(stored).values() if "its content isn't what the records render to" in seen]


def test_a_folder_of_pictures_that_leads_elsewhere_is_not_written_to(stored, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (stored.path / "data").symlink_to(tmp_path / "elsewhere")
    done = CliRunner().invoke(main, ["report", "--size", "0.09"])
    assert (done.exit_code, "is a link" in done.output) == (2, True)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_cards_lead_to_their_records_where_those_lie_beside_the_page_and_only_there(stored, tmp_path):
    page = parse((stored.path / "index.html").read_text())
    links = [a.attributes["href"] for a in page.all("a") if not a.attributes["href"].startswith(("#", EXTRACT))]
    cases = sorted(photographed().records)
    assert sorted(links) == [f"records/{case}/{name}" for case in cases for name in ("arrays.npz", "record.json")]
    assert all((stored.path / link).is_file() for link in links)
    card = page.one("article", id="case-passing").one("p", class_="record")
    assert json.loads((stored.path / card.all("a")[0].attributes["href"]).read_text())["record"]["case"] == "passing"
    assert "records/" not in render(run_of_everything())
    done = report("--output", tmp_path / "copy", "--size", "0.09")
    assert done.output.splitlines()[-1] == str(tmp_path / "copy" / "audit" / "index.html")
    copied = list((tmp_path / "copy").rglob("*.html"))
    assert len(copied) > 1
    assert not [path for path in copied if "records/" in path.read_text()]
    assert not (tmp_path / "copy" / "audit" / "manifest.json").exists()
    assert CliRunner().invoke(main, ["report", "--output", "reports"]).exit_code == 2


@pytest.mark.parametrize(
    ("ini", "options"),
    [
        ("audit_report_size = 0.05", []),
        ("audit_report_layout = folder", []),
        ("audit_report_layout = page", ["--audit-report-layout", "folder"]),
    ],
)
def test_a_session_takes_size_and_layout_from_its_options_or_the_ini_file(project, ini, options):
    write(project, spec(FLIP))
    project.makeini(f"[pytest]\n{ini}\n")
    project.runpytest_inprocess(*options)
    assert list((project.path / "reports" / "tiny" / "data").iterdir())
    assert (project.path / "reports" / "page.css").exists() == ("layout" in ini)
    assert all(finding.ok for finding in verify(project.path / "reports" / "tiny"))


@pytest.mark.parametrize("size", ["0", "-1", "much", "nan", "inf"])
def test_a_size_that_is_none_is_refused(project, size):
    result = project.runpytest_inprocess(f"--audit-report-size={size}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is no number of megabytes, such as 15 or 0.5"])


def test_junit_is_flat_where_that_is_asked_for_and_stays_so(project, monkeypatch):
    """EnricoMi's and dorny's readers, and many more, look for tests one level below suites."""
    write(project, spec(FLIP))
    project.runpytest_inprocess("--audit-junit", "flat")
    monkeypatch.chdir(project.path)
    file = Path("reports", "tiny", "junit.xml")
    for options, path in (
        ([], "./testsuite/testcase"),
        (["--junit", "nested"], "./testsuite/testsuite/testcase"),
        ([], "./testsuite/testsuite/testcase"),
        (["--junit", "flat"], "./testsuite/testcase"),
    ):
        CliRunner().invoke(main, ["report", *options])
        root = ElementTree.parse(file).getroot()
        assert len(root.findall(path)) == len(list(root.iter("testcase"))) == 3
    assert all(finding.ok for finding in verify(project.path / "reports" / "tiny"))


def test_a_layout_that_is_none_is_refused(project):
    project.makeini("[pytest]\naudit_report_layout = folders\n")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*audit_report_layout = 'folders': allowed are page, folder"])


def test_a_baseline_and_a_new_run_take_no_pictures_along(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("--audit-report-size=0.05", "--audit-save-baseline=kept")
    assert list((project.path / "reports" / "tiny" / "data").iterdir())
    assert not (project.path / "kept" / "tiny" / "data").exists()
    project.runpytest_inprocess()
    assert not list((project.path / "reports" / "tiny").glob("data/*"))
