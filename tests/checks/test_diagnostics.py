"""Tell-tale tests: models that only look robust are caught, honest ones aren't."""

import dataclasses

import numpy as np
import pytest

from auditor.checks import minimal_perturbation, robust_accuracy, security_curve
from auditor.core import Expectation
from auditor.verdict import judge
from tests.support import LinearClassifier, context, linear_weights, samples


def honest() -> LinearClassifier:
    return LinearClassifier(*linear_weights())


@dataclasses.dataclass(frozen=True, eq=False)
class Saturated(LinearClassifier):
    """Decisions as ever, but a gradient that has underflowed to zero."""

    def forward(self, images):
        import tensorflow as tf

        return tf.tanh(super().forward(images) * 1e3) + 1e-6 * tf.stop_gradient(super().forward(images))


@dataclasses.dataclass(frozen=True, eq=False)
class Random(LinearClassifier):
    """Noise on the input, anew at every prediction."""

    def predict(self, images):
        return super().predict(images + np.random.default_rng().normal(0, 0.1, images.shape))


@dataclasses.dataclass(frozen=True, eq=False)
class Sociable(LinearClassifier):
    """A batch normalisation in training mode: logits depend on who else is there."""

    def predict(self, images):
        return super().predict(images - 0.5 * images[:1])


def diagnosed(model, check, **params):
    evidence = check.run(context(model, samples()), check.Params(**params))
    return {diagnostic.name: diagnostic for diagnostic in evidence.diagnostics}, evidence


def test_an_honest_model_under_a_good_attack_raises_no_doubt():
    found, evidence = diagnosed(honest(), robust_accuracy, eps=0.05, attacks=[{"attack": "apgd", "steps": 40}])
    assert evidence.metrics["robust_accuracy"].value == 1
    assert all(diagnostic.ok for diagnostic in found.values()), found
    assert set(found) >= {"steady predictions", "gradients", "one step", "plain noise", "unbounded attack"}


def test_a_vanished_gradient_is_caught():
    found, evidence = diagnosed(
        Saturated(*linear_weights()), robust_accuracy, eps=0.3, attacks=[{"attack": "pgd", "steps": 20}]
    )
    assert evidence.metrics["robust_accuracy"].value > 0.9  # it looks robust
    assert not found["gradients"].ok
    assert not found["unbounded attack"].ok
    verdict = judge(evidence.metrics, [Expectation("robust_accuracy", min=0.5)], 0.95, "exact", evidence.diagnostics)
    assert verdict.status == "inconclusive"
    assert "use attacks without gradients as well" in verdict.message


def test_random_predictions_are_caught():
    found, _ = diagnosed(Random(*linear_weights()), robust_accuracy, eps=0.01, attacks=[{"attack": "apgd", "steps": 5}])
    assert not found["steady predictions"].ok
    assert "the second time" in found["steady predictions"].message
    assert found["steady predictions"].inflates == ()  # nothing measured on it can be believed


def test_predictions_that_depend_on_company_are_caught():
    found, _ = diagnosed(
        Sociable(*linear_weights()), robust_accuracy, eps=0.01, attacks=[{"attack": "apgd", "steps": 5}]
    )
    assert "the rest of the batch" in found["steady predictions"].message


def test_a_single_step_is_no_evidence_of_robustness():
    found, _ = diagnosed(honest(), robust_accuracy, eps=0.05, attacks=[{"attack": "fgsm"}])
    assert "use `apgd`" in found["converged"].message
    assert not found["converged"].ok


def test_too_few_tiny_steps_are_caught():
    attack = {"attack": "pgd", "steps": 8, "step_size": 1e-4, "random_start": False}
    found, _ = diagnosed(honest(), robust_accuracy, eps=0.4, attacks=[attack])
    assert not found["converged"].ok
    assert not found["unbounded attack"].ok
    assert not found["one step"].ok


def test_only_attacks_without_gradients_are_no_evidence_either():
    found, _ = diagnosed(honest(), robust_accuracy, eps=0.05, attacks=[{"attack": "noise_search", "steps": 5}])
    assert "add `apgd`" in found["gradients"].message


def test_distances_that_are_too_large_are_caught():
    far, _ = diagnosed(honest(), minimal_perturbation, attacks=[{"attack": "hopskipjump", "steps": 80}], norm="l2")
    near, _ = diagnosed(honest(), minimal_perturbation, attacks=[{"attack": "fab", "steps": 10}], norm="l2")
    assert not far["closer images"].ok
    assert near["closer images"].ok


def test_a_curve_is_doubted_for_its_strongest_attack_not_its_weakest():
    attacks = [{"attack": "apgd", "steps": 30}, {"attack": "fgsm"}]
    found, _ = diagnosed(honest(), security_curve, eps=[0.01, 0.05], attacks=attacks)
    assert all(diagnostic.ok for diagnostic in found.values()), found


@pytest.mark.slow
def test_on_real_networks_nothing_is_doubted_without_cause(networks, digits):
    for eps in (0.1, 0.3):
        params = robust_accuracy.Params(eps=eps, samples=100, attacks=[{"attack": "apgd", "steps": 40}])
        found = robust_accuracy.run(context(networks["cnn"], digits), params).diagnostics
        assert all(diagnostic.ok for diagnostic in found), found
