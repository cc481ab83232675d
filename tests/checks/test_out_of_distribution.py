"""out_of_distribution"""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
from pydantic import ValidationError

from auditor.checks.out_of_distribution import Params, cost, lint, run
from auditor.evidence.arithmetic import _follows
from auditor.evidence.verification import verify
from auditor.judging.verdict import judge
from auditor.measuring.familiarity import SCORES
from auditor.report.html import render
from auditor.spec.plan import make_plan
from auditor.statistics import interval
from auditor.values import CheckError, Expectation, SpecError
from tests.support import CLASSES, LinearClassifier, context, data, last_run, linear_weights, samples, spec, write

KINDS = ["gaussian_noise", "contrast"]


def told(count, spread, seed, output="logits", box=(-9.0, 9.0)):
    """A classifier that reads its logits off the first pixels, and samples whose logits spread so far."""
    rng = np.random.default_rng(seed)
    logits = np.clip(rng.normal(0, spread, (count, CLASSES)), *box).astype(np.float32)
    images = np.zeros((count, 6, 6, 1), np.float32)
    images[:, 0, :CLASSES, 0] = logits
    kernel = np.zeros((36, CLASSES), np.float32)
    kernel[:CLASSES] = np.eye(CLASSES)
    found = replace(samples(count), images=images, labels=logits.argmax(axis=1), indices=np.arange(count), box=box)
    return LinearClassifier(kernel, np.zeros(CLASSES, np.float32), output=output), found, logits.astype(np.float64)


def softmax(logits):
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


def scored(logits):
    """Every score by its definition."""
    p = softmax(logits)
    energy = np.log(np.exp(logits).sum(axis=1))
    return dict(zip(SCORES, (p.max(axis=1), logits.max(axis=1), energy, (p * np.log(p)).sum(axis=1)), strict=True))


@pytest.fixture(scope="module")
def compared():
    model, inside, near = told(400, 3, 0)
    _, outside, far = told(300, 1, 1)
    here = replace(context(model, inside), data={"far": outside}.__getitem__)
    return run(here, Params(data="far", kinds=KINDS, severity=3)), near, far


def test_numbers_are_those_of_scikit_learn(compared):
    evidence, near, far = compared
    inside, outside = scored(near), scored(far)
    labels = np.repeat([1, 0], [400, 300])
    table = {(row[0], row[1]): row for row in evidence.tables[0].rows}
    for score in SCORES:
        both = np.concatenate([inside[score], outside[score]])
        area = evidence.metrics[f"auroc.data.{score}"]
        assert area.value == pytest.approx(sklearn.metrics.roc_auc_score(labels, both), abs=1e-6), score
        assert _follows(area)
        passed, kept, _ = sklearn.metrics.roc_curve(labels, both, drop_intermediate=False)
        assert evidence.metrics[f"fpr_at_95_tpr.data.{score}"].value == pytest.approx(passed[kept >= 0.95][0], abs=1e-9)
        row = table["other data", score.replace("_", " ")]
        found = [float(cell.split()[0]) for cell in row[4:6]]
        expected = [
            sklearn.metrics.average_precision_score(labels, both),
            sklearn.metrics.average_precision_score(1 - labels, -both),
        ]
        assert found == pytest.approx(expected, abs=5.1e-4), score
    certain = evidence.metrics["certain.data"]
    assert (certain.successes, certain.n) == (int((softmax(far).max(axis=1) >= 0.9).sum()), 300)


def test_an_outside_that_is_the_inside_is_told_apart_by_nothing():
    """Other images of the very same distribution: one half lies within the limits of every area."""
    model, inside, _ = told(500, 2, 0)
    _, outside, _ = told(500, 2, 5)
    here = replace(context(model, inside), data={"same": outside}.__getitem__)
    evidence = run(here, Params(noise=False, kinds=[], data="same"))
    for score in SCORES:
        low, high = interval(evidence.metrics[f"auroc.data.{score}"], 0.95)
        assert low < 0.5 < high
    assert set(evidence.metrics) == {
        "certain.data",
        *(f"{name}.data.{score}" for name in ("auroc", "fpr_at_95_tpr") for score in SCORES),
    }


def test_corrupted_images_are_held_against_the_other_half(compared):
    evidence, *_ = compared
    area = evidence.metrics["auroc.corrupted.energy"]
    assert [group.n for group in area.groups.values()] == [200, 200]
    inside, outside = (set(group.rows.tolist()) for group in area.groups.values())
    assert not inside & outside
    assert evidence.metrics["auroc.noise.energy"].n == 400
    assert all(test.ok for test in evidence.diagnostics), evidence.diagnostics


def test_gates_and_figures(compared):
    evidence, _, far = compared
    area = evidence.metrics["auroc.data.entropy"].value
    gates = [Expectation("auroc.data.entropy", min=area - 0.1), Expectation("auroc.data.entropy", min=area - 0.01)]
    found = judge(evidence.metrics, gates, 0.95, evidence.diagnostics)
    assert [one.status for one in found.findings] == ["pass", "inconclusive"]
    assert "400 inside against 300 outside" in found.findings[0].message
    assert "samples of every group would settle it" in found.findings[1].message
    titles = [figure.title for figure in evidence.figures]
    assert titles[:2] == ["Confidence inside and outside", "What passes a threshold"]
    assert titles[2:] == [f"Most certain of: {name}" for name in ("noise", "other data", "corrupted images")]
    surest = evidence.figures[3].panel.labels[0]
    assert surest.startswith("called " + "abc"[softmax(far)[softmax(far).max(axis=1).argmax()].argmax()])
    assert "certain in" in evidence.summary


def test_logits_that_are_logarithms_of_probabilities_have_no_energy():
    model, inside, logits = told(60, 2, 0, box=(-20.0, 0.0))
    inside.images[:, 0, :CLASSES, 0] = np.log(softmax(logits))
    evidence = run(context(replace(model, output="log_probabilities"), inside), Params(noise=False, kinds=["contrast"]))
    scores = {name.split(".")[2] for name in evidence.metrics if name.startswith("auroc")}
    assert scores == {"max_probability", "entropy"}
    assert any("Energy and the greatest logit are left out" in note for note in evidence.notes)


def test_sigmoids_have_an_energy_and_an_entropy_of_all_classes():
    model, inside, logits = told(100, 2, 0, output="sigmoid")
    evidence = run(context(model, inside), Params(samples=100, kinds=[]))
    p = 1 / (1 + np.exp(-logits))
    energy = evidence.arrays["inside energy"]
    assert np.sort(energy) == pytest.approx(np.sort(np.log1p(np.exp(logits)).sum(axis=1)), abs=1e-5)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1)
    assert np.sort(-evidence.arrays["inside entropy"]) == pytest.approx(np.sort(entropy), abs=1e-5)


def test_what_makes_numbers_doubtful_is_told():
    """Logits so large that all probabilities round to 1; and corruptions that change nothing."""
    model, inside, _ = told(80, 3, 0)
    steep = replace(model, kernel=model.kernel * 1000)
    evidence = run(context(steep, inside), Params(noise=False, kinds=["gaussian_noise"], severity=1))
    ties = next(test for test in evidence.diagnostics if test.name == "scores differ")
    assert not ties.ok
    assert "auroc.corrupted.max_probability" in ties.deflates
    assert "auroc.corrupted.energy" not in ties.deflates
    gate = [Expectation("auroc.corrupted.max_probability", max=0.9)]
    assert judge(evidence.metrics, gate, 0.95, evidence.diagnostics).status != "pass"
    flat = replace(inside, images=np.zeros_like(inside.images))
    evidence = run(context(model, flat), Params(noise=False, kinds=["contrast"]))
    same = next(test for test in evidence.diagnostics if test.name == "corruptions change images")
    assert not same.ok
    assert "auroc.corrupted.energy" in same.deflates


def test_colour_and_kinds_that_do_not_suit():
    rng = np.random.default_rng(0)
    images = rng.random((30, 12, 12, 3)).astype(np.float32)
    data_ = replace(samples(30), images=images)
    model = LinearClassifier(
        rng.normal(size=(432, CLASSES)).astype(np.float32), np.zeros(CLASSES, np.float32), (12, 12, 3)
    )
    evidence = run(context(model, data_), Params(samples=20))
    assert evidence.metrics["certain.corrupted"].n == 10
    grey = LinearClassifier(*linear_weights())
    with pytest.raises(CheckError, match="`kinds`: 'saturate' doesn't suit the images"):
        run(context(grey, samples()), Params(kinds=["saturate"]))


def test_what_cannot_be_measured():
    model, inside, _ = told(20, 2, 0)
    twice = replace(context(model, inside), data={"again": inside}.__getitem__)
    with pytest.raises(CheckError, match="20 of the 20 images of 'again' are audited images too"):
        run(twice, Params(data="again"))
    with pytest.raises(CheckError, match="scores"):
        run(context(replace(model, output="scores"), inside), Params())
    with pytest.raises(ValidationError, match="nothing lies outside"):
        Params(noise=False, kinds=[])
    alone = Params(kinds=[])
    assert [r.at for r in lint(alone, [Expectation("certain.noise", max=0.1)], (0, 1))] == [("noise",)]
    assert not list(lint(Params(), [Expectation("certain.noise", max=0.1)], (0, 1)))
    assert cost(Params(data="x", samples=100), 60, 3).predictions == 60 + 200 + 30


OTHER = "other_data:\n  {name}: {{{source}}}\n"
CHECKS = """\
- id: nonsense
  check: out_of_distribution
  params: {data: far, kinds: [contrast], show: 1}
  expect: {certain.data: {max: 0.5}, auroc.data.max_probability: {min: 0.1}}
"""


def described(name="far", source="dataset: npz, path: far.npz"):
    return spec(CHECKS) + OTHER.format(name=name, source=source)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (described("near"), "unknown data 'far'.*near.*further data is named under `other_data`"),
        (described(source="dataset: npz, path: data.npz"), "'far' is the very data that is audited"),
        (described(source="dataset: npz, path: far.npz, box: [0, 255]"), r"in the box \[0, 255\], and `data` in"),
        (
            described(source="dataset: npz, path: small.npz"),
            r"images of 'far' are 5 × 4 × 1, and those of `data` 6 × 6",
        ),
        (described().replace("kinds: [contrast]", "kinds: [saturate]"), "'saturate' doesn't suit.* 1 channel, not 3"),
        (described(source="dataset: npz, path: none.npz"), "no such file: none.npz"),
        (described().replace("auroc.data.max", "auroc.corrupted.max").replace("kinds: [contrast]", "kinds: []"), "isn"),
    ],
)
def test_mistakes_are_told_before_anything_runs(project, text, told):
    images, labels = data(12)
    np.savez(project.path / "far.npz", images=images, labels=labels)
    np.savez(project.path / "small.npz", images=images[:, :5, :4], labels=labels)
    with pytest.raises(SpecError, match=told):
        make_plan(write(project, text))


def test_other_data_in_a_spec(project, monkeypatch):
    """It is loaded, recorded, shown, checked again, and part of what a result depends on."""
    images, labels = data(12)
    np.savez(project.path / "far.npz", images=1 - images, labels=labels)
    write(project, described())
    project.runpytest_inprocess().assert_outcomes(passed=1)
    run_ = last_run(project)
    record = run_.records["nonsense"]
    assert record.provenance["other data"]["far"]["images"] == 12
    assert record.evidence.metrics["certain.data"].n == 12
    assert "Other data <bdi>far</bdi>" in render(run_)
    monkeypatch.chdir(project.path)
    assert all(finding.ok for finding in verify(project.path / "reports" / "tiny"))
    project.runpytest_inprocess()
    assert last_run(project).id == run_.id  # nothing changed, so it stands
    np.savez(project.path / "far.npz", images=np.flip(images, 1), labels=labels)
    other = [finding for finding in verify(project.path / "reports" / "tiny") if finding.what == "data"]
    assert [finding.ok for finding in other] == [True, False]
    project.runpytest_inprocess()
    assert last_run(project).id != run_.id
    np.savez(project.path / "far.npz", images=images[:, :5], labels=labels)
    with pytest.raises(SpecError, match="images of 'far' are 5 × 6 × 1, and those of `data` 6 × 6 × 1"):
        make_plan(project.path / "one.audit.yaml")
