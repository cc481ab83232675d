"""noise_to_target"""

import numpy as np
import pytest

from auditor.checks.noise_to_target import Params, run
from auditor.values import CheckError
from tests.support import context


def test_the_articles_claim(networks, digits):
    """Uniform noise, five unit steps on the probability of a 3, unclipped: certainty."""
    evidence = run(context(networks["cnn"], digits), Params())
    assert evidence.metrics["success_rate"].value >= 0.9
    assert evidence.metrics["start_confidence"].value < 0.5
    assert evidence.metrics["end_confidence"].value > 0.9
    made = evidence.adversarial
    said = networks["cnn"].predict(made.images).argmax(axis=1)
    np.testing.assert_array_equal(said[made.fooled], 3)
    assert (made.labels == -1).all()


def test_every_target_clipped_and_not(networks, digits):
    params = Params(target="all", samples=20, objective="logit", clip="both", show=2)
    evidence = run(context(networks["cnn"], digits), params)
    rates = [evidence.metrics[f"success_rate.{c}"] for c in range(10)]
    assert [r.n for r in rates] == [20] * 10
    overall, success = evidence.metrics["success_rate"], evidence.adversarial.fooled.reshape(10, 20)
    assert (overall.kind, overall.n) == ("mean", 20), "a noise image counts once, however many targets it goes to"
    np.testing.assert_allclose(overall.values, success.mean(axis=0))
    assert overall.value == pytest.approx(sum(r.successes for r in rates) / 200)
    start = evidence.metrics["start_confidence"]
    assert (start.kind, start.value) == ("exact", pytest.approx(0.1)), "the probabilities of all classes add up to 1"
    assert {evidence.metrics[name].n for name in ("vanished", "stalled", "steps_needed", "end_confidence")} == {20}
    assert evidence.metrics["success_rate.clipped"].value < evidence.metrics["success_rate"].value
    clipped = evidence.figures[1].panels[-1].images
    assert clipped.min() >= 0
    assert clipped.max() <= 1


def test_long_runs_past_certainty_count_vanished_gradients(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(samples=20, steps=30))
    assert np.isfinite(evidence.adversarial.images).all()
    assert 0 < evidence.metrics["vanished"].value < 1
    assert evidence.metrics["stalled"].value == 0


def test_noise_belongs_to_the_seed_and_the_sample(networks, digits):
    few = run(context(networks["regression"], digits), Params(samples=3)).adversarial
    many = run(context(networks["regression"], digits), Params(samples=9)).adversarial
    np.testing.assert_array_equal(few.originals, many.originals[:3])
    assert not np.array_equal(many.originals[0], many.originals[1])


def test_a_class_that_does_not_exist(networks, digits):
    with pytest.raises(CheckError, match=r"target 10 is no class .* it knows 0 to 9"):
        run(context(networks["cnn"], digits), Params(target=10))
