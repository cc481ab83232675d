"""Against a baseline: the same question, on the same images, with the same random numbers."""

import shutil

import pytest

from auditor.values import Run
from tests.support import last_run, linear_model, spec, states, write

CONV = "linear: {format: keras, path: conv.keras, output: probabilities, trusted: true}"
LINEAR = "linear: {format: keras, path: linear.keras, output: probabilities, trusted: true}"
KEEPS = "- {id: keeps, check: accuracy, expect: {accuracy: {max_drop: 0.1}}}\n"
SMALL_STEP = "- {id: flips, check: digit_flip, params: {target: 0, steps: 3, step_size: 0.05}}\n"


def compared(project) -> Run:
    return last_run(project)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache as the first of these tests left it, so that what is saved is measured once for all."""
    return tmp_path_factory.mktemp("kept") / "cache"


@pytest.fixture
def saved(project, kept):
    """A project whose linear model's run was kept as a baseline."""
    write(project, spec(KEEPS.replace("max_drop: 0.1", "min: 0.5") + SMALL_STEP))
    own = project.path / ".audit_cache"
    if kept.exists():
        shutil.copytree(kept, own)
    result = project.runpytest_inprocess("--audit-save-baseline=base")
    result.stdout.fnmatch_lines(["baseline saved: *base/tiny"])
    if not kept.exists():
        shutil.copytree(own, kept)
    return project


def test_no_change_passes_and_shows_the_comparison(saved):
    write(saved, spec(KEEPS + SMALL_STEP))
    saved.runpytest_inprocess("--audit-baseline=base").assert_outcomes(passed=2)
    record = last_run(saved).records["keeps"]
    [finding] = record.verdict.findings
    assert (finding.value, finding.n) == (0.0, 60)
    assert finding.low == pytest.approx(-(1 - 0.05 ** (1 / 60))), "exact: not one of 60 changed"
    assert record.baseline.figures == ()
    page = (saved.path / "reports" / "tiny" / "index.html").read_text()
    assert "Beside the baseline" in page
    assert "0 fell, 0 rose (p 1)" in page


def test_a_worse_model_fails_and_its_newly_broken_images_are_shown(saved):
    write(saved, spec(KEEPS).replace(LINEAR, CONV))
    result = saved.runpytest_inprocess("--audit-baseline=base")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*accuracy less the baseline's is -100.0 points (n = 60*violates accuracy less the baseline's ≥ -10 points*"]
    )
    baseline = last_run(saved).records["keeps"].baseline
    assert [figure.title for figure in baseline.figures] == ["Newly broken images"]
    assert len(baseline.files) == 1


def test_a_better_model_passes_and_shows_what_it_fixed(project):
    """Than one that never names the last class."""
    weak = linear_model()
    kernel, bias = weak.layers[-1].get_weights()
    kernel[:, 2] = -10.0
    weak.layers[-1].set_weights([kernel, bias])
    weak.save(project.path / "weak.keras")
    write(project, spec(KEEPS, models=LINEAR.replace("linear", "weak").replace("weak:", "baseline:") + "\n"))
    project.runpytest_inprocess().assert_outcomes(passed=1)
    baseline = last_run(project).records["keeps"].baseline
    assert baseline.source == "the spec's model 'baseline'"
    assert [figure.title for figure in baseline.figures] == ["Newly fixed images"]


def test_given_records_go_before_the_model_named_baseline(saved):
    write(saved, spec(KEEPS, models=CONV.replace("linear:", "baseline:") + "\n"))
    saved.runpytest_inprocess("--audit-baseline=base")
    assert last_run(saved).records["keeps"].baseline.source.startswith("run ")


def test_without_a_baseline_a_margin_is_an_error_that_says_what_to_do(project):
    write(project, spec(KEEPS))
    result = project.runpytest_inprocess()
    assert states(last_run(project)) == {"keeps": "error"}
    result.stdout.fnmatch_lines(["*give a previous run's records with --audit-baseline, or name one*`baseline`*"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("accuracy, expect", "accuracy, params: {first: 30}, expect"), "its parameter first was None and is 30 now"),
        (("audit: tiny", "audit: tiny\nseed: 3"), "its seed was 0 and is 3 now"),
        (("path: data.npz", "path: data.npz, box: [-1, 1]"), ""),
        (("id: keeps", "id: new"), "it has no record of this case"),
    ],
)
def test_another_question_is_not_compared(saved, change, message):
    write(saved, spec(KEEPS).replace(*change))
    saved.runpytest_inprocess("--audit-baseline=base")
    [record] = last_run(saved).records.values()
    if not message:  # the same images in a wider box are the same data
        assert record.verdict.status == "pass"
        return
    assert record.verdict.status == "error"
    assert message in record.verdict.message


def test_other_data_is_not_compared(saved):
    import numpy as np

    with np.load(saved.path / "data.npz") as file:
        arrays = {**file, "images": file["images"] * 0.99}
    np.savez(saved.path / "data.npz", **arrays)
    write(saved, spec(KEEPS))
    saved.runpytest_inprocess("--audit-baseline=base").stdout.fnmatch_lines(["*its data was * and is * now*"])


def test_adversarial_noise_and_flips_are_paired_too(saved):
    write(saved, spec(SMALL_STEP.replace("}}", "}, expect: {flip_rate: {max_rise: 0.2}}}")))
    saved.runpytest_inprocess("--audit-baseline=base").assert_outcomes(passed=1)
    [finding] = last_run(saved).records["flips"].verdict.findings
    assert (finding.value, finding.expectation.max) == (0.0, 0.2)


def test_a_baseline_is_written_only_when_asked_for_and_whole(saved):
    before = {path: path.read_bytes() for path in (saved.path / "base").rglob("*") if path.is_file()}
    write(saved, spec(KEEPS + SMALL_STEP))
    saved.runpytest_inprocess("--audit-baseline=base")
    assert {path: path.read_bytes() for path in (saved.path / "base").rglob("*") if path.is_file()} == before
    result = saved.runpytest_inprocess("--audit-save-baseline=base", "-k", "flips")
    result.stdout.fnmatch_lines(["no baseline saved for tiny: it has no record of keeps"])
    assert result.ret != 0
    assert {path: path.read_bytes() for path in (saved.path / "base").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "*--audit-baseline: no such folder: *nowhere*"),
        ("reports", "*is where this run's reports land*"),
        ("empty", "*empty holds no records; --audit-save-baseline*"),
    ],
)
def test_a_wrong_baseline_is_said_before_anything_runs(saved, given, message):
    (saved.path / "empty").mkdir()
    result = saved.runpytest_inprocess(f"--audit-baseline={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


@pytest.mark.slow
def test_workers_compare_with_the_same_baseline(saved):
    write(saved, spec(KEEPS + SMALL_STEP))
    saved.makeini("[pytest]\naudit_baseline = base\n")
    saved.runpytest_inprocess("--audit-report=before")  # kept, so that workers need no TensorFlow
    saved.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)
    assert all(record.baseline for record in last_run(saved).records.values())
