"""What a session leaves for other programs: beside the report, in the step summary, in JUnit."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from auditor.exports.publishing import add_to_step_summary
from tests.report.page import every_state
from tests.support import FLIP, spec, write

FILES = (
    "index.html", "declaration.html", "results.json", "results.sarif", "gl-code-quality.json", "junit.xml", "bom.json",
)  # fmt: skip
BAD = "- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}\n"
WAIVED = BAD + "- {id: good, check: accuracy}\n- {id: broken, check: accuracy, params: {first: 100000}}\n"
WAIVER = '\nwaivers:\n  - {case: bad, owner: Ada, reason: "<b>|`&", expires: 2999-12-31}\n'


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that stands for a step's summary."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def contents(project) -> dict[str, bytes]:
    return {name: (project.path / "reports" / "tiny" / name).read_bytes() for name in FILES}


def test_a_session_leaves_them_and_report_makes_the_same_again_without_tensorflow(project):
    write(project, spec(FLIP + BAD))
    project.runpytest_inprocess()
    left = contents(project)
    results = json.loads(left["results.json"])
    assert {case["id"]: case["state"] for case in results["cases"]} == {
        "clean": "pass",
        "flip": "descriptive",
        "onto": "descriptive",
        "bad": "fail",
    }
    (result,) = json.loads(left["results.sarif"])["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "one.audit.yaml"
    assert "id: bad" in (project.path / "one.audit.yaml").read_text().splitlines()[place["region"]["startLine"] - 1]
    (finding,) = json.loads(left["gl-code-quality.json"])
    assert finding["location"]["path"] == "one.audit.yaml"
    for name in FILES:
        (project.path / "reports" / "tiny" / name).unlink()
    program = "import sys; from auditor.cli.main import main; main(['report'], standalone_mode=False)"
    seen = "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    result = project.run(sys.executable, "-c", f"try: exec({program!r})\nexcept SystemExit: pass\n{seen}")
    assert result.outlines[-1] == "[]"
    assert contents(project) == left


def test_two_workers_leave_them_once(project, summary):
    write(project, spec(FLIP))
    project.runpytest_inprocess("--audit-report=before")  # kept, so that workers need no TensorFlow
    summary.write_text("")
    project.runpytest_subprocess("-n", "2").assert_outcomes(passed=3)
    assert json.loads(contents(project)["results.json"])["overall"] == "pass"
    assert summary.read_text().count("## ✓ tiny: pass") == 1


def test_the_step_summary_is_added_to_by_every_command_that_judges(project, summary):
    summary.write_text("# Before\n\n")
    path = write(project, spec(BAD))
    project.runpytest_inprocess()
    first = summary.read_text()
    assert first.startswith("# Before\n\n## ✕ tiny: fail\n")
    assert "| ✕ fail | bad | accuracy |" in first
    project.run(sys.executable, "-m", "auditor", "report")
    assert summary.read_text().count("## ✕ tiny: fail") == 2
    path.write_text(spec(BAD.replace("max: 0.5", "min: 0.5")))
    assert project.run(sys.executable, "-m", "auditor", "judge", "reports/tiny", "--spec", path.name).ret == 0
    assert summary.read_text().count("## ✓ tiny: pass") == 1
    (case,) = json.loads((project.path / "reports" / "tiny-judged" / "results.json").read_text())["cases"]
    assert case["state"] == "pass"
    assert case["record"]["earlier"]["verdict"]["status"] == "fail"


def test_without_the_variable_nothing_is_added(project, summary, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    write(project, spec(BAD))
    project.runpytest_inprocess()
    assert not summary.exists()


def test_a_step_summary_that_cannot_be_written_is_said(project, summary):
    summary.mkdir()
    write(project, spec("- {id: good, check: accuracy}"))
    (project.path / "broken.audit.yaml").write_text("audit: broken\n")  # which belongs there, too
    result = project.runpytest_inprocess("--continue-on-collection-errors")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert result.stdout.str().count("can't be written: Is a directory") == 1
    result.stdout.fnmatch_lines(["report: *index.html", "the step summary * can't be written: Is a directory"])


def test_many_audits_of_one_step_stay_below_what_github_takes(summary):
    summary.write_bytes(b"x" * (1024 * 1024 - 4000))
    sizes = [summary.stat().st_size]
    for _ in range(6):
        add_to_step_summary(every_state())
        sizes.append(summary.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2], "the second has its share too"
    assert sizes[-1] <= 1024 * 1024
    assert "cases are left out here" in summary.read_text()


def test_junit_has_the_metrics_of_every_case_and_waived_ones_as_skipped(project):
    write(project, spec(WAIVED) + WAIVER)
    project.runpytest_inprocess("--junitxml=junit.xml").assert_outcomes(passed=1, failed=1, xfailed=1)
    cases = {case.get("name"): case for case in ET.parse(project.path / "junit.xml").iter("testcase")}
    properties = {name: {p.get("name"): p.get("value") for p in case.iter("property")} for name, case in cases.items()}
    assert {name: found["audit_verdict"] for name, found in properties.items()} == {
        "bad": "waived",
        "good": "descriptive",
        "broken": "error",
    }
    assert float(properties["bad"]["accuracy"]) == float(properties["good"]["accuracy"]) == 1.0
    skipped = cases["bad"].find("skipped")
    assert skipped.get("type") == "pytest.xfail"
    assert "waived by Ada, until 2999-12-31: <b>|`&" in skipped.get("message")
    assert cases["broken"].find("failure") is not None
