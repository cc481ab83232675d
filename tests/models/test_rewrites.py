"""What is measured is the checkpoint: a softmax taken off, a frozen graph or preprocessing that answers otherwise than
a plain call of the format is put back, or nothing is measured.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from auditor import catalog
from auditor.classifiers import keras_models
from auditor.evidence.verification import verify
from auditor.loading.resources import Resources
from auditor.models import keras
from auditor.values import Classifier
from tests.models.formats import FORMS, opened
from tests.support import CLASSES, SIZE, data, last_run, linear_model, linear_weights, save_data, states, write

SHAPE = (SIZE, SIZE, 1)


def head(tensor: Any, scale: float, activation: str = "softmax", turn: int = 0) -> Any:
    """A linear layer that knows the templates; `turn` makes it name other classes."""
    import keras

    kernel, bias = linear_weights()
    layer = keras.layers.Dense(CLASSES, activation=activation)
    found = layer(keras.layers.Flatten()(tensor))
    layer.set_weights([scale * np.roll(kernel, turn, axis=1), bias])
    return found


def two_heads(given: Any) -> Any:
    return 0.8 * head(given, 2.0) + 0.2 * head(given, 3.0, turn=1)


def turned(given: Any) -> Any:
    return head(given, 2.0)[:, ::-1]


def shared_twice(given: Any) -> Any:
    import keras

    inner = keras.Input(SHAPE)
    network = keras.Model(inner, head(inner, 2.0))
    return (network(given) + network(given[:, :, ::-1])) / 2


def odd_one_last(given: Any) -> Any:
    """The layer that is listed last isn't what makes the output."""
    import keras

    answer = head(given, 2.0)
    aside = head(given, 5.0, turn=1)
    return keras.layers.Add()([answer, 0.0 * aside])


def across_the_batch(given: Any) -> Any:
    import keras

    return keras.layers.Softmax(axis=-1)(head(given, 2.0, activation="linear"))


STRUCTURES: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "two heads": (two_heads, False),
    "classes turned round": (turned, False),
    "test-time augmentation": (shared_twice, False),
    "a layer aside": (odd_one_last, False),
    "a softmax layer": (across_the_batch, True),
    "a dense layer with softmax": (lambda given: head(given, 2.0), True),
}


def made(build: Callable[[Any], Any]) -> Any:
    import keras

    given = keras.Input(SHAPE)
    return keras.Model(given, build(given))


@pytest.mark.parametrize("name", STRUCTURES)
def test_logits_are_those_of_what_makes_the_output(tmp_path, name):
    build, taken_off = STRUCTURES[name]
    model = made(build)
    model.save(tmp_path / "m.keras")
    classifier = keras.load(keras.Params(path=str(tmp_path / "m.keras"), output="probabilities"))
    assert ("taken off" in classifier.logits_from) == taken_off
    images = np.concatenate([data(20)[0], np.random.default_rng(0).random((40, *SHAPE), np.float32)])
    expected = model.predict(images, verbose=0)
    logits = classifier.predict(images).astype(np.float64)
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(logits.argmax(axis=1), expected.argmax(axis=1))
    np.testing.assert_allclose(classifier.answers(images), expected, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_every_format_answers_as_its_logits_say(tmp_path, form):
    classifier = opened(form, FORMS[form].write(tmp_path))
    images = data(30)[0]
    logits = classifier.predict(images).astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for batch in (None, 1, 7):
        np.testing.assert_allclose(classifier.answers(images, batch), expected, atol=1e-5)


SPEC = """\
audit: tiny
models:
  heads: {format: keras, path: heads.keras, output: probabilities, trusted: true}
  plain: {format: keras, path: plain.keras, output: probabilities, trusted: true}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, model: heads}
  - id: robust
    check: robust_accuracy
    model: heads
    params: {eps: 0.5, attacks: [{attack: pgd, steps: 10}]}
  - {id: flip, check: digit_flip, model: plain, params: {target: 0, steps: 8, step_size: 0.3, objective: logit}}
"""


TINY = """\
audit: tiny
models: {tiny: {format: keras, path: tiny.keras, output: probabilities, trusted: true}}
data: {dataset: npz, path: data.npz}
checks: [{id: clean, check: accuracy}, {id: sure, check: calibration}]
"""


@pytest.fixture
def project(pytester):
    save_data(pytester.path)
    made(two_heads).save(pytester.path / "heads.keras")
    made(lambda given: head(given, 2.0)).save(pytester.path / "plain.keras")
    write(pytester, SPEC, "tiny")
    return pytester


def fooling(project: Any, case: str, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Which images are recorded as fooling, and which Keras itself calls the target."""
    import keras

    evidence = last_run(project).records[case].evidence
    images = evidence.adversarial
    network = keras.saving.load_model(project.path / f"{model}.keras")
    said = network.predict(images.images, verbose=0).argmax(axis=1)
    return images.fooled, (said == images.targets) & (said != images.labels)


def test_images_that_are_recorded_as_fooling_fool_keras_itself(project):
    project.runpytest_inprocess()
    run = last_run(project)
    assert set(states(run).values()) == {"descriptive"}
    model = made(two_heads)
    images, labels = data()
    right = model.predict(images, verbose=0).argmax(axis=1) == labels
    assert run.records["clean"].evidence.metrics["accuracy"].successes == right.sum()
    for case, name in (("robust", "heads"), ("flip", "plain")):
        recorded, seen = fooling(project, case, name)
        assert recorded.any()
        np.testing.assert_array_equal(recorded, seen)
    assert all(finding.ok for finding in verify(project.path / "reports" / "tiny"))


def of_one_head(model: Any, output: str) -> tuple[Any, str]:
    """A rewrite with the fault of old: the last dense layer, whatever becomes of it."""
    import keras

    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    linear = keras.layers.Dense.from_config(last.get_config() | {"activation": "linear"})
    body = keras.Model(model.inputs[0], linear(last.input))
    linear.set_weights(last.get_weights())
    return body, "the softmax of the final dense layer was taken off"


def wrong_at_the_edge(model: Any, output: str) -> tuple[Any, str]:
    """A rewrite that is right about all images but those with a pixel at the end of the box."""
    import keras

    body, how = of_one_head(model, output)
    edge = keras.ops.max(model.inputs[0], axis=(1, 2, 3), keepdims=False)
    sign = keras.ops.where(edge >= 1.0, -1.0, 1.0)
    return keras.Model(model.inputs[0], body.outputs[0] * sign[:, None]), how


@pytest.mark.parametrize(
    ("rewrite", "case", "model"), [(of_one_head, "robust", "heads"), (wrong_at_the_edge, "flip", "plain")]
)
def test_a_rewrite_that_answers_otherwise_is_put_back(project, monkeypatch, rewrite, case, model):
    monkeypatch.setattr(keras_models, "_without_activation", rewrite)
    project.runpytest_inprocess("-k", case)
    record = last_run(project).records[case]
    assert record.verdict.status == "descriptive"
    assert record.provenance["models"][model]["logits"] == "the logarithm of the checkpoint's probabilities"
    recorded, seen = fooling(project, case, model)
    assert recorded.any()
    np.testing.assert_array_equal(recorded, seen)


def test_what_no_plain_call_confirms_is_an_error(project, monkeypatch):
    """Nothing was taken off, and still what is measured isn't what the checkpoint answers."""
    opened_by = Resources._open

    def lying(self: Resources, source: Any) -> Classifier:
        classifier = opened_by(self, source)
        turned_round = classifier.outputs
        object.__setattr__(classifier, "logits", classifier.outputs)
        object.__setattr__(classifier, "outputs", turned_round)
        object.__setattr__(classifier, "own", lambda images: np.asarray(turned_round(images))[:, ::-1])
        return classifier

    monkeypatch.setattr(Resources, "_open", lying)
    project.runpytest_inprocess("-k", "clean")
    record = last_run(project).records["clean"]
    assert record.verdict.status == "error"
    assert "gives other answers to an audit than to a plain call" in record.verdict.message


def test_the_layers_shown_are_those_of_the_output(tmp_path):
    import keras as k

    given = k.Input(SHAPE)
    shared = k.layers.Conv2D(2, 3, name="shared")
    unused = k.layers.Conv2D(2, 3, name="unused")
    first, second = shared(given), shared(given[:, :, ::-1])
    unused(given)
    model = k.Model(given, k.layers.Dense(CLASSES)(k.layers.Flatten()(first + second)))
    model.save(tmp_path / "m.keras")
    classifier = catalog.load("models", "keras").load(keras.Params(path=str(tmp_path / "m.keras"), output="logits"))
    images = data(4)[0]
    shown = {layer.name: np.asarray(layer.activations(images)) for layer in classifier.layers() if layer.is_convolution}
    assert list(shown) == ["shared", "shared/1"]
    np.testing.assert_allclose(shown["shared"], shared(images), atol=1e-5)
    np.testing.assert_allclose(shown["shared/1"], shared(images[:, :, ::-1]), atol=1e-5)


def test_of_classes_that_come_out_equal_the_first_is_given(project):
    """Logits so small that a softmax of float32 gives each class the same: whoever calls it is told class a."""
    linear_model(scale=1e-12).save(project.path / "tiny.keras")
    (project.path / "tiny.audit.yaml").write_text(TINY)
    project.runpytest_inprocess()
    records = last_run(project).records
    _, labels = data()
    for case in ("clean", "sure"):
        assert records[case].evidence.metrics["accuracy"].successes == (labels == 0).sum()
    assert records["clean"].evidence.metrics["confidence"].value == pytest.approx(1 / CLASSES)
