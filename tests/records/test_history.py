"""The page of a whole reports folder: every audit, every run, and trends that grow without rendering anything again."""

import sqlite3
import subprocess

import pytest

from auditor.records.commit import SAID
from auditor.records.history import NAME, audits
from auditor.values import RecordError
from tests.report.page import parse
from tests.support import spec, write

CASES = """\
- {id: clean, check: accuracy, params: {first: 60}, expect: {accuracy: {min: 0.9}}}
- {id: unsure, check: accuracy, params: {first: 3}, expect: {accuracy: {min: 0.9}}}
"""


def index(project):
    return parse((project.path / "reports" / "index.html").read_text())


def test_every_run_adds_a_point_and_renders_only_its_own_report(project):
    write(project, spec(CASES))
    write(project, spec(CASES, audit="other"), "two")
    project.runpytest_inprocess("two.audit.yaml")
    other = project.path / "reports" / "other" / "index.html"
    before = other.stat().st_mtime_ns
    project.runpytest_inprocess("one.audit.yaml")
    write(project, spec(CASES.replace("min: 0.9", "max: 0.5")))
    project.runpytest_inprocess("one.audit.yaml")
    assert other.stat().st_mtime_ns == before
    found = {audit.folder: audit for audit in audits(project.path / "reports")}
    assert [found[name].runs for name in ("other", "tiny")] == [1, 2]
    assert [point.state for point in found["tiny"].trends["clean"]] == ["pass", "fail"]
    page = index(project)
    assert [node.attributes["href"] for node in page.all("a")] == ["other/index.html", "tiny/index.html"]
    trends = page.all("svg", class_="trend")
    assert [len(trend.all("circle")) for trend in trends] == [1, 1, 2, 2]
    assert trends[2].attributes["aria-label"] == "accuracy over 2 runs: from 100% to 100%"


def test_a_case_is_headed_by_what_it_violates_everywhere_and_fails_come_first(project):
    """The second expectation is violated in the second run: the page of all audits shows it as card and table do."""
    fine = "- {id: fine, check: accuracy, params: {first: 60}, expect: {accuracy: {min: 0.9}}}\n"
    asked = "- {id: wrong, check: accuracy, params: {first: 60}, expect: {accuracy: {min: 0.9}, errors: %s}}\n"
    for bound in ("{max: 1}", "{min: 1}"):
        write(project, spec(fine + asked % bound))
        project.runpytest_inprocess()
    shown = index(project)
    assert [badge.text.split()[-1] for badge in shown.all("span", class_="badge")] == ["fail", "pass"]
    assert [row.one("th").text.strip() for row in shown.all("tr")[1:]] == ["wrong", "fine"]
    point, now = audits(project.path / "reports")[0].trends["wrong"]
    assert [(one.metric, one.value, one.state) for one in (point, now)] == [
        ("errors", 0.0, "pass"),
        ("errors", 0.0, "fail"),
    ]
    page = parse((project.path / "reports" / "tiny" / "index.html").read_text())
    row = next(row for row in page.all("tr") if row.attributes.get("data-case") == "case-wrong")
    assert "errors" in [code.text for code in row.all("code")]
    lead = page.one("article", id="case-wrong").one("p", class_="lead").text
    assert lead.startswith("Verdict: fail. errors is 0")


def test_rendering_again_adds_nothing(project):
    write(project, spec(CASES))
    project.runpytest_inprocess()
    before = (project.path / "reports" / "index.html").read_text()
    project.run("python", "-m", "auditor", "report")
    assert (project.path / "reports" / "index.html").read_text() == before


def test_a_lost_history_is_read_back_from_the_records(project):
    for name in ("one", "two"):
        write(project, spec(CASES, audit=name), name)
    project.runpytest_inprocess()
    (project.path / "reports" / NAME).unlink()
    project.runpytest_inprocess("one.audit.yaml")
    assert [audit.folder for audit in audits(project.path / "reports")] == ["one", "two"]


def test_a_broken_history_is_said_and_the_report_is_there(project):
    write(project, spec(CASES))
    project.runpytest_inprocess()
    (project.path / "reports" / NAME).write_bytes(b"no database at all, but long enough to be looked at" * 20)
    result = project.runpytest_inprocess("--audit-no-cache")
    result.stdout.fnmatch_lines(["no report: *history.sqlite can't be used: *; remove it, it is made anew"])
    with pytest.raises(RecordError, match="remove it"):
        audits(project.path / "reports")


def test_another_version_of_the_history_is_refused(project):
    (project.path / "reports").mkdir()
    with sqlite3.connect(project.path / "reports" / NAME) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(RecordError, match="another version"):
        audits(project.path / "reports")


def test_a_run_says_which_commit_it_is_of(project, monkeypatch):
    for name in SAID:
        monkeypatch.delenv(name, raising=False)
    path = write(project, spec(CASES))
    project.runpytest_inprocess()
    assert audits(project.path / "reports")[0].commit == ""

    def git(*arguments):
        name = ("-c", "user.name=a", "-c", "user.email=a@b")
        return subprocess.run(["git", *name, *arguments], cwd=project.path, check=True, capture_output=True, text=True)

    git("init", "-q")
    git("add", path.name)
    git("commit", "-qm", "a spec")
    head = git("rev-parse", "HEAD").stdout.strip()
    project.runpytest_inprocess()
    assert audits(project.path / "reports")[0].commit == head
    path.write_text(path.read_text() + "# changed\n")
    project.runpytest_inprocess()
    assert audits(project.path / "reports")[0].commit == f"{head}+"
    assert f"on commit {head}+" in " ".join(
        parse((project.path / "reports" / "tiny" / "index.html").read_text()).text.split()
    )
    monkeypatch.setenv("GITHUB_SHA", "cafe")
    project.runpytest_inprocess()
    assert audits(project.path / "reports")[0].commit == "cafe+"  # the tree is no less changed for that
