"""Models that answer otherwise from one time, batch or batch size to the next: whatever the check, no pass of theirs
stands.
"""

import dataclasses
from dataclasses import field
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.judging.verdict import judge
from auditor.measuring.steady import cost_steady, steady
from auditor.run.measuring import measured
from auditor.statistics.intervals import bounded
from auditor.values import Expectation
from tests.checks.test_costs import Counting
from tests.support import (
    CLASSES,
    SIZE,
    LinearClassifier,
    context,
    exported,
    last_run,
    linear_model,
    linear_weights,
    samples,
    save_data,
    write,
)

SHAPE = (SIZE, SIZE, 1)


@dataclasses.dataclass(frozen=True, eq=False)
class AtOneSize(LinearClassifier):
    """Right in batches of one size: in any other, each image gets the next class. `predict` asks in that size."""

    size: int = 60
    asked: str = "forward"

    def forward(self, images: Any) -> Any:
        tf = tensorflow()
        logits = super().forward(images)
        wrong = self.asked == "forward" and tf.shape(images)[0] != self.size
        return tf.where(wrong, tf.roll(logits, 1, axis=1), logits)

    def predict(self, images: np.ndarray) -> np.ndarray:
        return super().forward(images.astype(np.float32)).numpy()

    def answers(self, images: np.ndarray, batch: int | None = None) -> np.ndarray:
        logits = self.predict(images)
        return np.roll(logits, 1, axis=1) if self.asked == "answers" and batch not in (None, self.size) else logits


@pytest.mark.parametrize("asked", ["forward", "answers"])
@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_a_model_that_is_right_at_one_batch_size_says_where_it_is_not(size, asked):
    found = steady(AtOneSize(*linear_weights(), size=size, asked=asked), samples().images)
    assert not found.ok
    assert f"in one of {2 if size == 1 else 1} an image gets other" in found.message
    assert found.inflates == found.deflates == ()  # every pass is void


@dataclasses.dataclass(frozen=True, eq=False)
class Dead(LinearClassifier):
    """Of everything it says that no class is there, as dead sigmoids do; a batch of one is rounded otherwise."""

    def forward(self, images: Any) -> Any:
        tf = tensorflow()
        least = np.float32(np.log(1.2e-38))
        other = np.nextafter(least, np.float32(0))
        return tf.fill((tf.shape(images)[0], CLASSES), tf.where(tf.shape(images)[0] == 1, other, least))


def test_rounding_is_no_unsteadiness_where_all_answers_are_equal():
    found = steady(Dead(*linear_weights()), samples().images)
    assert found.ok, found.message


def test_an_honest_model_is_steady_and_costs_a_few_hundred_images():
    counting = Counting(*linear_weights())
    found = steady(counting, samples().images)
    assert found.ok, found.message
    said = cost_steady(60)
    assert counting.seen["forward"] + counting.seen["predict"] <= said.predictions < 300


PARAMS: dict[str, dict[str, Any]] = {
    "accuracy": {},
    "calibration": {},
    "corruptions": {"kinds": ["noise"], "severities": [1]},
    "spatial": {"samples": 10, "shifts": 3, "random": 2},
    "data_quality": {},
    "stability": {"samples": 10, "other": "restless"},
    "out_of_distribution": {"samples": 10, "kinds": ["noise"]},
    "covert_message": {"message": "Hi", "strangers": ["stranger"], "decoys": ["decoy"], "steps": 2},
    "digit_flip": {"target": 0, "steps": 2},
    "minimal_perturbation": {"attacks": [{"attack": "fmn", "steps": 3}], "samples": 10},
    "noise_to_target": {"target": 0, "samples": 5, "steps": 2},
    "robust_accuracy": {"eps": 0.1, "attacks": [{"attack": "fgsm"}], "samples": 10},
    "security_curve": {"eps": [0.1, 0.2], "attacks": [{"attack": "fgsm"}], "samples": 10},
    "transfer": {"adversarial": "made", "onto": ["restless"]},
    "weight_maps": {},
}
ELSEWHERE = {"filters", "model_scan", "qualification"}  # tried below; loads no model; audits decoys that aren't steady


def test_every_check_is_tried():
    assert set(PARAMS) | ELSEWHERE == set(catalog.names("checks"))


@dataclasses.dataclass(frozen=True, eq=False)
class Restless(LinearClassifier):
    """Its answers drift a little from call to call."""

    calls: list[int] = field(default_factory=list)

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(1)
        return super().predict(images) + 1e-3 * len(self.calls) * np.arange(CLASSES, dtype=np.float32)


@pytest.mark.parametrize("check", PARAMS)
def test_no_pass_of_a_model_that_is_not_steady_stands(check):
    honest = LinearClassifier(*linear_weights())
    long = _params("digit_flip", {"target": 0, "steps": 9, "step_size": 0.3, "objective": "logit"})
    made = measured("digit_flip", context(honest, samples()), long)
    others = {"stranger": honest, "decoy": honest, "restless": Restless(*linear_weights())}
    here = context(Restless(*linear_weights()), samples(), others, made=made.adversarial)
    evidence = measured(check, here, _params(check, PARAMS[check]))
    # A mean without bounds takes no gate, steady or not.
    gated = [name for name, metric in evidence.metrics.items() if metric.kind != "mean" or bounded(metric)]
    always = [Expectation(name, min=-1e9) for name in gated]
    assert judge(evidence.metrics, always, 0.95).status in ("pass", "descriptive")  # where such a gate claims nothing
    verdict = judge(evidence.metrics, always, 0.95, evidence.diagnostics)
    assert verdict.status == "inconclusive"
    assert "steady predictions" in verdict.message


def _params(check: str, given: dict[str, Any]) -> Any:
    return catalog.params_of("checks", check)(**given)


SPEC = """\
audit: tiny
models:
  exported: {format: saved_model, path: exported, output: probabilities, trusted: true}
  training: {format: keras, path: training.keras, output: probabilities, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
  - {id: sized, check: accuracy, model: exported, expect: {accuracy: {min: 0.9}}}
  - {id: normalised, check: filters, model: training, params: {steps: 2}, expect: {filters: {min: 1}}}
"""


def test_real_checkpoints_that_are_right_only_in_a_full_batch(pytester):
    """One exported for batches of 200, as `predict` asks, and one with a batch normalisation left in training mode."""
    import keras

    tf, network = tensorflow(), linear_model()

    def call(images: Any) -> dict[str, Any]:
        given = network(images)
        return {"y": tf.where(tf.shape(images)[0] == 200, given, tf.roll(given, 1, axis=1))}

    exported(pytester.path / "exported", call, network)
    given = keras.Input(SHAPE)
    convolved = keras.layers.Conv2D(2, 3)(given)
    normal = convolved - keras.ops.mean(convolved, axis=0, keepdims=True)
    last = keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(normal))
    keras.Model(given, last).save(pytester.path / "training.keras")
    save_data(pytester.path)
    write(pytester, SPEC, "tiny")
    pytester.runpytest_inprocess()
    records = last_run(pytester).records
    assert records["sized"].evidence.metrics["accuracy"].value == 1  # the false pass of old
    for case in ("sized", "normalised"):
        verdict = records[case].verdict
        assert verdict.status == "inconclusive", verdict
        assert "in one of 1 an image gets other " in verdict.message
