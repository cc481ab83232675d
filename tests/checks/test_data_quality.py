"""data_quality"""

import io
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from PIL import Image

from auditor.checks.data_quality import Params, cost, instead, lint, run
from auditor.evidence.verification import verify
from auditor.judging.verdict import judge
from auditor.measuring import likeness
from auditor.values import Expectation
from tests.support import CLASSES, LinearClassifier, context, data, last_run, linear_weights, samples, spec, write


def textures(count, seed=0, side=24, channels=1):
    """Smooth random pictures, no two alike: (count, side, side, channels) in [0, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, 6, 6, channels))
    fine = np.repeat(np.repeat(coarse, side // 6, axis=1), side // 6, axis=2)
    return (0.2 + 0.6 * fine).astype(np.float32)


def of(images, labels=None, box=(0.0, 1.0)):
    count = len(images)
    labels = np.arange(count) % CLASSES if labels is None else labels
    return replace(samples(count), images=images, labels=labels, indices=np.arange(count) + 100, box=box)


def model_for(images, seed=1):
    size = images[0].size
    kernel = np.random.default_rng(seed).normal(size=(size, CLASSES)).astype(np.float32)
    return LinearClassifier(kernel, np.zeros(CLASSES, np.float32), images.shape[1:])


def compressed(image):
    held = io.BytesIO()
    Image.fromarray(np.round(image[..., 0] * 255).astype(np.uint8)).save(held, "JPEG", quality=40)
    return np.asarray(Image.open(held), np.float32)[..., None] / 255


@pytest.mark.parametrize("channels", [1, 3])
def test_copies_are_found_whatever_was_done_to_them_and_nothing_else(channels):
    """Brighter, of less contrast, noisy, compressed; turned by a quarter it is another picture."""
    images = textures(60, channels=channels)
    noise = np.random.default_rng(3).normal(0, 0.02, images[2].shape)
    images[50] = np.clip(images[0] + 0.15, 0, 1)
    images[51] = 0.3 + 0.5 * images[1]
    images[52] = np.clip(images[2] + noise, 0, 1)
    images[53] = np.rot90(images[4])
    expected = {50: 0, 51: 1, 52: 2}
    if channels == 1:
        images[54] = compressed(images[3])
        expected[54] = 3
    evidence = run(context(model_for(images), of(images)), Params())
    assert dict(evidence.arrays["near"].tolist()) == expected
    assert evidence.metrics["near_duplicates"].value == len(expected) / 60
    shown = next(figure for figure in evidence.figures if figure.title == "Images that look alike")
    assert shown.panels[0].labels[0] == "row 150, c"
    assert shown.panels[1].labels[0] == "row 100, a"


def test_images_that_were_trained_on_are_found_exactly_and_nearly():
    images, other = textures(40), textures(50, seed=9)
    other[7], other[8] = images[30], np.clip(images[31] * 0.8, 0, 1)
    here = replace(context(model_for(images), of(images)), data={"train": of(other)}.__getitem__)
    evidence = run(here, Params(train="train"))
    assert evidence.metrics["in_training"].value == 1 / 40
    assert evidence.metrics["near_training"].value == 2 / 40
    assert dict(evidence.arrays["near training"].tolist()) == {30: 7, 31: 8}
    assert "2 images like one of training" in evidence.summary
    assert "Images that look like training data" in [figure.title for figure in evidence.figures]
    gates = [Expectation("in_training", max=0.0), Expectation("near_training", max=0.1)]
    assert [one.status for one in judge(evidence.metrics, gates, 0.95).findings] == ["fail", "pass"]


def test_suspect_labels_are_those_of_confident_learning():
    """By the paper's rule in plain words, image by image; and labels that were changed are among them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    odds = rng.normal(size=(300, 4)) + 4 * np.eye(4)[labels]
    told = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    given = labels.copy()
    given[:20] = (given[:20] + 1) % 4
    seems = likeness.suspect(told, given)
    usual = [np.mean([told[i, c] for i in range(300) if given[i] == c]) for c in range(4)]
    for i in range(300):
        likely = [c for c in range(4) if told[i, c] >= usual[c]]
        best = max(likely, key=lambda c: told[i, c], default=given[i])
        assert seems[i] == (-1 if best == given[i] else best), i
    assert (seems[:20] >= 0).mean() > 0.6
    assert (seems[20:] >= 0).mean() < 0.1


@pytest.mark.parametrize("seed", range(20))
def test_suspect_labels_are_those_that_cleanlab_finds(seed):
    """Of 2 to 12 classes, rare and common, of networks that know little or much, with up to half of the labels wrong.

    Where several classes are likely, the paper (its equation 1) takes the most probable of them; cleanlab takes the
    most probable of all, likely or not. It is right about every other image, and about all if it sees only likely ones.
    """
    rng = np.random.default_rng(seed)
    classes, count = int(rng.integers(2, 13)), int(rng.integers(50, 400))
    truth = np.r_[np.arange(classes), rng.choice(classes, count - classes, p=rng.dirichlet(np.ones(classes)))]
    odds = rng.normal(size=(count, classes)) + rng.uniform(0, 6) * np.eye(classes)[truth]
    told = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    wrong = rng.random(count) < rng.uniform(0, 0.5)
    wrong[:classes] = False  # cleanlab wants an image of every class
    given = np.where(wrong, (truth + rng.integers(1, classes, count)) % classes, truth)
    seems = likeness.suspect(told, given)
    usual = get_confident_thresholds(given, told)
    likely = told >= usual - 1e-6
    apart = (likely.sum(axis=1) > 1) & ~likely[np.arange(count), told.argmax(axis=1)]
    asked = {"thresholds": usual, "calibrate": False, "return_indices_of_off_diagonals": True}
    _, found = compute_confident_joint(given, told, **asked)
    assert (np.isin(np.arange(count), found) == (seems >= 0))[~apart].all()
    joint, found = compute_confident_joint(given, np.where(likely, told, 0), **asked)
    assert np.flatnonzero(seems >= 0).tolist() == sorted(found)
    pairs = np.zeros((classes, classes), int)
    np.add.at(pairs, (given[seems >= 0], seems[seems >= 0]), 1)
    assert (pairs == np.where(np.eye(classes, dtype=bool), 0, joint)).all()


def test_a_shortcut_is_chosen_on_one_half_and_measured_on_the_other():
    images = textures(300)
    labels = np.arange(300) % CLASSES
    images[labels == 1] *= 0.7
    here = context(model_for(images), of(images, labels))
    evidence = run(here, Params())
    area = evidence.metrics["shortcut_auroc"]
    half = np.isin(np.arange(300), here.sample(150))
    darkness = -images.mean(axis=(1, 2, 3), dtype=np.float64)[~half]
    assert evidence.tables[1].rows[0][:3] == ("brightness", "b", "less")
    assert area.value == pytest.approx(sklearn.metrics.roc_auc_score(labels[~half] == 1, darkness), abs=1e-6)
    assert [group.n for group in area.groups.values()] == [50, 100]
    ceiling = [Expectation("shortcut_auroc", max=0.9)]
    assert judge(evidence.metrics, ceiling, 0.95).status == "fail"
    fair = run(context(model_for(images), of(textures(300, seed=4), labels)), Params())
    assert fair.metrics["shortcut_auroc"].value < 0.65
    few = run(context(model_for(images), of(images[:30])), Params())
    assert "shortcut_auroc" not in few.metrics
    assert any("no class has 20 images" in note for note in few.notes)


def test_what_is_constant_or_far_out_and_how_even_classes_are():
    images = textures(90, channels=3)
    images[3] = 0.5
    images[4] = 0.99
    labels = np.r_[np.zeros(60, int), np.ones(25, int), np.full(5, 2)]
    here = of(images, labels)
    evidence = run(context(model_for(images), replace(here, repeats={500: 100})), Params())
    metrics = {name: one.value for name, one in evidence.metrics.items()}
    assert metrics["constant_images"] == 2 / 90
    assert metrics["smallest_class"] == 5 / 90
    assert metrics["repeats"] == 1 / 91  # a row that was dropped as it came in
    values = images.mean(axis=(1, 2, 3), dtype=np.float64)
    low, high = np.quantile(values, [0.25, 0.75])
    far = (values < low - 3 * (high - low)) | (values > high + 3 * (high - low))
    brightness = next(row for row in evidence.tables[0].rows if row[0] == "brightness")
    assert brightness[4] == far.sum() >= 1
    assert metrics["outliers"] >= far.mean()
    assert [row[0] for row in evidence.tables[0].rows][-1] == "colourfulness"
    odd = next(figure for figure in evidence.figures if figure.title == "Odd images")
    assert odd.panel.labels[0] == "row 103, constant"


def test_another_box_changes_nothing():
    images = textures(60)
    here = of(images)
    wide = of(images * 256, box=(0.0, 256.0))
    model = model_for(images)
    one = run(context(model, here), Params())
    other = run(context(replace(model, kernel=model.kernel / 256), wide), Params())
    assert {n: m.value for n, m in one.metrics.items()} == {n: m.value for n, m in other.metrics.items()}


def test_scores_say_nothing_of_labels():
    model = LinearClassifier(*linear_weights(), output="scores")
    evidence = run(context(model, samples()), Params())
    assert "suspect_labels" not in evidence.metrics
    assert "no probabilities" in evidence.notes[0]
    assert set(instead(Params())) == {"in_training", "near_training"}
    assert instead(Params(train="x")) == {}
    assert cost(Params(), 60, 3).predictions == 60


CHECKS = """\
- {id: data, check: data_quality, params: {train: seen}, expect: {in_training: {max: 0.1}, constant_images: {max: 0.0}}}
"""
SEEN = "other_data:\n  seen: {dataset: npz, path: seen.npz}\n"


def test_in_a_spec(project, monkeypatch):
    images, labels = data(6)
    np.savez(project.path / "seen.npz", images=images, labels=labels)
    write(project, spec(CHECKS) + SEEN)
    project.runpytest_inprocess()
    record = last_run(project).records["data"]
    first = data(60)[0]
    shared = sum(any((one == other).all() for other in images) for one in first)
    assert record.evidence.metrics["in_training"].value == pytest.approx(shared / 60)
    monkeypatch.chdir(project.path)
    found = list(verify(project.path / "reports" / "tiny"))
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]


def test_labels_are_no_less_suspect_for_having_been_learned():
    """Without training data a ceiling on them is a claim that nothing shows; of images it holds, none is believed."""
    gate = [Expectation("suspect_labels", max=0.02)]
    assert [remark.at for remark in lint(Params(), gate, (0.0, 1.0))] == [("train",)]
    assert not list(lint(Params(train="taught"), gate, (0.0, 1.0)))
    here = samples()
    given = replace(context(LinearClassifier(*linear_weights()), here), data={"taught": here}.__getitem__)
    evidence = run(given, Params(train="taught"))
    verdict = judge(evidence.metrics, [Expectation("suspect_labels", max=1.0)], 0.95, evidence.diagnostics)
    assert verdict.status == "inconclusive"
    assert "100.0% of the images are in the training data" in verdict.message
