"""One value for every original: what is counted several times is no larger sample, in no check."""

import numpy as np
import pytest
from pydantic import ValidationError

from auditor.checks import covert_message, digit_flip, noise_to_target, qualification, transfer
from auditor.measuring.originals import numbered, rate
from auditor.values import AdversarialImages
from tests.support import LinearClassifier, context, linear_weights, samples


def made(rows: list[int], targets: list[int]) -> AdversarialImages:
    """Images that show the template of their target, made of the samples at these rows."""
    here = samples()
    images = here.images[np.array(targets)]  # the first three samples are of classes 0, 1, 2
    each = np.array(rows)
    fooled = np.ones(len(rows), np.bool_)
    return AdversarialImages(
        images, here.images[each], here.labels[each], np.array(targets), fooled, here.indices[each], "model"
    )


def test_images_are_numbered_by_what_they_show():
    images = np.array([3, 1, 3, 2, 1], np.float32).reshape(5, 1, 1, 1)
    assert numbered(images).tolist() == [0, 1, 0, 2, 1]
    assert numbered(images[:0]).tolist() == []


def test_a_rate_is_a_share_only_where_each_original_has_one():
    share = rate(np.array([True, False, True]), np.arange(3))
    assert (share.kind, share.successes, share.n) == ("proportion", 2, 3)
    mixed = rate(np.array([True, False, True, True]), np.array([0, 0, 1, 1]))
    assert (mixed.kind, mixed.value, mixed.n, mixed.bounds) == ("mean", 0.75, 2, (0.0, 1.0))


def test_several_sources_on_the_same_originals_are_no_larger_sample():
    """Rows 0 and 3 are of class a. Both sources took row 0: one towards b and one towards c."""
    model = LinearClassifier(*linear_weights())
    # A network that calls everything b: of what was made, only what aims for b transfers to it.
    other = LinearClassifier(np.zeros_like(linear_weights()[0]), np.array([0.0, 1.0, 0.0], np.float32))
    images = {"one": made([0, 3], [1, 1]), "two": made([0, 6], [2, 2])}
    here = context(model, samples(), {"other": other}, **images)
    alone = transfer.run(here, transfer.Params(adversarial="one", onto=["other"])).metrics
    both = transfer.run(here, transfer.Params(adversarial=["one", "two"], onto=["other"]))
    assert (alone["transfer_rate"].value, alone["transfer_rate"].n) == (1.0, 2)
    for name in ("transfer_rate", "transfer_rate.other"):
        assert both.metrics[name].n == 3
        assert sorted(both.metrics[name].values) == [0.0, 0.5, 1.0]
    assert both.metrics["still_wrong_rate"].n == both.metrics["control_target_rate"].n == 3
    assert both.metrics["images"].value == 4
    assert "They were made of 3 originals, each of which counts once." in both.notes


@pytest.mark.parametrize(
    ("check", "params", "told"),
    [
        (transfer, {"adversarial": ["a", "a", "a"], "onto": ["x"]}, "'a' stands there twice"),
        (transfer, {"adversarial": "a", "onto": ["x", "y", "x"]}, "'x' stands there twice"),
        (digit_flip, {"indices": [7, 3, 7]}, "7 stands there twice"),
        (covert_message, {"strangers": ["x", "x"]}, "'x' stands there twice"),
        (covert_message, {"strangers": ["x"], "decoys": ["y", "y"]}, "'y' stands there twice"),
        (qualification, {"resisting": ["x", "x"]}, "'x' stands there twice"),
    ],
)
def test_what_stands_twice_is_refused_before_anything_runs(check, params, told):
    with pytest.raises(ValidationError, match=told):
        check.Params(**params)


def test_no_metric_has_more_values_than_there_are_images():
    """Steps times images, or targets times images, are no images."""
    model = LinearClassifier(*linear_weights())
    here = context(model, samples())
    flipped = digit_flip.run(here, digit_flip.Params(target=1, samples=9, steps=4, show=2)).metrics
    assert max(metric.n for metric in flipped.values()) == 9
    noisy = noise_to_target.Params(target="all", samples=5, steps=4, clip="both", show=2)
    pushed = noise_to_target.run(here, noisy)
    assert max(metric.n for metric in pushed.metrics.values()) == 5
    by_target = [pushed.metrics[f"success_rate.{name}"] for name in "abc"]
    assert pushed.metrics["success_rate"].value == pytest.approx(np.mean([metric.value for metric in by_target]))
