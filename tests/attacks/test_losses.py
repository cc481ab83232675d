"""Cross-entropy raises the margin of a network however sure it is: beside float64, and a closed form."""

import numpy as np
import pytest

from auditor.attacks import pgd
from auditor.compute.backend import tensorflow
from auditor.search import losses
from auditor.search.loop import ThreatModel
from auditor.search.search import Job, search
from tests.support import LinearClassifier

SPREADS = np.array([1, 5, 10, 17, 20, 25, 30, 60])


@pytest.mark.parametrize("targeted", [False, True])
def test_the_gradient_of_cross_entropy_is_right_for_both_classes_of_a_certain_image(targeted):
    tf, random = tensorflow(), np.random.default_rng(0)
    logits = random.uniform(0, 1, (len(SPREADS), 5))
    labels, targets = logits.argmax(axis=1), logits.argmin(axis=1)
    logits = ((logits - logits.min(1, keepdims=True)) / np.ptp(logits, axis=1)[:, None] * SPREADS[:, None]).astype("f4")
    goal = targets if targeted else labels
    with tf.GradientTape() as tape:
        x = tf.constant(logits)
        tape.watch(x)
        objective, _ = losses.loss("ce", x, labels, targets, tf.ones(len(SPREADS)), targeted)
    found = tape.gradient(objective, x).numpy()
    rivals = np.exp(np.float64(logits) - np.float64(logits).max(axis=1, keepdims=True))
    rivals /= rivals.sum(axis=1, keepdims=True)
    here = np.arange(len(SPREADS)), goal
    rivals[here] = 0
    rivals[here] = -rivals.sum(axis=1)
    expected = -rivals if targeted else rivals
    apart = np.abs(found - expected).max(axis=1) / np.abs(expected).max(axis=1)
    assert apart.max() < 1e-5


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_pgd_breaks_what_can_be_broken_of_two_classes_told_apart_with_certainty(scale):
    random, count = np.random.default_rng(0), 60
    images = random.random((count, 6, 6, 1)).astype(np.float32)
    model = LinearClassifier(scale * random.normal(0, 1, (36, 2)).astype(np.float32), np.zeros(2, np.float32))
    logits = model.predict(images)
    difference = model.kernel[:, 0] - model.kernel[:, 1]
    distances = np.abs(images.reshape(count, -1) @ difference) / np.abs(difference).sum()
    eps = float(np.median(distances))
    radii, rows = np.full(count, eps), np.arange(count)
    job = Job(images, logits.argmax(axis=1), np.full(count, -1), radii, rows, logits)
    found = search("pgd", pgd.Params(steps=20), model, ThreatModel("linf", (-100.0, 100.0)), job, seed=3)
    clear = np.abs(distances - eps) > 0.02 * eps
    assert (found.success == (distances < eps))[clear].all()
