"""corruptions"""

from dataclasses import dataclass, replace
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.checks import corruptions, spatial
from auditor.checks.corruptions import METRICS, Params, beside, run
from auditor.corruptions.registry import CORRUPTIONS, FAMILIES, corrupt, of_family
from auditor.corruptions.severity import SEVERITIES
from auditor.judging.verdict import judge
from auditor.measuring import corrupted
from auditor.report.html import render
from auditor.spec.plan import make_plan
from auditor.values import CheckError, Context, Expectation, Samples, exact
from tests.corruptions.subjects import photographs
from tests.models import formats
from tests.support import data, last_run, spec, states, write


@dataclass(frozen=True, eq=False)
class Threshold:
    """Class 1 where the mean of an image is above a threshold. It gives no gradient: there is no `forward`."""

    at: float
    shape: tuple[int, int, int]
    logits_from: str = "its own output"
    output: str = "logits"
    class_count: int = 2

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return self.shape

    def predict(self, images: np.ndarray) -> np.ndarray:
        above = images.reshape(len(images), -1).astype(np.float64).mean(axis=1) - self.at
        return np.stack([np.zeros(len(images)), above], axis=1).astype(np.float32)


def context(images: np.ndarray, labels: Any, at: float, **more: Any) -> Context:
    rows = np.arange(len(images)) + 50
    model = Threshold(at, images.shape[1:])
    data = Samples(images, np.asarray(labels, np.int64), rows, (0.0, 1.0), ("dark", "bright"), "made", "0" * 64)
    return Context("model", data, 7, {"model": model}.__getitem__, {}.__getitem__, {}.__getitem__, **more)


def flat(values: np.ndarray, side: int = 12) -> np.ndarray:
    return np.broadcast_to(values.astype(np.float32)[:, None, None, None], (len(values), side, side, 1)).copy()


def test_a_linear_model_under_brightness_has_the_accuracy_that_it_must():
    """Dark images fall as soon as what is added takes them above 0.5; bright ones never do."""
    dark, bright = np.linspace(0.02, 0.393, 20), np.linspace(0.6, 0.9, 20)
    here = context(flat(np.concatenate([dark, bright])), [0] * 20 + [1] * 20, 0.5)
    found = run(here, Params(kinds=["brightness"]))
    expected = []
    for severity in SEVERITIES:
        (added,) = CORRUPTIONS["brightness"].strengths.at(severity, 12)
        right = int((dark + added < 0.5).sum()) + 20
        assert found.metrics[f"accuracy_at.brightness.{severity}"].successes == right
        expected.append(right / 40)
    assert found.metrics["clean_accuracy"].successes == 40
    for name in ("corrupted_accuracy", "corrupted_accuracy.brightness", "worst_corruption_accuracy"):
        assert found.metrics[name].value == pytest.approx(np.mean(expected)), name
    assert found.metrics["accuracy_drop"].value == pytest.approx(1 - np.mean(expected))
    assert found.metrics["corrupted_accuracy"].n == 40  # not five times as many


def test_a_linear_model_under_gaussian_noise_has_the_accuracy_that_it_must():
    """The mean of 144 pixels is moved by a normal number of a twelfth of the noise's spread."""
    off, count = 0.006, 1500
    images = flat(np.where(np.arange(count) % 2, 0.5 + off, 0.5 - off))
    found = run(context(images, np.arange(count) % 2, 0.5), Params(kinds=["gaussian_noise"], samples=count))
    for severity in SEVERITIES:
        (spread,) = CORRUPTIONS["gaussian_noise"].strengths.at(severity, 12)
        expected = NormalDist().cdf(off / (spread / 12))
        slack = 4 * sqrt(expected * (1 - expected) / count)
        assert found.metrics[f"accuracy_at.gaussian_noise.{severity}"].value == pytest.approx(expected, abs=slack)


def photographed(count: int = 12, side: int = 16, channels: int = 3) -> Context:
    images = photographs(side, channels, count)
    means = images.mean(axis=(1, 2, 3))
    return context(images, means > np.median(means), float(np.median(means)))


def test_metrics_are_those_of_the_predictions_that_are_kept():
    here = photographed()
    found = run(here, Params(severities=[5, 1], show=3))
    arrays, labels = found.arrays, found.arrays["labels"]
    right = arrays["predicted"] == labels
    assert arrays["severities"].tolist() == [1, 5]
    assert arrays["kinds"].tolist() == list(CORRUPTIONS)
    assert right.shape == (27, 2, 12)
    by_kind = right.mean(axis=(1, 2))
    assert found.metrics["corrupted_accuracy"].value == pytest.approx(right.mean())
    worst = found.metrics["worst_corruption_accuracy"]
    assert worst.value == pytest.approx(by_kind.min())
    assert {name: m.value for name, m in worst.groups.items()} == pytest.approx(
        dict(zip(CORRUPTIONS, by_kind, strict=True))
    )
    clean = found.metrics["clean_accuracy"].value
    assert found.metrics["accuracy_drop"].value == pytest.approx(clean - right.mean())
    for i, kind in enumerate(CORRUPTIONS):
        made = corrupt(here.samples.images, kind, 5, (0, 1), here.samples.indices, here.seed)
        order = arrays["indices"] - 50
        said = here.classifier.predict(made[order]).argmax(axis=1)
        assert np.array_equal(said, arrays["predicted"][i, 1]), kind
    known = {name.split(".")[0] for name in METRICS} - {"gain_over_baseline"}
    assert {name.split(".")[0] for name in found.metrics} == known
    titles = [figure.title for figure in found.figures]
    assert titles == ["Accuracy by kind and severity", "The most fragile images", "Contact sheet"]


def test_a_model_to_compare_with_has_its_corruption_errors():
    """One whose threshold is off errs more; of kinds under which it doesn't, nothing is relative to it."""
    here = photographed()
    worse = Threshold(0.9, here.classifier.input_shape)
    both = replace(here, model={"model": here.classifier, "worse": worse}.__getitem__)
    found = run(both, Params(severities=[2], baseline="worse"))
    alone = run(replace(both, model_name="worse"), Params(severities=[2]))
    before = alone.metrics["corrupted_accuracy"].value
    gain = found.metrics["gain_over_baseline"]
    assert gain.value == pytest.approx(found.metrics["corrupted_accuracy"].value - before)
    errors = {}
    for kind in CORRUPTIONS:
        own, other = (1 - one.metrics[f"corrupted_accuracy.{kind}"].value for one in (found, alone))
        if other > 0:
            errors[kind] = own / other
    assert f"relative to worse is {np.mean(list(errors.values())):.1%}" in found.summary
    told = {row[0]: row[3] for row in found.tables[1].rows}
    assert {kind for kind, said in told.items() if said == "–"} == set(CORRUPTIONS) - set(errors)
    for kind, error in errors.items():
        assert float(told[kind].removesuffix("%")) == pytest.approx(100 * error, rel=5e-3, abs=0.05), kind


def test_blocks_order_and_engine_change_nothing(monkeypatch):
    whole = run(photographed(), Params(severities=[2]))
    monkeypatch.setattr(corrupted, "block_size", lambda _: 5)
    monkeypatch.setattr(corrupted, "_VALUES", 2 * 16 * 16 * 3)

    def backwards(function, classifier, tasks):
        return [function(classifier, task) for task in tasks[::-1]][::-1]

    here = replace(photographed(), engine=backwards)
    assert np.array_equal(run(here, Params(severities=[2])).arrays["predicted"], whole.arrays["predicted"])
    turned = photographed()
    data = replace(
        turned.samples, **{name: getattr(turned.samples, name)[::-1] for name in ("images", "labels", "indices")}
    )
    again = run(replace(turned, samples=data), Params(severities=[2]))
    values = {name: metric.value for name, metric in whole.metrics.items()}
    assert {name: metric.value for name, metric in again.metrics.items()} == pytest.approx(values)


def test_what_does_not_suit_the_images_is_an_error_or_left_out():
    grey = photographed(channels=1)
    with pytest.raises(CheckError, match=r"'saturate' doesn't suit the images: it changes colours.* leave it out"):
        run(grey, Params(kinds=["saturate"]))
    found = run(grey, Params(kinds=["digital"], severities=[1]))
    assert "corrupted_accuracy.saturate" not in found.metrics
    assert any("`saturate` is left out: it changes colours" in note for note in found.notes)
    small = context(flat(np.array([0.2, 0.8]), side=6), [0, 1], 0.5)
    with pytest.raises(CheckError, match=r"no kind of blur suits the images: .*8 × 8 pixels at least"):
        run(small, Params(kinds=["blur"]))
    assert run(small, Params(kinds=["noise", "blur"])).metrics["corrupted_accuracy"].n == 2


def test_a_corruption_that_leaves_images_as_they_are_voids_a_pass():
    """Contrast draws towards the mean, which flat images are already."""
    here = context(flat(np.array([0.2, 0.8] * 20)), [0, 1] * 20, 0.5)
    found = run(here, Params(kinds=["contrast", "gaussian_noise"]))
    assert any("`contrast` left images as they were: 40 at severity 1" in note for note in found.notes)
    for name in (
        "corrupted_accuracy",
        "corrupted_accuracy.contrast",
        "accuracy_at.contrast.3",
        "worst_corruption_accuracy",
    ):
        verdict = judge(found.metrics, [Expectation(name, min=0.5)], 0.95, found.diagnostics)
        assert verdict.status == "inconclusive", name
        assert "contrast left most images as they were" in verdict.message
    clean = judge(found.metrics, [Expectation("clean_accuracy", min=0.5)], 0.95, found.diagnostics)
    assert clean.status == "pass"


@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_formats_without_gradients_are_measured_as_keras_is(form, tmp_path):
    """The same network in another format; both checks of what the world does."""
    images, labels = data(30)
    here = context(images, labels, 0.5)
    found = []
    for name in ("keras", form):
        module = catalog.load("models", name)
        model = module.load(module.Params(output="probabilities", **getattr(formats, name)(tmp_path)))
        other = replace(here, model={"model": model}.__getitem__)
        found.append(run(other, Params(kinds=["noise", "brightness"], severities=[5])))
        found.append(spatial.run(other, spatial.Params(angles=3, shifts=3, random=2)))
    for one, same in (found[0], found[2]), (found[1], found[3]):
        assert (one.arrays["predicted"] == same.arrays["predicted"]).mean() > 0.99
        assert one.metrics["clean_accuracy"].value > 0.5


def problems(tmp_path, check: str) -> list[str]:
    for name in ("linear.keras", "steeper.keras", "conv.keras", "data.npz"):
        (tmp_path / name).touch()
    path = tmp_path / "one.audit.yaml"
    path.write_text(spec(check))
    try:
        return [problem.message for case in make_plan(path).cases for problem in case.warnings]
    except Exception as error:
        return [problem.message for problem in error.problems]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("params: {kinds: [gausian_noise]}", "did you mean 'gaussian_noise'"),
        ("params: {kinds: [wether]}", "did you mean 'weather'"),
        ("params: {kinds: []}", "should have 1 or more entries"),
        ("params: {kinds: [fog, fog]}", "'fog' stands there twice"),
        ("params: {severities: [0]}", "should be at least 1"),
        ("params: {severities: [3, 6]}", "should be at most 5"),
        ("params: {severities: [1, 1]}", "stands there twice"),
        (
            "params: {kinds: [noise]}, expect: {corrupted_accuracy.fog: {min: 0.5}}",
            "isn't measured with these parameters",
        ),
        ("params: {severities: [1]}, expect: {accuracy_at.fog.2: {min: 0.5}}", "isn't measured with these parameters"),
        ("params: {baseline: linaer}", "did you mean 'linear'"),
        ("expect: {gain_over_baseline: {min: 0}}", "isn't measured with these parameters"),
        ("params: {severities: [1, 2]}, expect: {corrupted_accuracy: {min: 0.5}}", "nothing of those above"),
        ("params: {kinds: [fog]}, expect: {accuracy_drop: {max: 0.1}}", "a pass says nothing of noise, blur, digital"),
    ],
)
def test_mistakes_and_weak_claims_are_told_before_it_runs(tmp_path, given, told):
    assert told in " ".join(problems(tmp_path, f"- {{id: a, check: corruptions, {given}}}"))


def test_no_claim_no_advice():
    assert list(corruptions.lint(Params(severities=[1]), [], (0.0, 1.0))) == []
    full = [Expectation("corrupted_accuracy", min=0.5)]
    assert list(corruptions.lint(Params(), full, (0.0, 1.0))) == []
    assert Params().kinds == list(FAMILIES)
    assert corruptions.cost(Params(kinds=["noise"], severities=[1, 2]), 100, 10).predictions == 100 * (
        1 + 2 * len(of_family("noise"))
    )


SPEC = """\
- id: world
  check: corruptions
  params: {kinds: [noise, brightness, contrast], severities: [1, 2, 3]}
  expect: {corrupted_accuracy: {min: 0.9}, worst_corruption_accuracy: {min: 0.1}, accuracy_drop: {max: 0.1}}
"""


def test_in_a_spec_with_a_cache_and_a_baseline(project):
    text = SPEC.replace("min: 0.9}", "min: 0.9, max_drop: 0.05}")
    write(project, spec(SPEC))
    project.runpytest_inprocess("--audit-save-baseline", "kept")
    write(project, spec(text))
    result = project.runpytest_inprocess("--audit-baseline", "kept")
    run = last_run(project)
    assert states(run) == {"world": "pass"}, run.records["world"].verdict.message
    record = run.records["world"]
    assert record.baseline is not None
    assert not record.baseline.mismatch
    result.stdout.no_fnmatch_line("*error*")
    # Its limit, 1 - 0.05 ** (1 / 60), rounded outwards.
    in_points = "accuracy_drop is 0 points (n = 60, at most +4.9 points with 95% confidence): satisfies accuracy_drop"
    assert f"{in_points} ≤ 10 points" in record.verdict.message
    assert "Mean corruption error" not in render(run), "the baseline never errs"
    names = [name for name in record.evidence.metrics if name.startswith("corrupted_accuracy.")]
    erring = replace(record.baseline, metrics={**record.baseline.metrics, **dict.fromkeys(names, exact(0.5))})
    page = render(replace(run, records={"world": replace(record, baseline=erring)}))
    assert f"Mean corruption error relative to the baseline: 0%, of {len(names)} kinds" in " ".join(page.split())


def test_the_mean_corruption_error_relative_to_a_run_is_that_of_kinds_under_which_it_errs():
    def told(**accuracies):
        return {f"corrupted_accuracy.{kind}": exact(value) for kind, value in accuracies.items()}

    before = told(fog=0.6, snow=0.95, frost=1.0, rotate=0.5)
    # (0.2 / 0.4 + 0.1 / 0.05) / 2
    assert beside(told(fog=0.8, snow=0.9, frost=0.9), before).startswith(
        "Mean corruption error relative to the baseline: 125%, of 2 kinds"
    )
    assert not beside(told(frost=0.9), before)
    assert not beside(told(scale=0.9), before)
