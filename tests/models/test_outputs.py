"""What a checkpoint's numbers mean: sigmoids, log-probabilities, quantised probabilities and mere scores, each with the
confidence that is true of it, and no advice that would make a number wrong.
"""

import re
from typing import Any

import numpy as np
import pytest

from auditor.checks import accuracy, digit_flip, noise_to_target, robust_accuracy, transfer
from auditor.compute.backend import tensorflow
from auditor.models import keras
from auditor.values import CheckError, ModelError, declared_output_problem, probabilities
from tests.models.test_quantised import quantised
from tests.support import CLASSES, SIZE, context, data, linear_model, linear_weights, samples

SHAPE = (SIZE, SIZE, 1)
# Sharp sigmoids sum to 1 on images they know, or nearly so; on noise they don't.
TRIED = np.concatenate([data(16)[0], np.random.default_rng(1).random((16, *SHAPE), np.float32)])


def expected_logits(images: np.ndarray) -> np.ndarray:
    kernel, bias = linear_weights()
    return 2 * (images.reshape(len(images), -1).astype(np.float64) @ kernel + bias)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def loaded(tmp_path: Any, activation: Any, output: str, model: Any = None) -> Any:
    (model or linear_model(activation, scale=2.0)).save(tmp_path / "m.keras")
    return keras.load(keras.Params(path=str(tmp_path / "m.keras"), output=output))


def hidden(activation: str) -> Any:
    """The activation where nobody sees it: in a nested model, behind an operation."""
    import keras

    inner = linear_model(activation, scale=2.0)
    return keras.Sequential([keras.Input(SHAPE), inner, keras.layers.Reshape((CLASSES,))])


@pytest.mark.parametrize("seen", [True, False])
def test_sigmoids_are_each_a_probability_of_their_own(tmp_path, seen):
    classifier = loaded(tmp_path, "sigmoid", "sigmoid", None if seen else hidden("sigmoid"))
    how = "the sigmoid of the final dense layer was taken off" if seen else "the log-odds of the checkpoint's sigmoids"
    assert classifier.logits_from == how
    given = samples()
    classifier.check_declaration(TRIED)
    expected = sigmoid(expected_logits(given.images))
    np.testing.assert_allclose(classifier.answers(given.images), expected, atol=1e-5)
    np.testing.assert_allclose(classifier.predict(given.images), expected_logits(given.images), atol=1e-2)
    evidence = accuracy.run(context(classifier, given), accuracy.Params())
    assert evidence.metrics["confidence"].value == pytest.approx(expected.max(axis=1).mean(), abs=1e-5)
    assert evidence.metrics["confidence"].bounds == (0.0, 1.0)
    pushed = digit_flip.run(context(classifier, given), digit_flip.Params(target=0, steps=4, step_size=0.3))
    ended = sigmoid(expected_logits(pushed.adversarial.images))[:, 0]
    np.testing.assert_allclose(pushed.arrays["probabilities"][-1, :, 0], ended, atol=1e-5)
    assert pushed.metrics["end_confidence"].value == pytest.approx(ended.mean(), abs=1e-5)
    noise = noise_to_target.Params(target=0, samples=6, steps=4, objective="log_probability", min_confidence=0.9)
    made = noise_to_target.run(context(classifier, given), noise)
    final = sigmoid(expected_logits(made.adversarial.images))
    np.testing.assert_array_equal(made.adversarial.fooled, (final.argmax(axis=1) == 0) & (final[:, 0] >= 0.9))


def test_the_gradient_of_a_sigmoids_probability_is_its_own(tmp_path):
    """One step on the probability follows the sigmoid's own weights, whatever the other classes say."""
    classifier, given = loaded(tmp_path, "sigmoid", "sigmoid"), samples()
    one = digit_flip.Params(target=0, steps=1, step_size=0.01, clip=False, objective="probability")
    made = digit_flip.run(context(classifier, given), one).adversarial
    change = (made.images - made.originals).reshape(len(made.images), -1)
    direction = linear_weights()[0][:, 0]
    wanted = 0.01 * direction / direction.std()
    np.testing.assert_allclose(change, np.tile(wanted, (len(change), 1)), rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize(("activation", "output"), [("sigmoid", "sigmoid"), ("linear", "logits")])
def test_a_single_unit_is_two_classes(tmp_path, activation, output):
    import keras as k

    kernel, _ = linear_weights()
    model = k.Sequential([k.Input(SHAPE), k.layers.Flatten(), k.layers.Dense(1, activation=activation)])
    model.layers[-1].set_weights([4 * kernel[:, 1:2], np.zeros(1, np.float32)])
    classifier = loaded(tmp_path, None, output, model)
    images = data()[0]
    z = 4 * (images.reshape(len(images), -1) @ kernel[:, 1])
    expected = np.stack([1 - sigmoid(z), sigmoid(z)], axis=1)
    assert classifier.class_count == 2
    found = probabilities(classifier.predict(images), classifier.output)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(classifier.answers(images).argmax(axis=1), z > 0)
    tf = tensorflow()
    with tf.GradientTape() as tape:
        x = tf.constant(images)
        tape.watch(x)
        value = classifier.forward(x)[:, 1] - classifier.forward(x)[:, 0]
    gradient = tape.gradient(value, x).numpy().reshape(len(images), -1)
    np.testing.assert_allclose(gradient, np.tile(4 * kernel[:, 1], (len(images), 1)), rtol=1e-3, atol=1e-4)


def test_log_probabilities_are_logits_that_sum_to_one(tmp_path):
    classifier, images = loaded(tmp_path, "log_softmax", "log_probabilities"), data()[0]
    classifier.check_declaration(images)
    logits = expected_logits(images)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(classifier.predict(images), classifier.output), expected, atol=1e-5)
    assert classifier.logits_from == "the checkpoint's own output"


def test_scores_tell_classes_and_no_probability(tmp_path):
    classifier, given = loaded(tmp_path, "softsign", "scores"), samples()
    classifier.check_declaration(given.images)
    here = context(classifier, given, made=None)
    evidence = accuracy.run(here, accuracy.Params())
    right = expected_logits(given.images).argmax(axis=1) == given.labels
    assert evidence.metrics["accuracy"].successes == right.sum()
    assert "confidence" not in evidence.metrics
    assert "no probabilities" in evidence.notes[0]
    robust = robust_accuracy.run(here, robust_accuracy.Params(eps=0.5, attacks=[{"attack": "pgd", "steps": 10}]))
    assert robust.metrics["robust_accuracy"].value < 0.5
    for check, params in ((digit_flip, {"target": 0}), (noise_to_target, {"target": 0})):
        with pytest.raises(CheckError, match="`output: scores`, which rank classes and are no probabilities"):
            check.run(here, check.Params(**params))
    full = robust_accuracy.Params(eps=0.5, full_length=True, attacks=[{"attack": "pgd", "steps": 5}])
    made = robust_accuracy.run(here, full).adversarial
    here = context(classifier, given, {"twin": classifier}, made=made)
    shown = transfer.run(here, transfer.Params(adversarial="made", onto=["twin"]))
    assert shown.metrics["transfer_rate"].value == 1


RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 4, (32, 10))
SOFT = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
EIGHT_BITS = np.minimum(np.round(SOFT * 256), 255) / 256
KINDS = {
    "logits": LOGITS,
    "probabilities": SOFT,
    "eight bits": EIGHT_BITS,
    "sigmoid": sigmoid(LOGITS),
    "sigmoids of eight bits": np.round(sigmoid(LOGITS) * 255) / 255,
    "log_probabilities": np.log(SOFT),
}
# What each may be declared as. Logarithms of probabilities are logits like any others.
RIGHT = {
    "logits": {"logits"},
    "probabilities": {"probabilities"},
    "eight bits": {"probabilities"},
    "sigmoid": {"sigmoid"},
    "sigmoids of eight bits": {"sigmoid"},
    "log_probabilities": {"log_probabilities", "logits"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_declaration_is_accepted_where_it_is_right_and_advice_is_too(kind):
    raw = KINDS[kind].astype(np.float32)
    assert declared_output_problem(raw, "scores") is None
    for output in ("logits", "probabilities", "log_probabilities", "sigmoid"):
        told = declared_output_problem(raw, output)
        assert (told is None) == (output in RIGHT[kind]), (output, told)
        if told:
            advised = set(re.findall(r"`output: (\w+)`", told.split("; ")[-1])) - {"scores"}
            assert advised <= RIGHT[kind], told


def test_eight_bits_that_sum_to_other_than_one_are_taken_within_half_a_step_for_each_class():
    sums = EIGHT_BITS.sum(axis=1)
    assert sums.min() < 0.995 < 1.004 < sums.max()
    shifted = EIGHT_BITS.copy()
    shifted[0, :6] += 1 / 256  # six classes a step higher than any distribution rounds to, or nearly so
    shifted[0, 6:] += 2 / 256
    assert declared_output_problem(EIGHT_BITS.astype(np.float32), "probabilities") is None
    assert declared_output_problem(shifted.astype(np.float32), "probabilities") is not None


def test_ten_sigmoids_declared_as_probabilities_are_told_apart_from_logits(tmp_path):
    for output in ("probabilities", "logits"):
        classifier = loaded(tmp_path, "sigmoid", output, linear_model("sigmoid", scale=5.0))
        with pytest.raises(ModelError, match=r"`(output: )?sigmoid`") as caught:
            classifier.check_declaration(TRIED)
        assert "write `output: logits`" not in str(caught.value)


def test_a_quantised_file_with_float_outputs_is_taken(tmp_path):
    """Eight bits inside, floats outside: rows that sum to nearly 1, in steps of 1/256."""
    from auditor.models import tflite

    images = data()[0]
    (tmp_path / "m.tflite").write_bytes(quantised("float32"))
    classifier = tflite.load(tflite.Params(path=str(tmp_path / "m.tflite"), output="probabilities"))
    raw = classifier.answers(images)
    np.testing.assert_allclose(raw * 256, np.round(raw * 256), atol=1e-3)
    classifier.check_declaration(images)
    found = probabilities(classifier.predict(images), classifier.output)
    np.testing.assert_allclose(found, raw / raw.sum(axis=1, keepdims=True), atol=1e-5)


def test_probabilities_of_half_precision_sum_to_1_up_to_its_rounding():
    kind, most = np.float16, 2.0**-9
    rows = SOFT.astype(kind).astype(np.float32)
    assert declared_output_problem(rows, "probabilities") is None
    off = rows.copy()
    off[:, 0] = (off[:, 0] + 2 * most).astype(kind)
    assert "no distribution" in declared_output_problem(off, "probabilities")
