"""A budget of time: what matters most runs first, what doesn't fit is left out and never taken as passed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.run.budget import seconds_of
from tests.support import last_run, spec, states, write

CHECKS = """\
- {id: last, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: long, check: robust_accuracy, priority: 2, params: {eps: 0.1, attacks: [{attack: pgd, steps: 10000000}]}}
- {id: flip, check: digit_flip, params: {target: 0, steps: 10000000, step_size: 0.3, objective: logit}}
- {id: onto, check: transfer, params: {adversarial: flip, onto: [steeper]}, priority: 1}
- {id: first, check: accuracy, priority: 5, params: {first: 30}}
"""


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_times_are_read_as_people_write_them(hours: int, minutes: int, seconds: int) -> None:
    written = f"{hours}h{minutes}m {seconds}s" if hours else f"{minutes}m{seconds}s"
    assert (seconds_of(written) or 0) == 3600 * hours + 60 * minutes + seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 minutes", "-5m", "5m1h", "0s"])
def test_what_is_no_time_is_refused(project: pytest.Pytester, text: str) -> None:
    assert seconds_of(text) is None
    if text:
        write(project, spec(CHECKS))
        result = project.runpytest(f"--audit-budget={text}")
        result.stderr.fnmatch_lines([f"*--audit-budget: '{text}' is no time, such as 90s, 5m or 1h30m"])
        assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_what_fits_runs_by_priority_and_the_rest_is_said_to_be_left_out(project: pytest.Pytester) -> None:
    write(project, spec(CHECKS))
    result = project.runpytest("-v", "--audit-budget", "60s")
    result.stdout.fnmatch_lines(
        [
            "*::first DESCRIPTIVE*",
            "*::long NOT RUN*",
            "*::onto NOT RUN*",
            "*::last PASSED*",
            "*::flip NOT RUN*",
            "*5 planned, 1 pass, 3 not run, 1 descriptive*",
        ]
    )
    assert result.ret == 0
    run = last_run(project)
    late = dict.fromkeys(("long", "onto", "flip"), "not run")
    assert states(run) == {"first": "descriptive", "last": "pass", **late}
    told = json.loads((project.path / "reports" / "tiny" / "results.json").read_text())
    messages = {case["id"]: case["message"] for case in told["cases"]}
    assert messages["long"].startswith("Not run: it may take ")
    assert "of the budget of 1 min 0 s" in messages["onto"]
    assert told["overall"] == "incomplete"


def test_a_budget_that_is_used_up_leaves_only_what_is_cached(project: pytest.Pytester) -> None:
    write(project, spec(CHECKS))
    cached = project.runpytest("-k", "last", "--audit-report", "before")
    assert cached.ret == 0
    result = project.runpytest("--audit-budget", "0.001s", "-n", "2", "-p", "xdist")
    result.stdout.fnmatch_lines(["*5 planned, 1 pass, 4 not run*"])
    assert last_run(project).records["last"].cached
    assert result.ret == 0


def test_gates_that_share_a_confidence_wait_for_none_that_is_left_out(project: pytest.Pytester) -> None:
    checks = (
        "- {id: doubtful, check: accuracy, params: {first: 60}, expect: {accuracy: {min: 0.952}}, priority: 1}\n"
        "- {id: long, check: robust_accuracy, expect: {robust_accuracy: {min: 0}},\n"
        "   params: {eps: 0.1, attacks: [{attack: pgd, steps: 10000000}]}}\n"
    )
    write(project, spec(checks).replace("data:", "correction: holm\ndata:"))
    project.runpytest("--audit-budget", "60s")
    run = last_run(project)
    assert states(run) == {"doubtful": "inconclusive", "long": "not run"}
    assert "of the budget of" in run.left["long"]
