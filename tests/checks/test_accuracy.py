"""accuracy"""

import re
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics

from auditor.checks.accuracy import Params, run
from auditor.compute import tensorflow
from auditor.judging.verdict import judge
from auditor.values import CheckError, Expectation, lowest, proportion
from tests.support import LinearClassifier, context, linear_weights, samples


def test_counts_agree_with_the_network_itself(networks, checkpoints, digits):
    evidence = run(context(networks["cnn"], digits), Params())
    network = tensorflow().keras.models.load_model(checkpoints / "mnist_cnn.keras")
    raw = np.asarray(network.predict(digits.images, verbose=0))
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
    told = [re.fullmatch(r"(\d), called (\d) \((> )?([\d.]+)\)", label) for label in gallery.panel.labels]
    assert all(one and one[1] != one[2] for one in told), "what the network answered, which is wrong"
    confidences = [float(one[4]) for one in told]
    assert confidences == sorted(confidences, reverse=True)


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


def test_scores_are_those_of_scikit_learn(networks, digits):
    """Of 150 images of digits, on a regression that errs."""
    data = replace(digits, images=digits.images[:150], labels=digits.labels[:150], indices=digits.indices[:150])
    evidence = run(context(networks["regression"], data), Params(top=3))
    logits, labels = networks["regression"].predict(data.images), data.labels
    predicted = logits.argmax(axis=1)
    told = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    told /= told.sum(axis=1, keepdims=True)
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(labels, predicted, average="macro")
    weighted = sklearn.metrics.precision_recall_fscore_support(labels, predicted, average="weighted")
    expected = {
        "precision, macro": precision,
        "recall, macro": recall,
        "F1, macro": f1,
        "precision, weighted": weighted[0],
        "F1, weighted": weighted[2],
        "balanced accuracy": sklearn.metrics.balanced_accuracy_score(labels, predicted),
        "Cohen's kappa": sklearn.metrics.cohen_kappa_score(labels, predicted),
        "area under the ROC curve, one against the rest, macro": sklearn.metrics.roc_auc_score(
            labels, told, multi_class="ovr"
        ),
    }
    table = {row[0]: row[1] for row in evidence.tables[0].rows}
    assert table == {name: pytest.approx(value, abs=6e-5) for name, value in expected.items()}
    assert evidence.metrics["top_accuracy"].value == sklearn.metrics.top_k_accuracy_score(labels, logits, k=3)
    by_class = sklearn.metrics.precision_score(labels, predicted, average=None)
    assert [evidence.metrics[f"precision.{c}"].value for c in range(10)] == pytest.approx(by_class.tolist())
    assert evidence.metrics["majority"].value == np.bincount(labels).max() / 150


def test_of_three_classes_all_are_among_the_first_five():
    evidence = run(context(LinearClassifier(*linear_weights()), samples()), Params())
    assert "top_accuracy" not in evidence.metrics
    assert any("all 3 classes are among the 5 highest" in note for note in evidence.notes)
