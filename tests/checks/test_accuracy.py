"""accuracy"""

from dataclasses import replace

import numpy as np
import pytest

from auditor.checks.accuracy import Params, run
from auditor.judging.verdict import judge
from auditor.values import CheckError, Expectation, lowest, proportion
from tests.support import LinearClassifier, context, samples


def test_counts_agree_with_the_network_itself(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params())
    raw = np.asarray(networks["cnn"].outputs.func.predict(digits.images, verbose=0))
    right = raw.argmax(axis=1) == digits.labels
    assert evidence.metrics["accuracy"].successes == right.sum()
    assert evidence.metrics["errors"].value == (~right).sum()
    assert evidence.metrics["accuracy.3"].successes == right[digits.labels == 3].sum()
    worst = min(evidence.metrics[f"accuracy.{c}"].value for c in range(10))
    assert evidence.metrics["worst_class_accuracy"].value == worst
    assert evidence.metrics["confidence"].value == pytest.approx(raw.max(axis=1).mean(), abs=1e-5)


def test_the_example_networks_keep_their_promise(networks, digits):
    assert run(context(networks["cnn"], digits), Params()).metrics["accuracy"].value >= 0.96
    assert run(context(networks["regression"], digits), Params()).metrics["accuracy"].value >= 0.88


def test_first_looks_at_the_first_only_and_shows_each_mistake(networks, digits):
    evidence = run(context(networks["regression"], digits), Params(first=200, gallery=100))
    matrix, gallery = evidence.figures
    assert matrix.values.sum() == 200
    assert len(gallery.panel.images) == evidence.metrics["errors"].value > 0
    confidences = [float(label.split(", ")[1]) for label in gallery.panel.labels]
    assert confidences == sorted(confidences, reverse=True)
    true, given = gallery.panel.labels[0].split(",")[0].split(" → ")
    assert true != given


def test_asking_for_more_images_than_there_are(networks, digits):
    with pytest.raises(CheckError, match="more images than the 1000"):
        run(context(networks["cnn"], digits), Params(first=1001))


def test_a_class_without_images_leaves_the_worst_class_open_and_is_named():
    """All of the classes 0 and 1 are right, and of class 2 there is no image."""
    data = samples()
    kept = np.flatnonzero(data.labels < 2)
    data = replace(data, images=data.images[kept], labels=data.labels[kept], indices=data.indices[kept])
    weights = np.zeros((36, 3), np.float32)
    evidence = run(context(LinearClassifier(weights, np.array([1.0, 0.0, -1.0], np.float32)), data), Params())
    worst = evidence.metrics["worst_class_accuracy"]
    assert [group.n for group in worst.groups.values()] == [*np.bincount(data.labels).tolist(), 0]
    assert any(
        "there is no image: " in note and "no floor under `worst_class_accuracy`" in note for note in evidence.notes
    )
    verdict = judge({"m": worst}, [Expectation("m", min=0.0001)], 0.95)
    assert verdict.status == "fail", "class 1 is always called 0"
    sure = {name: proportion(group.n, group.n) for name, group in worst.groups.items()}
    assert judge({"m": lowest(sure)}, [Expectation("m", min=0.5)], 0.95).status == "inconclusive"
