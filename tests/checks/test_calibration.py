"""calibration"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import sklearn.calibration
import sklearn.metrics

from auditor.checks.calibration import Params, run
from auditor.corruptions import corrupt
from auditor.evidence.arithmetic import _follows
from auditor.judging.verdict import judge
from auditor.measuring import each_under_one_kind, reliability
from auditor.values import CheckError, Expectation, in_clusters
from tests.support import CLASSES, LinearClassifier, context, samples

TRUE_TEMPERATURE = 2.5


def _told(n, seed=0, scale=1.0, output="logits"):
    """A classifier whose logits are `scale` times those that its labels were drawn by, and its n samples."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, CLASSES)).astype(np.float32)
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    images = np.zeros((n, 6, 6, 1), np.float32)
    images[:, 0, :CLASSES, 0] = logits
    kernel = np.zeros((36, CLASSES), np.float32)
    kernel[:CLASSES] = scale * np.eye(CLASSES)
    data = replace(samples(n), images=images, labels=labels, indices=np.arange(n))
    return LinearClassifier(kernel, np.zeros(CLASSES, np.float32), output=output), data, scale * logits


@pytest.fixture(scope="module")
def overconfident():
    model, data, logits = _told(4000, scale=TRUE_TEMPERATURE)
    return run(context(model, data), Params(samples=4000)), data, logits


def test_numbers_are_those_of_scikit_learn(overconfident):
    evidence, data, logits = overconfident
    told = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    told /= told.sum(axis=1, keepdims=True)
    sure, right = told.max(axis=1), told.argmax(axis=1) == data.labels
    true, said = sklearn.calibration.calibration_curve(right, sure, n_bins=15)
    counts = np.histogram(sure, np.linspace(0, 1, 16))[0]
    metrics = {name: metric.value for name, metric in evidence.metrics.items()}
    assert metrics["ece"] == pytest.approx(np.abs(true - said) @ counts[counts > 0] / 4000, abs=1e-6)
    assert metrics["nll"] == pytest.approx(sklearn.metrics.log_loss(data.labels, told), abs=1e-6)
    binary = [sklearn.metrics.brier_score_loss(data.labels == c, told[:, c]) for c in range(CLASSES)]
    assert metrics["brier"] == pytest.approx(sum(binary), abs=1e-6)
    assert metrics["overconfidence"] == pytest.approx(sure.mean() - right.mean(), abs=1e-6)
    table = {row[0]: row[1] for row in evidence.tables[0].rows}
    true, said = sklearn.calibration.calibration_curve(right, sure, n_bins=15, strategy="quantile")
    assert table["expected error, bins of equal mass"] == pytest.approx(np.abs(true - said).mean(), abs=1e-3)
    # An image at the edge of two bins may lie in either: 1 of 267 in the bin.
    assert table["largest error of a bin of equal mass"] == pytest.approx(np.abs(true - said).max(), abs=4e-3)


def test_what_was_multiplied_is_found_and_taken_back(overconfident):
    evidence, *_ = overconfident
    assert evidence.metrics["temperature"].value == pytest.approx(TRUE_TEMPERATURE, rel=0.1)
    assert evidence.metrics["ece_scaled"].value < 0.03 < 0.1 < evidence.metrics["ece_unscaled"].value
    assert evidence.metrics["ece_scaled"].n == 2000
    assert "outside" in evidence.figures[0].caption
    assert not evidence.figures[0].caption.endswith("; 0 of 15 bins lie outside.")


def test_gates(overconfident):
    """Of 4000 images a limit lies a few points from the estimate."""
    evidence, *_ = overconfident
    model, data, _ = _told(4000)
    honest = run(context(model, data), Params())
    most = [Expectation("ece", max=0.06), Expectation("brier", max=0.5), Expectation("overconfidence", max=0.04)]
    assert judge(honest.metrics, most, 0.95).status == "pass"
    assert [finding.status for finding in judge(evidence.metrics, most, 0.95).findings] == ["fail", "pass", "fail"]
    unbounded = judge(honest.metrics, [Expectation("nll", max=100.0)], 0.95)
    assert unbounded.status == "inconclusive"
    assert all(_follows(metric) for metric in honest.metrics.values())
    open_ = judge(honest.metrics, [Expectation("ece", max=honest.metrics["ece"].value + 0.005)], 0.95)
    assert open_.status == "inconclusive"
    assert "samples would settle it" in open_.message


def test_certainty_lies_in_the_last_bin_and_edges_in_the_upper():
    assert reliability.equal_width(np.array([0.0, 0.5, 0.999, 1.0]), 10).tolist() == [0, 5, 9, 9]
    assert np.bincount(reliability.equal_mass(np.linspace(0, 1, 100), 4)).tolist() == [25] * 4
    assert set(reliability.equal_mass(np.ones(100), 15)) <= {0, 1}


@pytest.mark.parametrize(("clusters", "independent"), [(None, 100), (np.repeat(np.arange(20), 5), 20)])
def test_the_band_is_where_so_many_independent_answers_would_lie(clusters, independent):
    """Of 100 images at 0.8, and of 20 patients with five each, who are right about all of them or about none."""
    low, high = reliability.consistency(np.full(100, 0.8), np.zeros(100, int), clusters, np.random.default_rng(0))
    ends = scipy.stats.binom.ppf([0.025, 0.975], independent, 0.8) / independent
    assert [low[0], high[0]] == pytest.approx(ends, abs=1.01 / independent)


def test_no_band_is_drawn_where_it_is_not_known_which_images_belong_together():
    model, data, _ = _told(60)
    with in_clusters({}):
        evidence = run(context(model, data), Params())
    assert evidence.figures[0].series[0].low is None
    assert "no band, as it isn't known which images belong together" in evidence.figures[0].caption
    with in_clusters(dict.fromkeys(range(60), 1)):
        evidence = run(context(model, data), Params())
    assert "right or wrong about images of one cluster together" in evidence.figures[0].caption
    assert (evidence.figures[0].series[0].high == 1).all()


def test_the_parts_of_the_brier_score_make_the_whole():
    """Where all confidences of a bin are alike: 30 of 40 right at 0.8, 5 of 10 at 0.6."""
    sure = np.repeat([0.8, 0.6], [40, 10])
    right = np.concatenate([np.arange(40) < 30, np.arange(10) < 5]).astype(float)
    binned = reliability.in_bins(sure, right, reliability.equal_width(sure, 15))
    calibration, resolution, uncertainty = reliability.decomposition(binned, right)
    assert (calibration, uncertainty) == (pytest.approx((40 * 0.05**2 + 10 * 0.1**2) / 50), pytest.approx(0.7 * 0.3))
    assert calibration - resolution + uncertainty == pytest.approx(((sure - right) ** 2).mean())
    assert reliability.largest_error(binned) == pytest.approx(0.1)
    chance = (0.75 * 0.25 / 39 * 40 + 0.5 * 0.5 / 9 * 10) / 50
    assert reliability.debiased_squared_error(binned) == pytest.approx(calibration - chance)


def test_sigmoids_are_judged_as_such():
    """Each class has an answer of its own; the likelihood is that of all of them."""
    model, data, logits = _told(300, output="sigmoid")
    evidence = run(context(model, data), Params())
    told = 1 / (1 + np.exp(-logits.astype(np.float64)))
    truth = np.eye(CLASSES)[data.labels]
    expected = -(truth * np.log(told) + (1 - truth) * np.log(1 - told)).sum(axis=1).mean()
    assert evidence.metrics["nll"].value == pytest.approx(expected, abs=1e-5)
    assert evidence.metrics["brier"].bounds == (0.0, CLASSES)


def test_under_corruption_confidence_is_held_against_what_is_still_right():
    """Noise on the logits' pixels: what was calibrated is too sure, and numbers are of the images that were asked."""
    model, data, _ = _told(1500)
    box = (float(data.images.min()), float(data.images.max()))
    data = replace(data, box=box)
    clean = run(context(model, data), Params())
    noisy = run(context(model, data), Params(kinds=["gaussian_noise", "contrast"], severity=5))
    assert noisy.metrics["accuracy"].value < clean.metrics["accuracy"].value
    assert "each is under one kind of gaussian_noise, contrast, at severity 5" in noisy.notes[0]
    assert all(test.ok for test in noisy.diagnostics)
    here = context(model, data)
    chosen = here.sample(1500)
    made = each_under_one_kind(here, chosen, ["gaussian_noise", "contrast"], 5).images
    drawn = [corrupt(data.images, kind, 5, box, data.indices, 7)[chosen] for kind in ("gaussian_noise", "contrast")]
    which = [(made == one).all(axis=(1, 2, 3)) for one in drawn]
    assert (which[0] ^ which[1]).all()
    assert 600 < which[0].sum() < 900
    told = model.predict(made)
    assert noisy.metrics["accuracy"].successes == (told.argmax(axis=1) == data.labels[chosen]).sum()
    grey = replace(data, images=np.zeros_like(data.images), box=(0.0, 1.0))
    still = run(context(model, grey), Params(kinds=["contrast"]))
    assert [test.ok for test in still.diagnostics] == [False]
    assert judge(still.metrics, [Expectation("brier", max=1.5)], 0.95, still.diagnostics).status == "inconclusive"
    with pytest.raises(CheckError, match="'saturate' doesn't suit"):
        run(context(model, data), Params(kinds=["saturate"]))


def test_what_cannot_be_measured():
    model, data, _ = _told(10, output="scores")
    with pytest.raises(CheckError, match="scores"):
        run(context(model, data), Params())
    model, data, _ = _told(1)
    with pytest.raises(CheckError, match="there is 1 image"):
        run(context(model, data), Params())


def test_where_every_sample_is_right_the_temperature_is_the_end_of_the_range_and_no_rounding_moves_it():
    """The likelihood of separable samples has no maximum; a search would stop where floats tell nothing any more."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % CLASSES
    logits = 10.0 * np.eye(CLASSES)[labels] + rng.normal(0, 1, (30, CLASSES))
    for noise in (0.0, 1e-6, 1e-3):
        moved = (logits + rng.normal(0, 1, logits.shape) * noise).astype(np.float32)
        assert reliability.temperature(moved, labels, "logits") == pytest.approx(np.exp(-4))
