"""`pointwise`, against what is known exactly of a linear classifier, and of rules about single values."""

import numpy as np
import pytest

from auditor.attacks import pointwise
from auditor.compute import tensorflow
from auditor.search.loop import ThreatModel
from auditor.search.search import Job, search
from tests.attacks.closed_form import images_for, linear, smallest_distances

BOX = (-1.0, 1.0)


def found_in(norm, classifier, images, labels, rows=None, keep="closest", eps=np.inf, steps=600):
    count = len(images)
    numbers = np.arange(count) if rows is None else rows
    job = Job(images, labels, np.full(count, -1), np.full(count, eps), numbers, classifier.predict(images))
    params = pointwise.Params(steps=steps)
    return search("pointwise", params, classifier, ThreatModel(norm, BOX), job, 5, keep)


@pytest.fixture(scope="module")
def two():
    """A classifier of two classes, and images that it is right about."""
    classifier, images = linear(21, 2), np.clip(images_for(21), *BOX)
    return classifier, images, classifier.predict(images).argmax(axis=1)


def fewest_values(classifier, images, labels):
    """The least number of values that have to go to an end of the box: those that gain most, until none is left."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    away = (classifier.kernel[:, 1] - classifier.kernel[:, 0]).astype(np.float64) * np.where(labels, -1, 1)[:, None]
    logits = classifier.predict(images).astype(np.float64)
    margin = np.abs(logits[:, 0] - logits[:, 1])
    gain = np.abs(away) * np.where(away > 0, BOX[1] - flat, flat - BOX[0])
    return (np.cumsum(-np.sort(-gain, axis=1), axis=1) < margin[:, None]).sum(axis=1) + 1


def test_in_l0_nothing_of_it_can_be_taken_back_and_never_is_it_less_than_can_be(two):
    classifier, images, labels = two
    found = found_in("l0", *two)
    assert found.success.all()
    exact = fewest_values(*two)
    assert (found.distances >= exact).all()
    assert (found.distances == exact).mean() > 0.5
    for image, origin, label in zip(found.images, images, labels, strict=True):
        changed = np.argwhere(image != origin)
        each = np.repeat(image[None], len(changed), axis=0)
        each[np.arange(len(changed)), *changed.T] = origin[tuple(changed.T)]
        assert (classifier.predict(each).argmax(axis=1) == label).all()


@pytest.mark.parametrize(("norm", "far"), [("l1", 2.5), ("l2", 3.0)])
def test_distances_are_never_undercut(two, norm, far):
    classifier, images, labels = two
    exact = smallest_distances(classifier, images, labels, norm)
    found = found_in(norm, *two)
    assert found.success.all()
    assert (found.distances > exact * (1 - 1e-3)).all()
    assert np.median(found.distances / exact) < far


def test_within_a_ball_it_stops_where_few_values_are_enough(two):
    exact = fewest_values(*two)
    eps = float(np.median(exact))
    found = found_in("l0", *two, keep="first", eps=eps)
    assert not found.success[exact > eps].any()
    assert found.success[exact <= eps].mean() > 0.7
    assert found.distances[found.success].max() <= eps


def test_an_image_is_the_same_whatever_stands_beside_it(two):
    classifier, images, labels = two
    part = np.array([30, 4, 17])
    for norm in ("l0", "l2"):
        whole, few = (
            found_in(norm, *two, steps=200),
            found_in(norm, classifier, images[part], labels[part], part, steps=200),
        )
        assert (few.images == whole.images[part]).all()


def test_what_is_left_is_what_a_rule_asks_for():
    """Fooled as long as some values of each image are bright: of all that was changed those are left, and no others."""
    tf = tensorflow()
    needed = np.random.default_rng(0).random((9, 6, 5, 2)) < np.linspace(0, 0.4, 9)[:, None, None, None]
    origin = tf.zeros(needed.shape)
    now, questions = pointwise.walk(tf.ones(needed.shape), origin), 0
    while (now.pull.numpy() == 1).any():
        asked = pointwise.without(now, origin)
        hit = (asked.numpy() >= needed).all(axis=(1, 2, 3))
        now, questions = pointwise.answered(now, asked, tf.constant(hit), origin), questions + 1
    assert (now.best.numpy() == needed).all()
    # Halves, quarters and so on, and two rounds of single values.
    assert questions < 4 * 60
