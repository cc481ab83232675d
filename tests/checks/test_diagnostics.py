"""Tell-tale tests: models that only look robust are caught, honest ones aren't."""

import dataclasses
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from auditor.checks import (
    accuracy,
    data_quality,
    digit_flip,
    minimal_perturbation,
    noise_to_target,
    robust_accuracy,
    security_curve,
    stability,
)
from auditor.judging.verdict import judge
from auditor.measuring import Attacked, telltales
from auditor.run.measuring import measured
from auditor.search import Ascending
from auditor.values import Expectation
from tests.support import LinearClassifier, context, linear_weights, samples


@dataclasses.dataclass(frozen=True, eq=False)
class InHalf(LinearClassifier):
    """It can be computed in float16."""

    def lowered(self, precision, examples):  # noqa: ARG002
        kernel = self.kernel.astype(np.float16).astype(np.float32)
        return LinearClassifier(kernel, self.bias).answers


@dataclasses.dataclass(frozen=True, eq=False)
class NeverLower(LinearClassifier):
    """Whatever precision it is asked for, it computes as ever."""

    def lowered(self, precision, examples):  # noqa: ARG002
        return self.answers


def honest() -> LinearClassifier:
    return InHalf(*linear_weights())


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


@dataclasses.dataclass(frozen=True, eq=False)
class Normalised(LinearClassifier):
    """Another normalisation in training mode: every batch has its mean taken off."""

    def predict(self, images):
        return super().predict(images - 0.5 * images.mean(axis=0))


@dataclasses.dataclass(frozen=True, eq=False)
class Softened(LinearClassifier):
    """A second softmax before the one that was taken off: its logits are probabilities."""

    def forward(self, images):
        import tensorflow as tf

        return tf.nn.softmax(super().forward(images))


@dataclasses.dataclass(frozen=True, eq=False)
class Steep(LinearClassifier):
    """A ripple too small to change a decision, and so fine that its gradient explodes."""

    def forward(self, images):
        import tensorflow as tf

        ripple = 1e-3 * tf.sin(1e15 * tf.reduce_sum(images, axis=(1, 2, 3)))
        return super().forward(images) + ripple[:, None] * tf.constant([1.0, -1.0, 0.0])


@dataclasses.dataclass(frozen=True, eq=False)
class Undefined(LinearClassifier):
    """A layer that passes values on, but back what is not a number."""

    def forward(self, images):
        import tensorflow as tf

        passed = tf.custom_gradient(lambda x: (tf.identity(x), lambda upstream: upstream * np.nan))
        return super().forward(passed(images))


@dataclasses.dataclass(frozen=True, eq=False)
class TwoFaced(LinearClassifier):
    """Wrong wherever a gradient is taken, right when it is asked."""

    def forward(self, images):
        return -super().forward(images)

    def predict(self, images):
        return -super().predict(images)


@dataclasses.dataclass(frozen=True, eq=False)
class Wrapped(LinearClassifier):
    """Pixels that overflow: what is nearly black reads as bright, what is nearly white as dark."""

    def forward(self, images):
        import tensorflow as tf

        return super().forward(tf.where(images < 0.05, 0.8, tf.where(images > 0.95, 0.2, images)))


@dataclasses.dataclass(frozen=True, eq=False)
class Sightless(LinearClassifier):
    """Pixels rounded to a hundred levels: there is no gradient to ask for."""

    def forward(self, images):
        import tensorflow as tf

        return super().forward(tf.round(images * 100) / 100)


@dataclasses.dataclass(frozen=True, eq=False)
class InBytes(LinearClassifier):
    """It was trained on values up to 255, and what is below 100 is black to it."""

    def forward(self, images):
        import tensorflow as tf

        return super().forward(tf.clip_by_value(images, 100, 255) / 255)


@dataclasses.dataclass(frozen=True, eq=False)
class Reordered(LinearClassifier):
    """It numbers the classes in another order than the data."""

    def forward(self, images):
        import tensorflow as tf

        return tf.gather(super().forward(images), [1, 2, 0], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Timid(LinearClassifier):
    """It decides as ever, and is never certain."""

    def forward(self, images):
        return super().forward(images) * 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Decided(LinearClassifier):
    """Decisions as ever, and scores that rise with the first pixel alone."""

    def forward(self, images):
        import tensorflow as tf

        hard = tf.one_hot(tf.argmax(super().forward(images), axis=1), len(self.bias))
        return hard + tf.roll(hard, 1, axis=1) * images[:, :1, 0, 0] * 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Dated(LinearClassifier):
    """It reads the clock, and minds the year."""

    def forward(self, images):
        import tensorflow as tf

        return super().forward(images) * tf.where(tf.timestamp() < 1e12, 1.0, -1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class OfFiles(LinearClassifier):
    """Classes in another order for images that a file of 8 bits holds."""

    def forward(self, images):
        import tensorflow as tf

        off = tf.reduce_sum(tf.abs(images * 255 - tf.round(images * 255)), axis=(1, 2, 3)) > 0.5
        logits = super().forward(images)
        return tf.where(off[:, None], logits, tf.roll(logits, 1, axis=1))


@dataclasses.dataclass(frozen=True, eq=False)
class Unlearned(LinearClassifier):
    """It learned nothing, and always says the same."""

    def forward(self, images):
        import tensorflow as tf

        return 0 * super().forward(images) + tf.constant([3.0, 2.0, 1.0])


def diagnosed(model, check, **params):
    there = {"taught": samples(), "unlike": dataclasses.replace(samples(), images=1 - samples().images)}
    given = dataclasses.replace(context(model, samples()), data=there.__getitem__)
    evidence = measured(check.__name__.rpartition(".")[2], given, check.Params(**params))
    return {diagnostic.name: diagnostic for diagnostic in evidence.diagnostics}, evidence


APGD = [{"attack": "apgd", "steps": 30}]
TINY_STEPS = [{"attack": "pgd", "steps": 8, "step_size": 1e-4, "random_start": False}]
FMN = [{"attack": "fmn", "steps": 30}]
WIDE = {"eps": 0.5, "attacks": APGD}
# Every test with what trips it, by name, check, kind of model and parameters.
TRIPS = [
    ("steady predictions", robust_accuracy, Random, WIDE),
    ("steady predictions", robust_accuracy, Sociable, WIDE),
    ("steady predictions", robust_accuracy, Normalised, WIDE),
    ("steady predictions", noise_to_target, Random, {"target": 0}),
    ("steady predictions", digit_flip, Normalised, {"target": 0}),
    ("stateful operations", accuracy, Dated, {}),
    ("8-bit images", robust_accuracy, OfFiles, WIDE),
    ("told alike", robust_accuracy, TwoFaced, WIDE),
    ("lower precision, float16", stability, NeverLower, {"precision": ["float16"]}),
    ("labels not learned", data_quality, LinearClassifier, {"train": "taught"}),
    ("more than one answer", accuracy, Unlearned, {}),
    ("range of the images", accuracy, InBytes, {}),
    ("order of the classes", accuracy, Reordered, {}),
    ("logits", robust_accuracy, Softened, {"eps": 0.05, "attacks": APGD}),
    ("logits", minimal_perturbation, Softened, {"attacks": FMN}),
    ("gradients", robust_accuracy, Saturated, WIDE),
    ("gradients", robust_accuracy, Steep, {"eps": 0.05, "attacks": APGD}),
    ("gradients", robust_accuracy, Undefined, WIDE),
    ("gradients", minimal_perturbation, Saturated, {"attacks": FMN}),
    ("no success lost", robust_accuracy, TwoFaced, WIDE),
    ("converged", robust_accuracy, LinearClassifier, {"eps": 0.4, "attacks": TINY_STEPS}),
    ("one step", robust_accuracy, LinearClassifier, {"eps": 0.4, "attacks": TINY_STEPS}),
    ("plain noise", robust_accuracy, Saturated, WIDE),
    ("search without gradients", robust_accuracy, Saturated, WIDE),
    ("unbounded attack", robust_accuracy, Saturated, WIDE),
    ("unbounded attack", minimal_perturbation, Saturated, {"attacks": FMN}),
    ("success grows with eps", security_curve, Wrapped, {"eps": [0.4, 0.8], "attacks": [{"attack": "fgsm"}]}),
    ("surrogate", robust_accuracy, Decided, {"eps": 0.4, "attacks": APGD}),
    ("surrogate", security_curve, Decided, {"eps": [0.01, 0.4], "attacks": APGD}),
    ("surrogate", minimal_perturbation, Decided, {"attacks": FMN}),
    ("surrogate", digit_flip, Decided, {"target": 0, "objective": "logit", "step_size": 0.2}),
    ("surrogate", noise_to_target, Decided, {"target": 0, "objective": "logit", "min_confidence": 0.5}),
    ("certainty", noise_to_target, Timid, {"target": 0, "objective": "logit"}),
    ("closer images", minimal_perturbation, LinearClassifier, {"attacks": [{"attack": "hopskipjump", "steps": 80}]}),
]
HONEST = [
    (robust_accuracy, {"eps": 0.05, "attacks": APGD}),
    (security_curve, {"eps": [0.01, 0.05, 0.5], "attacks": APGD}),
    (minimal_perturbation, {"attacks": [{"attack": "fab", "steps": 10}]}),
    (noise_to_target, {"target": 0, "objective": "logit"}),
    (digit_flip, {"target": 0, "objective": "logit"}),
    (stability, {"precision": ["float16"]}),
    (data_quality, {"train": "unlike"}),
]


@pytest.mark.parametrize(("name", "check", "kind", "params"), TRIPS)
def test_what_trips_a_test(name, check, kind, params):
    found, _ = diagnosed(kind(*linear_weights()), check, **params)
    assert not found[name].ok, found[name]


@cache
def of_honest(place):
    """What the tests said of an honest model, by their names."""
    check, params = HONEST[place]
    return diagnosed(honest(), check, **params)[0]


@pytest.mark.parametrize("place", range(len(HONEST)), ids=[check.__name__.rpartition(".")[2] for check, _ in HONEST])
def test_an_honest_model_trips_none(place):
    found, check = of_honest(place), HONEST[place][0]
    assert all(diagnostic.ok for diagnostic in found.values()), found
    # A test that is fine and names metrics says in the verdict that attacks found no more.
    if not issubclass(check.Params, (Attacked, Ascending)):
        assert not any(diagnostic.inflates or diagnostic.deflates for diagnostic in found.values()), found


def test_every_test_has_something_that_trips_it():
    run = {name for place in range(len(HONEST)) for name in of_honest(place)}
    assert run == {name for name, *_ in TRIPS}


@pytest.mark.parametrize(
    ("lost", "of", "ok"), [(1, 60, True), (2, 60, False), (2, 300, True), (4, 300, False), (1, 1, False)]
)
def test_one_image_that_was_found_and_lost_is_no_sign(lost, of, ok):
    """As of files of 8 bits, whose scores move in steps; of fewer than a hundred images, one is over a hundredth."""
    gone = np.arange(of) < lost
    stage = SimpleNamespace(attacked=np.arange(of), result=SimpleNamespace(lost=gone))
    assert telltales._lost([stage], np.zeros(of, bool), telltales.Doubts(("robust_accuracy",))).ok is ok


@pytest.mark.parametrize("check", [noise_to_target, digit_flip])
def test_a_saturated_probability_is_no_evidence_that_nothing_can_be_pushed(check):
    kernel, bias = linear_weights()
    confident = LinearClassifier(kernel * 300, bias)
    found, evidence = diagnosed(confident, check, target=0, objective="probability", step_size=0.01)
    rate = "success_rate" if check is noise_to_target else "flip_rate"
    assert not found["gradients"].ok
    verdict = judge(evidence.metrics, [Expectation(rate, max=0.9)], 0.95, evidence.diagnostics)
    assert verdict.status == "inconclusive"
    assert "let the `objective` be `log_probability` or `logit`" in verdict.message
    assert diagnosed(confident, check, target=0, objective="logit", step_size=0.01)[0]["gradients"].ok


@pytest.mark.parametrize(
    ("check", "params"),
    [
        (robust_accuracy, {"eps": 0.05, "attacks": [{"attack": "square", "steps": 50}]}),
        (minimal_perturbation, {"attacks": [{"attack": "hopskipjump", "steps": 80}]}),
    ],
)
def test_a_model_without_a_gradient_can_be_measured_by_attacks_that_need_none(check, params):
    found, evidence = diagnosed(Sightless(*linear_weights()), check, **params)
    assert evidence.metrics["clean_accuracy"].value == 1
    assert found["steady predictions"].ok
    assert "unbounded attack" in found or not found["gradients"].ok


def test_an_honest_model_under_a_good_attack_raises_no_doubt():
    found, evidence = diagnosed(honest(), robust_accuracy, eps=0.05, attacks=[{"attack": "apgd", "steps": 40}])
    assert evidence.metrics["robust_accuracy"].value == 1
    assert all(diagnostic.ok for diagnostic in found.values()), found
    assert set(found) >= {"steady predictions", "gradients", "one step", "plain noise", "unbounded attack"}


def rounded(weights):
    """Weights in seven bits and a sign, as a file for a small device holds them."""
    unit = np.abs(weights).max() / 127
    return np.round(weights / unit) * unit


def in_colour():
    """The classifier of grey templates, which looks at the mean of three channels, and its images."""
    kernel, bias = linear_weights()
    data = samples()
    images = np.repeat(data.images, 3, axis=3) * np.array([0.9, 1.0, 1.1], np.float32)
    shape = (*data.images.shape[1:3], 3)
    model = LinearClassifier(np.repeat(kernel, 3, axis=0) / 3, bias, shape)
    return model, dataclasses.replace(data, images=np.clip(images, 0, 1))


@pytest.mark.parametrize("kind", ["overconfident", "quantised", "colour"])
def test_no_kind_of_honest_network_is_doubted(kind):
    """Where some images break and some hold, so that every test has something to look at."""
    kernel, bias = linear_weights()
    model, data = {
        "overconfident": lambda: (LinearClassifier(kernel * 50, bias * 50), samples()),
        "quantised": lambda: (LinearClassifier(rounded(kernel), bias), samples()),
        "colour": in_colour,
    }[kind]()
    evidence = measured("robust_accuracy", context(model, data), robust_accuracy.Params(eps=0.29, attacks=APGD))
    assert 0 < evidence.metrics["robust_accuracy"].value < 1
    assert [diagnostic for diagnostic in evidence.diagnostics if not diagnostic.ok] == []


def test_a_vanished_gradient_is_caught():
    found, evidence = diagnosed(
        Saturated(*linear_weights()), robust_accuracy, eps=0.3, attacks=[{"attack": "pgd", "steps": 20}]
    )
    attack, *_ = evidence.tables[0].rows
    assert attack[3] > 0.9, "it looks robust to the attack that follows gradients"
    assert not found["gradients"].ok
    assert not found["unbounded attack"].ok
    verdict = judge(evidence.metrics, [Expectation("robust_accuracy", min=0.1)], 0.95, evidence.diagnostics)
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
@pytest.mark.parametrize(
    ("name", "check", "params"),
    [
        ("cnn", robust_accuracy, {"eps": 0.1}),
        ("cnn", robust_accuracy, {"eps": 0.3}),
        ("hardened", robust_accuracy, {"eps": 0.2}),
        ("regression", robust_accuracy, {"eps": 0.05}),
        ("hardened", security_curve, {"eps": [0.1, 0.2, 0.3]}),
        ("hardened", minimal_perturbation, {"attacks": [{"attack": "fmn"}]}),
        ("cnn", noise_to_target, {"target": 3}),
        ("cnn", digit_flip, {"target": 3, "objective": "logit"}),
    ],
)
def test_on_real_networks_nothing_is_doubted_without_cause(networks, digits, name, check, params):
    attacked = {"attacks": [{"attack": "apgd", "steps": 40}]} if "eps" in params else {}
    found = check.run(context(networks[name], digits), check.Params(samples=100, **attacked, **params)).diagnostics
    assert all(diagnostic.ok for diagnostic in found), found
