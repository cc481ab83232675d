"""Specs under pytest-xdist: every way to hand out cases, how many workers, and workers that die."""

import json
import os
import re
import xml.etree.ElementTree as ET

import pytest

from auditor.compute.capacity import cores
from auditor.values import Run
from tests.plain import left, make_plain, processes, run_plain
from tests.support import states

MODES = ("load", "loadscope", "loadfile", "loadgroup", "worksteal", "each")
# Of the first model one passes, and one fails; `taken` takes images from another model's case, which stands later.
CASES = """\
- {id: right, check: act, model: a, expect: {accuracy: {min: 0.9}}}
- {id: wrong, check: act, model: a, expect: {accuracy: {max: 0.5}}}
- {id: taken, check: act, model: b, params: {after: source}}
- {id: source, check: act, model: c, params: {do: sleep}}
- {id: twice-taken, check: act, model: b, params: {after: taken}}
- {id: last, check: act, model: a}
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What a run without workers finds."""
    folder = tmp_path_factory.mktemp("alone")
    make_plain(folder, CASES)
    assert run_plain(folder).returncode == pytest.ExitCode.TESTS_FAILED
    return left(folder)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_what_one_process_finds(tmp_path, alone, mode):
    make_plain(tmp_path, CASES)
    result = run_plain(tmp_path, "-n", "2", "--dist", mode, "-v")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    counts = {"passed": 10, "failed": 2} if mode == "each" else {"passed": 5, "failed": 1}
    assert pytest.RunResult.parse_summary_nouns(result.stdout.splitlines()) == counts
    run = left(tmp_path)
    assert states(run) == states(alone)
    assert states(run)["wrong"] == "fail"
    for case, record in alone.records.items():
        other = run.records[case]
        assert (other.verdict, other.evidence.metrics.keys()) == (record.verdict, record.evidence.metrics.keys())
        assert other.evidence.adversarial.images.tobytes() == record.evidence.adversarial.images.tobytes()
    outputs = json.loads((tmp_path / "reports" / "plain" / "results.json").read_text())
    assert {case["id"]: case["state"] for case in outputs["cases"]} == states(alone)
    loads = (tmp_path / "loads.txt").read_text().splitlines()
    assert len(loads) == len(set(loads)), "a process loads each checkpoint once"
    if mode == "loadgroup":
        ran = processes(run)
        assert len({line.split()[1] for line in loads}) == len(loads), "each checkpoint is loaded by one process"
        assert ran["right"] == ran["wrong"] == ran["last"] != ran["source"]
        assert ran["source"] == ran["taken"] == ran["twice-taken"]
        assert "plain.audit.yaml::right " in result.stdout, "ids are as without workers, so that --lf knows them"


DEADLY = """\
- {id: before, check: act, model: a}
- {id: deadly, check: act, model: b, params: {do: die}}
- {id: taken, check: act, model: b, params: {after: deadly}}
- {id: other, check: act, model: c}
- {id: more, check: act, model: c, expect: {accuracy: {min: 0.9}}}
"""


@pytest.mark.parametrize("mode", ["load", "loadgroup"])
def test_a_killed_worker_is_named_with_its_case_and_the_rest_completes(tmp_path, mode):
    make_plain(tmp_path, DEADLY)
    result = run_plain(tmp_path, "-n", "2", "--dist", mode, "--junitxml=junit.xml")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    run = left(tmp_path)
    found = states(run)
    assert found.pop("taken") in ("error", "cut off"), "cut off if its own worker went to run what it needs"
    assert found == {"before": "descriptive", "deadly": "cut off", "other": "descriptive", "more": "pass"}
    assert re.search(r"worker 'gw\d' crashed while running 'plain.audit.yaml::(deadly|taken)'", result.stdout)
    assert len(re.findall("crashed while running", result.stdout)) <= 2, "what killed one worker isn't run by the next"
    assert "is cut off: killed, out of memory, or a crash" in result.stdout
    if "taken" in run.records:
        assert "'deadly' was cut off: it began and left no record" in run.records["taken"].failure.message
    junit = ET.parse(tmp_path / "junit.xml").iter("testcase")
    not_passed = {case.get("name") for case in junit if {part.tag for part in case} & {"failure", "error"}}
    assert not_passed == {"deadly", "taken"}
    outputs = json.loads((tmp_path / "reports" / "plain" / "results.json").read_text())
    assert outputs["overall"] in ("error", "incomplete")


def test_without_new_workers_what_was_left_has_not_run(tmp_path):
    make_plain(tmp_path, DEADLY)
    result = run_plain(tmp_path, "-n", "1", "--max-worker-restart=0")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    gone = {"taken": "not run", "other": "not run", "more": "not run"}
    assert states(left(tmp_path)) == {"before": "descriptive", "deadly": "cut off", **gone}
    assert "worker restarting disabled" in result.stdout


def test_what_stops_a_run_from_beginning_is_one_clear_line(tmp_path):
    make_plain(tmp_path, CASES)
    (tmp_path / "taken").write_text("a file where a folder should be")
    result = run_plain(tmp_path, "-n", "2", "--audit-report", "taken")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: reports can't be written to" in result.stderr
    assert "INTERNALERROR" not in result.stdout + result.stderr


def test_mistaken_specs_end_a_run_as_they_do_without_workers(tmp_path):
    outside = make_plain(tmp_path, CASES)
    inside = tmp_path / "root" / "wrong.audit.yaml"
    inside.parent.mkdir()
    inside.write_text(outside.read_text())  # without a conftest that knows the format
    result = run_plain(tmp_path, "-n", "1", "--rootdir=root", outside.name, "root")
    assert result.returncode == pytest.ExitCode.INTERRUPTED
    assert "lies outside of pytest's root folder" in result.stdout
    assert "wrong.audit.yaml:3:15: unknown model format 'plain'" in result.stdout


@pytest.mark.skipif(cores() < 2, reason="one core takes one worker anyhow")
def test_auto_starts_as_many_workers_as_memory_holds_by_an_estimate_or_as_told(tmp_path):
    make_plain(tmp_path, CASES)
    assert "workers:" not in run_plain(tmp_path, "-n", "auto", "--co").stdout, "small models fit this machine"
    os.truncate(tmp_path / "a.npz", 10**12)  # a sparse file
    note = r"workers: 1 of \d+, as [\d.]+ GB of memory are free, and each may need 8001.5 GB \(--audit-worker-memory\)"
    result = run_plain(tmp_path, "-n", "auto", "-k", "source")
    assert "created: 1/1 worker" in result.stdout
    assert re.search(note, result.stdout)
    (tmp_path / "pytest.ini").write_text("[pytest]\naudit_worker_memory = 1 MB\n")
    assert "workers:" not in run_plain(tmp_path, "-n", "auto", "--co").stdout
    (tmp_path / "pytest.ini").write_text("[pytest]\naudit_worker_memory = much\n")
    wrong = run_plain(tmp_path, "--co")
    assert wrong.returncode == pytest.ExitCode.USAGE_ERROR
    assert "audit_worker_memory in " in wrong.stderr
    assert "'much' is no amount of memory; write a number above 0 with MB or GB, such as 2.5GB" in wrong.stderr


def test_gates_that_share_a_confidence_count_one_that_was_cut_off_as_not_passed(tmp_path):
    gate = "expect: {accuracy: {min: 0.945}}"  # of 60 right of 60, 95% confidence shows 0.951, and 97.5% shows 0.940
    deadly = f"- {{id: deadly, check: act, params: {{do: die}}, {gate}}}\n"
    make_plain(tmp_path, f"{deadly}- {{id: close, check: act, {gate}}}\ncorrection: holm\n")
    run_plain(tmp_path, "-n", "1")
    assert states(left(tmp_path)) == {"deadly": "cut off", "close": "inconclusive"}
