"""transfer"""

import dataclasses

import numpy as np
import pytest

from auditor.checks import digit_flip, noise_to_target
from auditor.checks.transfer import Params, moved, run
from auditor.values import CheckError
from tests.support import context

OTHERS = ["retrained-1", "retrained-2"]


@pytest.fixture(scope="module")
def flips(networks, digits):
    return digit_flip.run(context(networks["cnn"], digits), digit_flip.Params(samples=100)).adversarial


@pytest.fixture(scope="module")
def noise(networks, digits):
    return noise_to_target.run(context(networks["cnn"], digits), noise_to_target.Params(samples=30)).adversarial


def test_rates_are_what_each_network_says(networks, digits, flips):
    evidence = run(context(networks["cnn"], digits, networks, flip=flips), Params(adversarial="flip", onto=OTHERS))
    kept = flips.images[flips.fooled]
    shares = []
    for name in OTHERS:
        said = networks[name].predict(kept).argmax(axis=1)
        assert evidence.metrics[f"transfer_rate.{name}"].successes == (said == 3).sum()
        wrong = (said != flips.labels[flips.fooled]).sum()
        assert evidence.metrics[f"still_wrong_rate.{name}"].successes == wrong
        shares.append(said == 3)
    assert evidence.metrics["transfer_rate"].value == pytest.approx(np.mean(shares))
    assert evidence.metrics["images"].value == flips.fooled.sum()


def test_images_transfer_and_equally_large_random_changes_do_not(networks, digits, flips):
    evidence = run(context(networks["cnn"], digits, networks, flip=flips), Params(adversarial="flip", onto=OTHERS))
    assert evidence.metrics["transfer_rate"].value > 0.3
    assert evidence.metrics["control_wrong_rate"].value < 0.1


def test_several_sources_in_one_matrix_and_no_true_class_for_noise(networks, digits, flips, noise):
    here = context(networks["cnn"], digits, networks, flip=flips, noise=noise)
    evidence = run(here, Params(adversarial=["noise", "flip"], onto=OTHERS))
    matrix = evidence.figures[0]
    assert matrix.values.shape == (2, 3)
    assert matrix.column_labels == ("model", *OTHERS)
    np.testing.assert_array_equal(matrix.values[:, 0], 1)
    assert evidence.metrics["still_wrong_rate"].n == flips.fooled.sum()
    alone = run(here, Params(adversarial="noise", onto=OTHERS))
    assert "still_wrong_rate" not in alone.metrics


def test_nothing_fooled_means_nothing_to_take(networks, digits, flips):
    none = dataclasses.replace(flips, fooled=np.zeros_like(flips.fooled))
    with pytest.raises(CheckError, match="none of the 100 images of 'flip' fooled"):
        run(context(networks["cnn"], digits, networks, flip=none), Params(adversarial="flip", onto=OTHERS))


def test_random_changes_are_as_large_after_clipping():
    """Mostly black images with a few bright pixels: a clipped step of the same length loses a third of it."""
    rng = np.random.default_rng(0)
    originals = np.where(rng.random((8, 12, 12, 1)) < 0.8, 0.0, rng.random((8, 12, 12, 1))).astype(np.float32)
    direction = rng.standard_normal(originals.shape)
    direction /= np.linalg.norm(direction.reshape(8, -1), axis=1).reshape(-1, 1, 1, 1)
    change = np.linspace(0.2, 2.0, 8)
    images = moved(originals, direction, change, (0.0, 1.0))
    assert images.min() >= 0
    assert images.max() <= 1
    assert np.linalg.norm((images - originals).reshape(8, -1), axis=1) == pytest.approx(change, rel=1e-3)
    plain = np.clip(originals + direction * change.reshape(-1, 1, 1, 1), 0, 1)
    assert (np.linalg.norm((plain - originals).reshape(8, -1), axis=1) < 0.9 * change).all()


def test_what_made_the_images_is_no_other_network(networks, digits, flips):
    here = context(networks["cnn"], digits, {**networks, "model": networks["cnn"]}, flip=flips)
    with pytest.raises(CheckError, match="names only 'model', which made the images"):
        run(here, Params(adversarial="flip", onto=["model"]))
    both = run(here, Params(adversarial="flip", onto=["model", "retrained-1"]))
    assert both.metrics["transfer_rate"].value == both.metrics["transfer_rate.retrained-1"].value
    assert not {"transfer_rate.model", "still_wrong_rate.model"} & both.metrics.keys(), "it would be 1 by construction"
    assert both.tables[0].rows[0] == ("model", "–", "–")


def test_a_network_is_asked_only_about_what_others_made(networks, digits, flips):
    """Of two sources' images, each source's own are left out of its rate."""
    theirs = digit_flip.run(
        context(networks["retrained-1"], digits), digit_flip.Params(samples=60, target=5)
    ).adversarial
    theirs = dataclasses.replace(theirs, model="retrained-1")
    both = context(networks["cnn"], digits, {**networks, "model": networks["cnn"]}, flip=flips, theirs=theirs)
    evidence = run(both, Params(adversarial=["flip", "theirs"], onto=["model", "retrained-1"]))
    for name, made, target in (("model", theirs, 5), ("retrained-1", flips, 3)):
        network = networks["cnn"] if name == "model" else networks[name]
        said = network.predict(made.images[made.fooled]).argmax(axis=1)
        found = evidence.metrics[f"transfer_rate.{name}"]
        assert (found.successes, found.n) == ((said == target).sum(), made.fooled.sum())
        assert evidence.metrics[f"still_wrong_rate.{name}"].successes == (said != made.labels[made.fooled]).sum()
