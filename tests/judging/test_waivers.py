"""Somebody answers for a case that doesn't pass: for a while, for one checkpoint, and never for an error."""

import hashlib
import xml.etree.ElementTree as ET

import pytest

from tests.support import last_run, spec, states, write

FAILS = "- {id: bad, check: accuracy, expect: {accuracy: {max: 0.5}}}\n"
PASSES = "- {id: good, check: accuracy, expect: {accuracy: {min: 0.5}}}\n"
BREAKS = "- {id: broken, check: accuracy, params: {first: 1000}}\n"
UNSURE = "- {id: unsure, check: accuracy, params: {first: 3}, expect: {accuracy: {min: 0.9}}}\n"


def waived(checks: str, *cases: str, expires: str = "2999-12-31", **more: str) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    entries = [f"  - {{case: {c}, owner: Ada, reason: until the retraining, expires: {expires}{extra}}}" for c in cases]
    return spec(checks) + "\nwaivers:\n" + "\n".join(entries) + "\n"


def standing(project, case: str) -> str:
    return last_run(project).records[case].waiver.standing


def test_a_waived_failure_shows_as_waived_everywhere(project):
    write(project, waived(FAILS + UNSURE + PASSES, "bad", "unsure"))
    result = project.runpytest_inprocess("-v", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, xfailed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::bad WAIVED*", "*::unsure WAIVED*", "3 planned, 1 pass, 2 waived"])
    run = last_run(project)
    assert states(run) == {"bad": "waived", "unsure": "waived", "good": "pass"}
    assert run.records["bad"].verdict.status == "fail", "what was found stays as it was"
    junit = {case.get("name"): case for case in ET.parse(project.path / "junit.xml").iter("testcase")}
    assert "Ada, until 2999-12-31: until the retraining" in junit["bad"].find("skipped").get("message")
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "Waiver in force." in page
    assert "1 of 3 cases passed; 2 waived." in page


def test_an_expired_waiver_fails(project):
    write(project, waived(FAILS, "bad", expires="2020-02-29"))
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*its waiver (Ada, until 2020-02-29: *) doesn't hold: expired*"])


def test_a_waiver_holds_through_its_last_day(project):
    from datetime import UTC, datetime

    write(project, waived(FAILS, "bad", expires=datetime.now(UTC).date().isoformat()))
    project.runpytest_inprocess().assert_outcomes(xfailed=1)


def test_an_unneeded_waiver_is_reported(project):
    write(project, waived(PASSES, "good"))
    result = project.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*one.audit.yaml::good: the waiver of 'good' is unneeded: it passes; remove it*"])


def test_an_error_can_t_be_waived(project):
    write(project, waived(BREAKS, "broken"))
    project.runpytest_inprocess().assert_outcomes(failed=1)
    assert standing(project, "broken") == "not for errors"


def test_a_waiver_may_be_for_one_checkpoint(project):
    digest = hashlib.sha256((project.path / "linear.keras").read_bytes()).hexdigest()
    write(project, waived(FAILS, "bad", sha256=digest))
    project.runpytest_inprocess().assert_outcomes(xfailed=1)
    write(project, waived(FAILS, "bad", sha256="f" * 64))
    project.runpytest_inprocess().assert_outcomes(failed=1)
    assert standing(project, "bad") == "other checkpoint"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("case: bad", "case: bed"), "*unknown check id 'bed'; did you mean 'bad'?*"),
        (("2999-12-31", "next year"), "*`expires` should be a date such as 2027-01-31, got 'next year'*"),
        (("owner: Ada, ", ""), "*`owner` is missing: Who answers for it.*"),
        (("reason: until the retraining", "reason: ''"), "*`reason` should have 1 or more characters*"),
    ],
)
def test_a_mistake_in_a_waiver_has_its_line(project, change, message):
    write(project, waived(FAILS, "bad").replace(*change))
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"one.audit.yaml:1[01]:{message}"])


def test_one_case_is_waived_once(project):
    write(project, waived(FAILS, "bad", "bad"))
    project.runpytest_inprocess().stdout.fnmatch_lines(["*'bad' is waived twice, first at line *; keep one*"])
