"""`auditor judge`: stored evidence under another spec, with both verdicts, and nothing measured."""

import sys

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from tests.support import last_run, spec, states, write

BOTH = "- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}\n- {id: other, check: accuracy}\n"
FLIPS = "- {id: flips, check: digit_flip, params: {target: 0, steps: 3, step_size: 0.05}}\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache, so that the cases are measured once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def measured(project, kept):
    """A project whose models and data are gone after they were measured."""
    write(project, spec(BOTH + FLIPS))
    project.runpytest_inprocess(f"--audit-cache={kept}").assert_outcomes(passed=3)
    for path in [*project.path.glob("*.keras"), *project.path.glob("*.npz")]:
        path.unlink()
    return project


def judge(project, text: str, *more: str):
    (project.path / "new").mkdir(exist_ok=True)
    path = project.path / "new" / "new.audit.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["judge", str(project.path / "reports" / "tiny"), "--spec", str(path), *more])


def test_a_stricter_spec_fails_what_passed_and_both_are_shown(measured):
    before = last_run(measured)
    result = judge(measured, spec(BOTH.replace("min: 0.9", "min: 0.99") + FLIPS))
    assert result.exit_code == 1
    assert "inconclusive" in result.output
    assert "nothing measured" in result.output
    run = last_run(measured, "tiny-judged")
    assert states(run) == {"clean": "inconclusive", "other": "descriptive", "flips": "descriptive"}
    assert run.records["clean"].earlier.verdict.status == "pass"
    assert run.records["clean"].earlier.spec_digest == before.spec_digest == run.earlier_spec_digest
    assert run.spec_digest != before.spec_digest
    page = (measured.path / "reports" / "tiny-judged" / "index.html").read_text()
    assert "Judged again." in page
    assert before.spec_digest in page
    assert states(last_run(measured)) == states(before), "the records stay"


def test_a_laxer_spec_a_confidence_and_a_waiver_apply(measured):
    strict = spec(BOTH.replace("min: 0.9", "min: 0.98") + FLIPS)
    assert judge(measured, strict).exit_code == 1, "60 of 60 show 0.951 with 95% confidence"
    assert judge(measured, strict.replace("expect", "confidence: 0.51, expect")).exit_code == 0
    waiver = "waivers: [{case: clean, owner: Ada, reason: known, expires: 2999-01-01}]\n"
    result = judge(measured, spec(BOTH.replace("min: 0.9", "max: 0.1") + FLIPS) + "\n" + waiver)
    assert result.exit_code == 0
    assert states(last_run(measured, "tiny-judged"))["clean"] == "waived"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps: 3", "steps: 4"), "its parameter steps was 3 and is 4 now"),
        (("check: digit_flip, params: {target: 0, steps: 3, step_size: 0.05}", "check: accuracy"), "its check was"),
        (("id: flips", "id: flops"), "left no evidence for this case"),
        (("audit: tiny", "audit: tiny\nseed: 4"), "its seed was 0 and is 4 now"),
        (("path: linear.keras", "path: steeper.keras"), "its model 'linear' was"),
        (("check: digit_flip,", "check: digit_flip, model: steeper,"), "its model was 'linear' and is 'steeper' now"),
        (("path: data.npz", "path: other.npz"), "its data was"),
    ],
)
def test_evidence_of_something_else_is_an_error(measured, change, message):
    result = judge(measured, spec(BOTH + FLIPS).replace(*change))
    assert result.exit_code == 4
    record = last_run(measured, "tiny-judged").records["flops" if "flops" in change[1] else "flips"]
    assert record.verdict.status == "error"
    assert message in record.verdict.message


def test_cases_that_the_new_spec_leaves_out_are_named(measured):
    result = judge(measured, spec(FLIPS), "--output", str(measured.path / "out"))
    assert result.exit_code == 0
    assert "There before and not now: clean, other" in " ".join(result.output.split())
    assert (measured.path / "out" / "index.html").exists()


def test_judging_loads_no_tensorflow(measured):
    judge(measured, spec(BOTH))
    program = (
        "import sys; from auditor.cli.main import main;"
        "main(['judge', 'reports/tiny', '--spec', 'new/new.audit.yaml'], standalone_mode=False);"
        "print([n for n in ('tensorflow', 'keras', 'matplotlib.pyplot') if n in sys.modules])"
    )
    assert measured.run(sys.executable, "-c", program).outlines[-1] == "[]"


def test_without_records_it_says_so(project):
    (project.path / "reports" / "tiny").mkdir(parents=True)
    result = judge(project, spec(BOTH))
    assert result.exit_code == 2
    assert "holds no audit records" in result.output
