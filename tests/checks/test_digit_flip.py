"""digit_flip"""

import numpy as np
import pytest

from auditor.checks.digit_flip import Params, run
from auditor.values import CheckError
from tests.support import context


def test_flips_predict_again_and_norms_are_those_of_the_change(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(samples=60))
    made = evidence.adversarial
    said = networks["cnn"].predict(made.images).argmax(axis=1)
    np.testing.assert_array_equal(said == 3, made.fooled)
    assert evidence.metrics["flip_rate"].successes == made.fooled.sum() > 10
    change = (made.images - made.originals).reshape(60, -1)
    assert evidence.metrics["l2"].value == pytest.approx(np.linalg.norm(change, axis=1).mean(), rel=1e-5)
    assert evidence.metrics["linf"].value == pytest.approx(np.abs(change).max(axis=1).mean(), rel=1e-5)
    assert made.images.min() >= 0
    assert made.images.max() <= 1
    assert (made.labels != 3).all()


def test_the_articles_own_seven(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(indices=[3500], clip=False, steps=7))
    assert evidence.metrics["flipped"].value == 1
    assert evidence.adversarial.labels.tolist() == [7]
    assert evidence.arrays["probabilities"].shape == (8, 1, 10)
    rising = evidence.arrays["probabilities"][:, 0, 3]
    assert rising[0] < 0.01
    assert rising[-1] > 0.9
    assert [panel.title for panel in evidence.figures[0].panels][0::8] == ["real image", "change, amplified"]


def test_larger_steps_on_the_logit_flip_nearly_all(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(step_size=0.05, objective="logit", samples=100))
    assert evidence.metrics["flip_rate"].value > 0.9


def test_images_that_cannot_be_flipped(networks, digits):
    with pytest.raises(CheckError, match="row 4999 is not in mnist_5k/validation"):
        run(context(networks["cnn"], digits), Params(indices=[4999]))
    with pytest.raises(CheckError, match="no image to push"):
        run(context(networks["cnn"], digits), Params(indices=[1502], target=3))
    both = run(context(networks["cnn"], digits), Params(indices=[1502, 3500], target=3))
    assert both.metrics["flip_rate"].n == 1
    assert "rows 1502" in both.notes[0]
