"""What a run leaves when something beside the model goes wrong: the right results or a clear error, never a pass."""

import signal
import subprocess
import sys

import pytest

from tests.plain import left, make_plain, run_plain
from tests.support import states

FULL = """\
- {id: before, check: act, model: a}
- {id: full, check: act, model: a, params: {do: fill the disk}}
- {id: taken, check: act, model: a, params: {after: full}}
- {id: more, check: act, model: a}
"""


def test_on_a_full_disk_what_was_finished_is_kept_and_the_rest_is_an_error(tmp_path):
    make_plain(tmp_path, FULL)
    result = run_plain(tmp_path, "-v")
    assert result.returncode == pytest.ExitCode.INTERNAL_ERROR
    for case in ("full", "taken", "more"):
        assert f"plain.audit.yaml::{case} ERROR" in result.stdout
    assert "full (act of a): error\nrecord " in result.stdout
    assert "can't be written: File too large" in result.stdout
    assert "no report: " in result.stdout
    assert "Traceback" not in result.stdout
    assert states(left(tmp_path)) == {"before": "descriptive", "full": "cut off", "taken": "cut off", "more": "cut off"}
    assert not list((tmp_path / "reports").rglob(".record*")), "no half file is left"
    rendered = subprocess.run(
        [sys.executable, "-m", "auditor", "report"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert rendered.returncode == 4, "once there is room, the report is made, and doesn't pass"
    assert "cut off" in (tmp_path / "reports" / "plain" / "index.html").read_text()


def test_a_report_folder_that_is_removed_midway_is_an_error_and_verdicts_still_hold(tmp_path):
    make_plain(
        tmp_path,
        "- {id: before, check: act}\n- {id: gone, check: act, params: {do: remove the reports}}\n"
        "- {id: wrong, check: act, params: {after: before}, expect: {accuracy: {max: 0.5}}}\n",
    )
    result = run_plain(tmp_path)
    assert result.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert pytest.RunResult.parse_summary_nouns(result.stdout.splitlines()) == {"passed": 2, "failed": 1}
    assert "violates accuracy ≤ 50%" in result.stdout, "what it needs was measured again"
    assert "no report: " in result.stdout
    assert "holds no audit records" in result.stdout


def test_a_folder_that_another_run_has_taken_gives_no_report_of_this_one(tmp_path):
    spec = make_plain(tmp_path, "- {id: only, check: act}\n")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    make_plain(theirs, "- {id: only, check: act}\n")
    assert run_plain(theirs).returncode == 0
    with (tmp_path / "conftest.py").open("a") as file:  # as if the other run had begun meanwhile
        file.write(
            "import shutil\n"
            "def pytest_runtest_teardown():\n"
            "    shutil.copytree('theirs/reports', 'reports', dirs_exist_ok=True)\n"
        )
    result = run_plain(tmp_path, spec.name)
    assert result.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "no report: another run has taken " in result.stdout


def test_a_run_that_is_killed_leaves_no_page_of_the_run_before(tmp_path):
    spec = make_plain(tmp_path, "- {id: only, check: act}\n")
    assert run_plain(tmp_path).returncode == 0
    assert (tmp_path / "reports" / "plain" / "results.json").exists()
    spec.write_text(spec.read_text().replace("check: act", "check: act, params: {do: die}"))
    assert run_plain(tmp_path).returncode == -signal.SIGKILL
    assert states(left(tmp_path)) == {"only": "cut off"}
    beside = {path.name for path in (tmp_path / "reports" / "plain").iterdir() if not path.name.startswith(".")}
    assert beside == {"run.json", "records"}
