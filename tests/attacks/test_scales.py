"""Attacks work on logits of any scale, beside classes that are never near: distances and successes are those of a plain
linear classifier, told from its weights alone.
"""

import numpy as np
import pytest

from auditor import catalog
from auditor.search.loop import ThreatModel
from auditor.search.search import Job, search
from tests.support import LinearClassifier, data, linear_weights

COUNT = 30
BALL = ("apgd", "square")
CLOSEST = ("ddn", "fab")


def plain():
    return linear_weights()


def beside_a_dummy():
    """A class at -1e7: a hit was one that led by 100."""
    kernel, bias = linear_weights()
    return np.c_[kernel, 0 * kernel[:, :1]], np.append(bias, -1e7).astype(np.float32)


def beside_a_ladder():
    """Classes each three times as far down as the one before, so that no gap tells where the dummies begin."""
    kernel, bias = linear_weights()
    steps = -20.0 * 3.0 ** np.arange(14)
    return np.c_[kernel, np.repeat(0 * kernel[:, :1], len(steps), axis=1)], np.append(bias, steps).astype(np.float32)


def huge():
    """Logits of 1e10: more than what once kept a class out of a maximum."""
    kernel, bias = linear_weights()
    return kernel * np.float32(1e10), bias


def small():
    """Logits of 1e-20: less than what once counted as nothing."""
    kernel, bias = linear_weights()
    return kernel * np.float32(1e-20), bias


def truth(norm):
    """Of each image the distance to the nearest boundary, in float64, with no box in the way."""
    kernel, bias = linear_weights()
    images, labels = data(COUNT)
    wide = kernel.astype(np.float64)
    logits = images.reshape(COUNT, -1).astype(np.float64) @ wide + bias
    between = wide[:, labels][:, :, None] - wide[:, None, :]
    sizes = np.abs(between).sum(axis=0) if norm == "linf" else np.sqrt((between**2).sum(axis=0))
    gaps = logits[np.arange(COUNT), labels][:, None] - logits
    gaps[np.arange(COUNT), labels], sizes[np.arange(COUNT), labels] = np.inf, 1
    return (gaps / sizes).min(axis=1)


def attacked(weights, attack, norm, eps, keep):
    model = LinearClassifier(*weights)
    images, labels = data(COUNT)
    radii, rows = np.full(COUNT, eps), np.arange(COUNT)
    job = Job(images, labels, np.full(COUNT, -1), radii, rows, model.predict(images))
    params = catalog.params_of("attacks", attack)()
    return search(attack, params, model, ThreatModel(norm, (-10.0, 10.0)), job, seed=3, keep=keep)


SCALES = [plain, beside_a_dummy, beside_a_ladder, huge, small]


@pytest.mark.parametrize("weights", SCALES, ids=lambda weights: weights.__name__)
def test_within_a_ball_falls_what_can_fall(weights):
    distances = truth("linf")
    eps = float(np.median(distances))
    clear = np.abs(distances - eps) > 0.02 * eps
    for attack in BALL:
        found = attacked(weights(), attack, "linf", eps, "first")
        wrong = (found.success != (distances < eps)) & clear
        # A search without gradients may overlook some.
        assert wrong.sum() <= (2 if attack == "square" else 0), attack
        assert not found.disputed.any()


@pytest.mark.parametrize("weights", SCALES, ids=lambda weights: weights.__name__)
def test_the_closest_images_are_as_close_as_the_boundary(weights):
    distances = truth("l2")
    for attack in CLOSEST:
        found = attacked(weights(), attack, "l2", np.inf, "closest")
        assert found.success.all(), attack
        # What lies between classes and dummies without a gap makes a softmax softer, and DDN's way a little longer.
        longest = 1.2 if (weights, attack) == (beside_a_ladder, "ddn") else 1.05
        assert np.median(found.distances / distances) < longest, attack
        assert (found.distances > distances * (1 - 1e-4)).all(), attack
        assert not found.disputed.any()
