"""What sessions leave of what an earlier one has left: dry ones all, partial ones all that they do not replace."""

import hashlib
import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy.fft  # noqa: F401 - sessions in this process forget what they import, and its part in C keeps the first one
import pytest
import scipy.stats  # noqa: F401
from click.testing import CliRunner

import auditor.checks
import auditor.evidence.verification
import auditor.models
import auditor.run.runner
from auditor.cli.main import main
from auditor.records.store import Folder
from tests.plain import ended, left, make_plain, run_plain, start_plain
from tests.support import states

CASES = """\
- {id: right, check: act, model: a, expect: {accuracy: {min: 0.9}}, tags: [quick]}
- {id: wrong, check: act, model: a, expect: {accuracy: {max: 0.5}}}
- {id: taken, check: act, model: b, params: {after: source}}
- {id: source, check: act, model: c}
"""
WHOLE = {"right": "pass", "wrong": "fail", "taken": "descriptive", "source": "descriptive"}
NO_CACHE = "--audit-no-cache"


def content(folder: Path) -> dict[str, str]:
    """Digest of every file but for locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def plain(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytester in a folder with the plain spec, whose check this process knows for as long as the test takes."""
    for package in (auditor.checks, auditor.models):
        monkeypatch.setattr(package, "__path__", [*package.__path__])
    make_plain(pytester.path, CASES)
    return pytester


@pytest.fixture
def finished(plain: pytest.Pytester) -> pytest.Pytester:
    """The same after a finished run of all cases."""
    assert plain.runpytest_inprocess().ret == pytest.ExitCode.TESTS_FAILED
    assert states(left(plain.path)) == WHOLE
    return plain


DRY = ["--setup-plan", "--setup-only", "--co", "--fixtures", "--fixtures-per-test", "--help", "--markers", "--version"]


def test_dry_runs_touch_nothing(finished):
    before = content(finished.path / "reports")
    for option in DRY:
        assert finished.runpytest_inprocess(option, NO_CACHE).ret == 0, option
    assert run_plain(finished.path, "-n", "2", "--setup-plan", NO_CACHE).returncode == 0
    # Nor does a session that stops before its first test, or has none to run.
    (finished.path / "second.audit.yaml").write_text("audit: second\n")
    assert finished.runpytest_inprocess(NO_CACHE).ret == pytest.ExitCode.INTERRUPTED
    assert finished.runpytest_inprocess("-k", "nothing", NO_CACHE, "plain.audit.yaml").ret == 5
    left_now = content(finished.path / "reports")
    assert {name for name in left_now if name not in before} == {
        "@specs/gl-code-quality.json",
        "@specs/junit.xml",
        "@specs/results.sarif",
    }  # what is wrong with that spec
    assert before.items() <= left_now.items()


def part(folder: Path) -> Folder:
    return Folder(folder / "reports" / "plain" / "partial")


def but_for_the_part(folder: Path) -> dict[str, str]:
    """What of the reports is not of a run of some cases; the history counts its looks, and keeps runs as they are."""
    found = content(folder / "reports")
    with closing(sqlite3.connect(folder / "reports" / "history.sqlite")) as history:
        found["history.sqlite"] = str(
            [history.execute(f"SELECT * FROM {table}").fetchall() for table in ("runs", "cases")]
        )
    return {name: digest for name, digest in found.items() if "partial" not in Path(name).parts}


def verified(folder: Path) -> bool:
    return CliRunner().invoke(main, ["verify", str(folder), "--without-model"]).exit_code == 0


CHOICES = {
    "tag": (["-m", "quick"], {"right"}),
    "name": (["-k", "taken"], {"taken", "source"}),
    "one case": (["plain.audit.yaml::wrong"], {"wrong"}),
    "last failed": (["--lf"], {"wrong"}),
    "two workers": (["-n", "2", "-k", "taken or wrong"], {"taken", "source", "wrong"}),
    "cached": (["-k", "right", "--audit-cache", ".audit_cache"], {"right"}),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_run_of_some_cases_leaves_the_run_of_all_as_it_is(finished, choice):
    options, chosen = CHOICES[choice]
    before, folder = but_for_the_part(finished.path), finished.path
    if choice == "two workers":
        told = run_plain(folder, *options, NO_CACHE).stdout.splitlines()
    else:
        told = finished.runpytest_inprocess(*options, *([] if choice == "cached" else [NO_CACHE])).outlines
    whole, here = left(folder), part(folder).load_run()
    assert but_for_the_part(folder) == before
    assert states(here) == {case: state if case in chosen else "not selected" for case, state in WHOLE.items()}
    assert all(record.run == here.id != whole.id for record in here.records.values())
    assert here.part_of == f"the run {whole.id[:8]} of {whole.started}"
    pages = [folder / "reports" / "plain" / name / "index.html" for name in ("", "partial")]
    assert f"This was a part of the spec's cases; {here.part_of} stays as it is: {pages[0]}" in told
    assert f"report: {pages[1]}" in told
    assert all(words in pages[1].read_text() for words in (here.part_of, "not selected: this verdict says nothing"))
    assert json.loads((pages[1].parent / "results.json").read_text())["sentence"].endswith("the folder above this one.")
    assert bool(choice == "cached") == any(record.cached for record in here.records.values())
    assert all(verified(page.parent) for page in pages)


def test_the_next_run_of_all_replaces_both(finished):
    finished.runpytest_inprocess("-k", "right", NO_CACHE)
    before = left(finished.path)
    finished.runpytest_inprocess(NO_CACHE)
    assert left(finished.path).id != before.id
    assert not part(finished.path).path.exists()


def test_a_run_of_some_cases_replaces_what_it_has_anew(plain):
    for chosen in ("right", "right or wrong"):
        plain.runpytest_inprocess("-k", chosen, NO_CACHE)
        ran = {case for case, state in states(left(plain.path)).items() if state != "not selected"}
        assert ran == set(chosen.split(" or "))
        assert not part(plain.path).path.exists()
    plain.runpytest_inprocess("-k", "right", NO_CACHE)
    assert states(left(plain.path))["wrong"] == "fail"
    assert states(part(plain.path).load_run())["wrong"] == "not selected"


def test_an_interrupted_run_of_some_cases_leaves_the_run_of_all(finished):
    folder = finished.path
    before, spec = but_for_the_part(folder), folder / "plain.audit.yaml"
    written = spec.read_text()
    spec.write_text(written.replace("model: c}", "model: c, params: {do: sleep}}"))
    session = start_plain(folder, "-k", "source", NO_CACHE)
    begun, deadline = part(folder).path / "records" / "source" / "begun", time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(session.pid, signal.SIGKILL)
    ended(session)
    assert but_for_the_part(folder) == before
    assert states(part(folder).load_run())["source"] == "cut off"
    spec.write_text(written)
    assert verified(folder / "reports" / "plain")
    assert CliRunner().invoke(main, ["report", str(part(folder).path)]).exit_code == 4


def test_what_is_made_of_a_part_lies_beside_the_whole(finished):
    finished.runpytest_inprocess("-k", "right", NO_CACHE)
    reports = finished.path / "reports" / "plain"
    for command in (["diff", str(reports), str(reports / "partial")], ["judge", str(reports / "partial"), "--spec"]):
        last = [str(finished.path / "plain.audit.yaml")] if command[0] == "judge" else []
        CliRunner().invoke(main, [*command, *last])
    assert (finished.path / "reports" / "plain-partial-diff.html").is_file()
    assert (finished.path / "reports" / "plain-partial-judged" / "run.json").is_file()
    assert verified(reports)


# --- warnings as errors

ADVICE = """\
- {id: right, check: act, model: a, expect: {accuracy: {min: 0.9999}}}
- {id: source, check: act, model: c, params: {do: warn}}
- {id: unneeded, check: act, model: a, expect: {accuracy: {min: 0.5}}}
waivers:
  - {case: unneeded, owner: Ada, reason: none, expires: 2999-01-01}
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_warnings_that_are_errors_change_no_outcome(tmp_path, workers):
    make_plain(tmp_path, ADVICE)
    (tmp_path / "file").write_text("no folder")
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    told = [
        "*audit remarks*",
        "plain.audit.yaml::*: the cache */file/cache can't be written to (*); results aren't kept",
        "plain.audit.yaml::right: inconclusive: *",
        "plain.audit.yaml::unneeded: the waiver of 'unneeded' is unneeded: it passes; remove it",
        "*isn't known: git says: *",  # which commit it is, or whether files were changed
    ]
    options = [*workers, "--audit-inconclusive=warn", "--audit-cache", "file/cache"]
    usual = run_plain(tmp_path, *options)
    strict = run_plain(tmp_path, *options, "-W", "error")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    for result in (usual, strict, run_plain(tmp_path, *options)):
        assert result.returncode == 0, result.stdout
        assert pytest.RunResult.parse_summary_nouns(result.stdout.splitlines())["passed"] == 3
        for line in told:
            pytest.LineMatcher(result.stdout.splitlines()).fnmatch_lines([line])
    assert "it will be removed" in usual.stdout
    assert usual.stdout.count("isn't known: git says") == 1
    assert "astn.py" not in usual.stdout, "of no use to anybody, and it fills the log"
    run = left(tmp_path)
    assert any("can't be written to" in said for record in run.records.values() for said in record.remarks)
    results = (tmp_path / "reports" / "plain" / "results.json").read_text()
    page = (tmp_path / "reports" / "plain" / "index.html").read_text()
    assert "results aren't kept" in results
    assert "results aren&#39;t kept" in page
