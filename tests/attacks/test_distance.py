"""Attacks that seek the closest adversarial image, against the distances that linear classifiers have exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import catalog
from auditor.attacks import carlini_wagner, ddn, deepfool, fab, fmn, hopskipjump
from auditor.models import keras as format_keras
from auditor.search.loop import ThreatModel
from auditor.search.norms import distance
from auditor.search.search import AttackResult, Job, search
from tests.attacks.closed_form import FAR, images_for, linear, smallest_distances
from tests.support import samples

SEEKERS = [catalog.load("attacks", n) for n in catalog.names("attacks")]
SEEKERS = [module for module in SEEKERS if module.SEEKS in ("distance", "boundary")]
FEW = settings(max_examples=3, deadline=None)


def closest(module, classifier, images, labels, norm, box=FAR, targets=None, rows=None, **params) -> AttackResult:
    count = len(images)
    wanted = np.full(count, -1) if targets is None else targets
    numbers = np.arange(count) if rows is None else rows
    job = Job(images, labels, wanted, np.full(count, np.inf), numbers, classifier.predict(images))
    threat = ThreatModel(norm, box, targets is not None)
    return search(module.__name__.rpartition(".")[2], module.Params(**params), classifier, threat, job, 5, "closest")


CLOSE = [
    *((deepfool, norm, {}, 0.01) for norm in deepfool.NORMS),
    *((fab, norm, {"steps": 20}, 0.01) for norm in fab.NORMS),
    *((fmn, norm, {"steps": 100}, 0.05) for norm in ("linf", "l2")),
    (fmn, "l1", {"steps": 300}, 0.1),
    (ddn, "l2", {}, 0.02),
    # Its weight is told in widths of the box squared: in one sixteen wide, 1/256 is what 1 is in one of width 1.
    (carlini_wagner, "l2", {"steps": 900, "first_weight": 1 / 256}, 0.1),
]


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(("module", "norm", "params", "slack"), CLOSE, ids=lambda v: getattr(v, "__name__", None))
@FEW
@given(seed=st.integers(0, 10_000))
def test_distances_are_met_and_never_undercut(module, norm, params, slack, classes, seed):
    classifier, images = linear(seed, classes), images_for(seed)
    labels = classifier.predict(images).argmax(axis=1)
    exact = smallest_distances(classifier, images, labels, norm)
    # Carlini and Wagner's tanh spans the box: within a box as wide as the others', its steps would be huge.
    box = (-8.0, 8.0) if module is carlini_wagner else FAR
    found = closest(module, classifier, images, labels, norm, box, **params)
    # What lies closer to the boundary than rounding does can't be told apart.
    clear = exact > 1e-3
    assert found.success[clear].all()
    ratio = found.distances[clear] / exact[clear]
    assert ratio.min() > 1 - 1e-3
    assert np.median(ratio) < 1 + slack


@FEW
@given(seed=st.integers(0, 10_000))
def test_the_fewest_pixels_are_those_that_pull_most(seed):
    """With two classes, L0 within a box is greedy: each pixel to the edge that helps, greatest gain first."""
    classifier = linear(seed, 2)
    images = np.clip(0.5 + images_for(seed), 0, 1).astype(np.float32)
    logits = classifier.predict(images)
    labels = logits.argmax(axis=1)
    towards = (classifier.kernel[:, 1 - labels] - classifier.kernel[:, labels]).T
    flat = images.reshape(len(images), -1)
    gains = -np.sort(-np.maximum(towards * (1 - flat), -towards * flat), axis=1)
    gap = np.abs(logits[:, 0] - logits[:, 1])
    least = 1 + (gains.cumsum(axis=1) < gap[:, None]).sum(axis=1)
    found = closest(fmn, classifier, images, labels, "l0", (0.0, 1.0), steps=100)
    assert found.success.all()
    assert (found.distances >= least).all()
    assert (found.distances - least).mean() < 1


@FEW
@given(seed=st.integers(0, 10_000))
def test_decisions_alone_come_near(seed):
    classifier, images = linear(seed, 3), images_for(seed, 10)
    labels = classifier.predict(images).argmax(axis=1)
    for norm in hopskipjump.NORMS:
        exact = smallest_distances(classifier, images, labels, norm)
        found = closest(hopskipjump, classifier, images, labels, norm, (-3.0, 3.0), steps=600)
        assert found.success.all()
        assert (found.distances > exact * (1 - 1e-3)).all()
        assert np.median(found.distances / exact) < 1.5


@pytest.mark.parametrize("module", SEEKERS, ids=lambda m: m.__name__.rpartition(".")[2])
def test_what_is_found_stays_in_the_box_and_predicts_again(tiny, module):
    path = str(tiny / "conv.keras")
    classifier = format_keras.load(format_keras.Params(path=path, output="probabilities"))
    images = samples(12).images
    labels = classifier.predict(images).argmax(axis=1)
    steps = {"steps": 200} if module in (hopskipjump, carlini_wagner) else {"steps": 30}
    for norm in module.NORMS:
        found = closest(module, classifier, images, labels, norm, (0.0, 1.0), **steps)
        assert found.images.min() >= 0
        assert found.images.max() <= 1
        np.testing.assert_allclose(found.distances, distance(found.images, images, norm))
        fresh = format_keras.load(format_keras.Params(path=path, output="probabilities"))
        wrong = fresh.predict(found.images).argmax(axis=1) != labels
        np.testing.assert_array_equal(wrong, found.success)
        assert found.success.mean() > 0.4, norm
        # Bisection leaves nothing to gain on the way home, to its own precision.
        if norm != "l0":
            shorter = images + 0.99 * (found.images - images)
            still = fresh.predict(shorter).argmax(axis=1) != labels
            assert still[found.success].mean() < 0.2, norm


@pytest.mark.parametrize("module", [m for m in SEEKERS if m is not hopskipjump], ids=lambda m: m.__name__[17:])
def test_towards_a_target_only_the_target_counts(module):
    classifier, images = linear(4, 4), images_for(4)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 2) % 4
    steps = {"steps": 900} if module is carlini_wagner else {}
    found = closest(module, classifier, images, labels, "l2", (-8.0, 8.0), targets, **steps)
    np.testing.assert_array_equal(classifier.predict(found.images).argmax(axis=1) == targets, found.success)
    assert found.success.mean() > 0.9


def test_aiming_at_every_class_finds_what_looking_at_all_of_them_does():
    classifier, images = linear(6, 5), images_for(6)
    labels = classifier.predict(images).argmax(axis=1)
    together = closest(fab, classifier, images, labels, "l2", steps=15)
    in_turn = closest(fab, classifier, images, labels, "l2", steps=15, rivals=9)
    np.testing.assert_allclose(in_turn.distances, together.distances, rtol=0.01)


def test_the_same_images_are_found_whatever_stands_beside_them():
    classifier, images = linear(2, 3), images_for(2)
    labels = classifier.predict(images).argmax(axis=1)
    part = np.array([30, 4, 17])
    for module, norm in ((fmn, "l1"), (hopskipjump, "l2")):
        whole = closest(module, classifier, images, labels, norm, (-3.0, 3.0), steps=200)
        few = closest(module, classifier, images[part], labels[part], norm, (-3.0, 3.0), rows=part, steps=200)
        np.testing.assert_array_equal(few.success, whole.success[part])
        np.testing.assert_allclose(few.distances, whole.distances[part], rtol=1e-3)


def test_what_is_wrong_already_is_at_distance_zero():
    classifier, images = linear(3, 3), images_for(3)
    labels = (classifier.predict(images).argmax(axis=1) + 1) % 3
    for module in SEEKERS:
        found = closest(module, classifier, images, labels, "l2", (-3.0, 3.0), steps=60)
        assert found.success.all()
        np.testing.assert_array_equal(found.distances, 0)
