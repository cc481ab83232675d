"""The same records give the same bytes, whoever renders them and when; two runs differ in what only a clock knows."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.records.store import Folder
from tests.report.page import run_of_all_states, run_of_everything
from tests.support import FLIP, spec, write

HERE = {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "1", "TZ": "UTC", "LC_ALL": "C", "COLUMNS": "80"}
THERE = {"PYTHONHASHSEED": "2", "SOURCE_DATE_EPOCH": "1700000000", "TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8"}
SIZE = "0.12"  # megabytes: below the first report's page, and above the second's


def rendered(records: Path, place: Path, variables: dict[str, str]) -> dict[str, bytes]:
    """Every file that another process makes of these records, and the summary it leaves."""
    shutil.copytree(records, place / "reports")
    said = {"GITHUB_STEP_SUMMARY": str(place / "reports" / "summary.md")}
    command = [sys.executable, "-m", "auditor", "report", "--size", SIZE]
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, cwd=place, env=os.environ | root | said | variables, capture_output=True, check=False
    )
    assert done.returncode == 4, done.stderr  # of these records one could not be measured
    found = {p.relative_to(place).as_posix(): p for p in sorted(place.rglob("*")) if p.is_file()}
    kept = {name: path.read_bytes() for name, path in found.items() if not name.endswith((".lock", "history.sqlite"))}
    assert {"reports/index.html", "reports/summary.md", "reports/b/results.sarif", "reports/b/manifest.json"} <= set(
        kept
    )
    return kept


def test_two_processes_render_the_same_bytes(tmp_path):
    for name, run in (("a", run_of_everything()), ("b", run_of_all_states())):
        Folder(tmp_path / "records" / name).save_run(run)
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here = rendered(tmp_path / "records", tmp_path / "here", HERE)
    there = rendered(tmp_path / "records", tmp_path / "there", THERE)
    assert here == there
    assert "reports/a/cases-1.html" in here
    assert "reports/b/cases-1.html" not in here


def records(folder: Path) -> dict[str, object]:
    """What a run left, but for its id and how long things took; arrays as the bytes they are."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "arrays.npz":
            found[name] = path.read_bytes()
        elif path.name == "record.json":
            record = json.loads(path.read_text())["record"]
            assert len(record.pop("run")) == 32
            assert record.pop("seconds") >= 0
            found[name] = record
    plan = json.loads((folder / "run.json").read_text())["run"]
    plan.pop("id")
    return found | {"run.json": plan}


@pytest.mark.slow
def test_two_runs_under_one_source_date_leave_the_same_records(project, monkeypatch):
    write(project, spec(FLIP))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    monkeypatch.setenv("PYTHONHASHSEED", "3")
    # Of a process that other tests have run in, a record says which other libraries are loaded there.
    project.runpytest_subprocess("--audit-report=here", "--audit-no-cache").assert_outcomes(passed=3)
    project.runpytest_subprocess("--audit-report=there", "--audit-no-cache").assert_outcomes(passed=3)
    here, there = records(project.path / "here" / "tiny"), records(project.path / "there" / "tiny")
    assert here == there
    assert here["run.json"]["started"] == "2026-01-01T00:00:00Z"
    assert here["records/clean/record.json"]["provenance"]["finished"] == "2026-01-01T00:00:00Z"


def test_a_source_date_that_is_none_is_said(project, monkeypatch):
    write(project, spec("- {id: clean, check: accuracy}"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*SOURCE_DATE_EPOCH is 'yesterday'; it has to be whole seconds since 1970*"])
