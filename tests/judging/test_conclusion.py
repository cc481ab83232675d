"""Holm's correction over a spec's gates, through the plugin: a case may have to wait for the others."""

import pytest

from tests.support import last_run, spec, states, write

# 60 images, all right: each gate's p-value is floor ** 60.
GATES = """\
- {id: easy, check: accuracy, expect: {accuracy: {min: 0.8}}}
- {id: close, check: accuracy, expect: {accuracy: {min: 0.945}}}
- {id: closer, check: accuracy, expect: {accuracy: {min: 0.955}}}
- {id: counted, check: accuracy, params: {first: 60}, expect: {errors: {max: 0}}}
"""


def corrected(checks: str, correction: str = "holm") -> str:
    return spec(checks).replace("audit: tiny", f"audit: tiny\ncorrection: {correction}")


def test_without_it_every_gate_has_the_whole_risk(project):
    write(project, corrected(GATES, "none"))
    project.runpytest_inprocess()
    assert states(last_run(project)) == {"easy": "pass", "close": "pass", "closer": "inconclusive", "counted": "pass"}


def test_what_passed_makes_room_for_the_rest(project):
    """0.945 ** 60 = 0.034 is above 0.05 / 3 and above 0.05 / 2: close fails to pass although it would alone."""
    write(project, corrected(GATES))
    project.runpytest_inprocess().assert_outcomes(passed=2, failed=2)
    run = last_run(project)
    assert states(run)["close"] == "inconclusive"
    assert run.records["close"].confidence == pytest.approx(0.975), "easy has passed, two are left"
    assert run.records["close"].correction == "Holm, over 3 expectations at 95%"
    write(project, corrected(GATES.replace("0.945", "0.93")))  # 0.0129: below 0.05 / 3
    project.runpytest_inprocess()
    assert states(last_run(project))["close"] == "pass"
    write(project, corrected(GATES.replace("0.945", "0.939")))  # 0.0229: above 0.05 / 3, below 0.05 / 2
    project.runpytest_inprocess()
    assert states(last_run(project))["close"] == "pass"


def test_gates_that_were_not_chosen_count_as_not_passed(project):
    write(project, corrected(GATES.replace("0.945", "0.939")))
    project.runpytest_inprocess("-k", "close and not closer").assert_outcomes(failed=1)
    assert last_run(project).records["close"].confidence == pytest.approx(1 - 0.05 / 3)


@pytest.mark.slow
def test_workers_agree(project):
    write(project, corrected(GATES.replace("0.945", "0.939")))
    project.runpytest_inprocess("--audit-report=before")  # kept, so that workers need no TensorFlow
    project.runpytest_subprocess("-n", "2")
    assert states(last_run(project)) == {"easy": "pass", "close": "pass", "closer": "inconclusive", "counted": "pass"}


def test_one_check_can_t_have_a_confidence_of_its_own_beside_it(project):
    write(project, corrected("- {id: a, check: accuracy, confidence: 0.9}"))
    project.runpytest_inprocess().stdout.fnmatch_lines(
        ["one.audit.yaml:9:30: `confidence` can't be set for one check*"]
    )


def test_a_check_s_own_confidence_goes_before_the_spec_s(project):
    strict = "- {id: a, check: accuracy, confidence: 0.99, expect: {accuracy: {min: 0.94}}}\n"
    write(project, spec(strict + strict.replace("id: a", "id: b").replace(" confidence: 0.99,", "")))
    project.runpytest_inprocess()
    run = last_run(project)
    assert states(run) == {"a": "inconclusive", "b": "pass"}
    assert "with 99% confidence" in run.records["a"].verdict.message
