"""minimal_perturbation"""

import numpy as np
import pytest
from pydantic import ValidationError

from auditor.checks import transfer
from auditor.checks.minimal_perturbation import Params, run
from auditor.judging.verdict import judge
from auditor.search.norms import distance
from auditor.values import CheckError, Expectation
from tests.support import LinearClassifier, context, linear_weights, samples


def linear():
    return LinearClassifier(*linear_weights())


def test_distances_on_a_linear_classifier_are_the_closed_form():
    """Far from the box the nearest boundary of a linear classifier is known: a gap over the slope's norm."""
    model, here = linear(), samples()
    evidence = run(context(model, here), Params(norm="l2", attacks=[{"attack": "fab", "steps": 20}]))
    logits, kernel = model.predict(here.images), model.kernel
    gaps = logits[np.arange(len(here)), here.labels][:, None] - logits
    slopes = np.linalg.norm(kernel[:, here.labels][:, :, None] - kernel[:, None, :], axis=0)
    exact = np.where(slopes > 0, gaps / np.maximum(slopes, 1e-9), np.inf).min(axis=1)
    found, exact = evidence.arrays["distances"], exact[evidence.adversarial.indices - 100]
    assert (found >= exact * (1 - 1e-3)).all()
    assert np.median(found / exact) < 1.02
    assert evidence.metrics["median_distance"].value == np.median(found)
    assert evidence.metrics["nearest_distance"].value == found.min()


@pytest.mark.slow
def test_on_a_real_network_more_attacks_come_closer(networks, digits):
    alone = Params(norm="l2", samples=30, attacks=[{"attack": "deepfool"}])
    both = Params(norm="l2", samples=30, attacks=[{"attack": "deepfool"}, {"attack": "ddn"}])
    first, second = (run(context(networks["cnn"], digits), params) for params in (alone, both))
    assert (second.arrays["distances"] <= first.arrays["distances"]).all()
    assert second.metrics["median_distance"].value < 0.95 * first.metrics["median_distance"].value
    assert second.metrics["found"].value == 1
    made = second.adversarial
    said = networks["cnn"].predict(made.images).argmax(axis=1)
    np.testing.assert_array_equal(said, made.targets)
    np.testing.assert_array_equal(said != made.labels, made.fooled)
    np.testing.assert_allclose(distance(made.images, made.originals, "l2"), second.arrays["distances"])
    rows = second.tables[0].rows
    assert [row[0] for row in rows] == ["deepfool", "ddn"]
    assert rows[1][3] > 0.9


def test_the_closest_images_are_not_for_transfer(networks, digits):
    made = run(context(networks["cnn"], digits), Params(samples=10, attacks=[{"attack": "deepfool"}])).adversarial
    here = context(networks["cnn"], digits, networks, made=made)
    with pytest.raises(CheckError, match="the closest images"):
        transfer.run(here, transfer.Params(adversarial="made", onto=["retrained-1"]))


def test_what_is_never_found_is_said_and_has_no_finite_median():
    """Constant logits: no image can be moved anywhere."""
    flat = LinearClassifier(np.zeros((36, 3), np.float32), np.array([1.0, 0.0, 0.0], np.float32))
    evidence = run(context(flat, samples()), Params(norm="l2", attacks=[{"attack": "fmn", "steps": 5}]))
    assert set(evidence.metrics) == {"median_distance", "found", "clean_accuracy"}
    assert evidence.metrics["found"].value == 0
    assert evidence.metrics["median_distance"].value == np.inf
    assert any("`median_distance` is infinite" in note for note in evidence.notes)
    assert judge(evidence.metrics, [Expectation("median_distance", min=0.5)], 0.95).status == "pass"


def test_only_attacks_that_seek_the_closest_are_taken():
    with pytest.raises(ValidationError, match="'pgd' searches within a ball; this check needs one that seeks"):
        Params(attacks=[{"attack": "pgd"}])
    with pytest.raises(ValidationError, match="attack 'deepfool' has no norm 'l0'"):
        Params(norm="l0", attacks=[{"attack": "deepfool"}])


def test_a_target_that_every_image_has_leaves_nothing_to_attack():
    here = samples()
    with pytest.raises(CheckError, match="target 7 is no class of model 'model': it knows 0 to 2"):
        run(context(linear(), here), Params(target=7))
    evidence = run(context(linear(), here), Params(target=1, attacks=[{"attack": "fmn", "steps": 30}]))
    assert (evidence.adversarial.labels != 1).all()
    assert (evidence.adversarial.targets[evidence.adversarial.fooled] == 1).all()
