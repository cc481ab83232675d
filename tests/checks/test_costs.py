"""What checks say they take at most, beside what they do take of a classifier that counts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.run.measuring import confirmed, cost_of
from auditor.values import Layer, Passes
from tests.support import LinearClassifier, context, linear_weights, samples

IMAGES = 60


@dataclass(frozen=True, eq=False)
class Counting(LinearClassifier):
    """A linear classifier that counts the images passed through it: forwards, backwards, and by `predict`."""

    seen: dict[str, int] = field(default_factory=lambda: {"forward": 0, "backward": 0, "predict": 0})

    def forward(self, images: Any) -> Any:
        tf = tensorflow()

        def count(what: str, rows: Any) -> Any:
            def add(number: Any) -> Any:
                self.seen[what] += int(number)
                return np.int32(number)

            return tf.numpy_function(add, [rows], tf.int32)

        @tf.custom_gradient
        def counted(x: Any) -> Any:
            with tf.control_dependencies([count("forward", tf.shape(x)[0])]):
                same = tf.identity(x)

            def gradient(upstream: Any) -> Any:
                with tf.control_dependencies([count("backward", tf.shape(x)[0])]):
                    return tf.identity(upstream)

            return same, gradient

        return super().forward(counted(images))

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.seen["predict"] += len(images)
        return super().forward(images.astype(np.float32)).numpy()

    def layers(self) -> tuple[Layer, ...]:
        """What it has before its end is all of it, so that what goes by layers is counted too."""
        return (Layer("dense", "Dense", False, None, self.forward),)


BALL = [{"attack": "pgd", "steps": 10, "restarts": 2}, {"attack": "square", "steps": 20}]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("accuracy", {}),
    ("accuracy", {"first": 20}),
    ("weight_maps", {}),
    ("spatial", {"samples": 40, "angles": 3, "shifts": 3, "random": 2}),
    ("data_quality", {}),
    ("stability", {"samples": 20}),
    ("out_of_distribution", {"kinds": ["noise"], "samples": 40}),
    ("corruptions", {"kinds": ["noise"], "severities": [3], "baseline": "stranger"}),
    ("corruptions", {"kinds": ["noise", "weather"], "severities": [1, 5], "samples": 40}),
    ("robust_accuracy", {"eps": 0.001, "attacks": BALL}),
    ("robust_accuracy", {"eps": 0.2, "samples": 40, "attacks": [{"attack": "autoattack", "steps": 5, "queries": 10}]}),
    ("robust_accuracy", {"eps": 0.05, "full_length": True, "target": 1, "attacks": [{"attack": "apgd", "rivals": 2}]}),
    ("minimal_perturbation", {"samples": 30, "attacks": [{"attack": "fab", "steps": 5}, {"attack": "deepfool"}]}),
    ("minimal_perturbation", {"norm": "linf", "attacks": [{"attack": "fab", "rivals": 2, "steps": 5}]}),
    ("security_curve", {"eps": [0.0, 0.001, 0.3], "attacks": BALL[:1]}),
    ("digit_flip", {"target": 0, "samples": 7, "steps": 3}),
    ("digit_flip", {"target": 0, "indices": [101, 104]}),
    ("noise_to_target", {"target": "all", "samples": 40, "steps": 3, "clip": "both"}),
    ("covert_message", {"message": "Hi", "strangers": ["stranger"], "decoys": ["decoy"], "steps": 3}),
]


@pytest.mark.parametrize(("check", "params"), CASES)
def test_no_check_takes_more_than_it_says(check: str, params: dict[str, Any]) -> None:
    counting = Counting(*linear_weights())
    # Other names of the same model, so that what is asked of all of them is counted.
    here = context(counting, samples(IMAGES), {"stranger": counting, "decoy": counting})
    module = catalog.load("checks", check)
    wanted = module.Params(**params)
    confirmed(check, here, wanted, lambda: False)
    models = 3 if check == "covert_message" else 2 if "baseline" in params else 1
    said, seen = cost_of(check, wanted, IMAGES, counting.class_count, models), counting.seen
    assert isinstance(said, Passes)
    assert seen["backward"] + seen["predict"] > 0
    assert seen["backward"] <= said.gradients
    # A gradient pass holds a forward one; of a Jacobian, one for all classes.
    assert seen["forward"] - seen["backward"] + seen["predict"] <= said.predictions
    if "0.001" in str(params.get("eps")):
        # Hardly an image falls there, so hardly any leaves early; but rivals, which are reckoned with all of what they
        # might take, go along a layer with a quarter of what held.
        assert seen["backward"] > 0.25 * said.gradients


def test_what_depends_on_other_cases_or_on_layers_is_not_guessed() -> None:
    for check, params in (("transfer", {"adversarial": "flip", "onto": ["model"]}), ("filters", {})):
        assert catalog.cost_of(check, catalog.params_of("checks", check)(**params), IMAGES, 3) is None
