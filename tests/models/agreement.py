"""How far formats agree: one network, written in each of them, measured against the Keras model that it was made from.

`python -m tests.models.agreement` prints the table. `test_agreement.py` asserts what the table shows.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auditor.checks import robust_accuracy
from auditor.classifiers import Loaded
from auditor.compute.backend import tensorflow
from auditor.values import Classifier, FloatArray
from tests.models.formats import FORMS, network, opened
from tests.support import context, samples

# Each with a radius that some images survive, and some don't.
ATTACKS: Mapping[str, dict[str, Any]] = {
    "pgd": {"eps": 0.18, "attacks": [{"attack": "pgd", "steps": 20}]},
    "apgd": {"eps": 0.18, "attacks": [{"attack": "apgd", "steps": 20}]},
    "square": {"eps": 0.22, "attacks": [{"attack": "square", "steps": 30}]},
}


def log_softmax(logits: FloatArray) -> FloatArray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def expected_predictions() -> FloatArray:
    """Logarithms of the Keras model's probabilities."""
    return np.log(np.asarray(network()(samples().images)))


def gradient(forward: Callable[[Any], Any]) -> FloatArray:
    """Of one class's log-probability at twenty images; nothing but zeros where there is none."""
    tf = tensorflow()
    images = tf.constant(samples(20).images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.nn.log_softmax(forward(images))[:, 1]
    found = tape.gradient(value, images)
    return np.zeros(images.shape) if found is None else found.numpy()


def expected_gradient() -> FloatArray:
    return gradient(lambda given: tensorflow().math.log(network()(given)))


def activations(classifier: Classifier) -> list[tuple[FloatArray | None, FloatArray]]:
    """Kernel and activations of every convolution that a format shows."""
    shown = [layer for layer in classifier.layers() if layer.is_convolution]
    return [(layer.kernel, np.asarray(layer.activations(samples(3).images))) for layer in shown]


def expected_activations() -> list[tuple[FloatArray | None, FloatArray]]:
    import keras

    model = network()
    return [
        (np.asarray(layer.kernel), np.asarray(keras.Model(model.inputs[0], layer.output)(samples(3).images)))
        for layer in model.layers[:2]
    ]


def robust(classifier: Classifier, attack: str) -> dict[str, float]:
    """What is right before an attack, and after it, along no inner layers: some formats show others, or none."""
    params = robust_accuracy.Params(samples=60, **ATTACKS[attack])
    assert isinstance(classifier, Loaded)
    unseen = dataclasses.replace(classifier, find_layers=tuple)
    metrics = robust_accuracy.run(context(unseen, samples()), params).metrics
    return {name: metrics[name].value for name in ("clean_accuracy", "robust_accuracy")}


def row(form: str, expected: Mapping[str, float]) -> list[str]:
    """Cells of the table. expected: robust accuracy of the Keras model, by attack."""
    with tempfile.TemporaryDirectory() as folder:
        classifier = opened(form, FORMS[form].write(Path(folder)))
        off = np.abs(log_softmax(classifier.predict(samples().images)) - expected_predictions()).max()
        cells = ["yes", f"to {off:.0e}"]
        found, wanted = gradient(classifier.forward), expected_gradient()
        cells.append(f"to {np.abs(found - wanted).max() / np.abs(wanted).max():.0e}" if found.any() else "none")
        same = [
            np.array_equal(kernel, other) and np.allclose(seen, others, atol=1e-5)
            for (kernel, seen), (other, others) in zip(activations(classifier), expected_activations(), strict=False)
        ]
        cells.append(f"{sum(same)} of 2" if same else "none")
        for attack in ATTACKS:
            if attack != "square" and not found.any():
                cells.append("no gradient")
                continue
            value = robust(classifier, attack)["robust_accuracy"]
            cells.append(f"{value:.3f}" if value == expected[attack] else f"{value:.3f} for {expected[attack]:.3f}")
    return cells


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        classifier = opened("keras", FORMS["keras"].write(Path(folder)))
        expected = {attack: robust(classifier, attack)["robust_accuracy"] for attack in ATTACKS}
    heads = ["form", "loads", "predictions equal", "gradients equal", "filters equal"]
    heads += [f"{attack} {given['eps']}" for attack, given in ATTACKS.items()]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")  # noqa: T201
    for form in FORMS:
        print(f"| {form} | {' | '.join(row(form, expected))} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
