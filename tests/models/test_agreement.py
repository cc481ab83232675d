"""One network gives the same answers, gradients and robust accuracy, whatever format it lies in."""

import numpy as np
import pytest

from auditor import catalog
from auditor.backend import tensorflow
from auditor.checks import robust_accuracy, weight_maps
from auditor.core import Classifier
from auditor.errors import CheckError, ModelError
from tests.models.formats import FORMS, network, opened
from tests.support import CLASSES, context, samples

DIFFERENTIABLE = [name for name, form in FORMS.items() if form.gradients]
OPAQUE = [name for name, form in FORMS.items() if not form.gradients]
LAYERED = [name for name, form in FORMS.items() if form.layers]
APGD = {"attack": "apgd", "steps": 20}


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    """Open the network in a form, once for all tests."""
    found = {}

    def classifier(form) -> Classifier:
        if form not in found:
            found[form] = opened(form, FORMS[form].write(tmp_path_factory.mktemp("form")))
        return found[form]

    return classifier


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def robust(classifier, attack):
    params = robust_accuracy.Params(eps=0.18, samples=60, attacks=[attack])
    metrics = robust_accuracy.run(context(classifier, samples()), params).metrics
    return {name: metrics[name].value for name in ("clean_accuracy", "robust_accuracy")}


def test_every_format_is_compared():
    assert {form.format for form in FORMS.values()} == set(catalog.names("models"))


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_the_same(classifiers, form):
    classifier, images = classifiers(form), samples().images
    classifier.check_declaration(images)
    assert classifier.input_shape == images.shape[1:]
    assert classifier.class_count == CLASSES
    np.testing.assert_allclose(
        log_softmax(classifier.predict(images)), np.log(np.asarray(network()(images))), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_prediction_does_not_depend_on_its_neighbours(classifiers, form):
    images = np.concatenate([samples().images] * 5)
    together = classifiers(form).predict(images)
    np.testing.assert_array_equal(together[:1], classifiers(form).predict(images[:1]))
    np.testing.assert_array_equal(together[-7:], classifiers(form).predict(images[-7:]))


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_declaration_is_caught(tmp_path, form):
    classifier = opened(form, {**FORMS[form].write(tmp_path), "output": "logits"})
    with pytest.raises(ModelError, match="write `output: probabilities`"):
        classifier.check_declaration(samples().images)


@pytest.mark.parametrize("form", DIFFERENTIABLE)
def test_gradients_are_the_same(classifiers, form):
    tf = tensorflow()
    images = tf.constant(samples(20).images)
    found = []
    for forward in (classifiers(form).forward, lambda given: tf.math.log(network()(given))):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.nn.log_softmax(forward(images))[:, 1]
        found.append(tape.gradient(value, images).numpy())
    assert np.abs(found[1]).max() > 0.1
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", DIFFERENTIABLE)
def test_robust_accuracy_is_the_same(classifiers, form):
    expected = robust(classifiers("keras"), APGD)
    assert 0.2 < expected["robust_accuracy"] < 0.8 < expected["clean_accuracy"]
    assert robust(classifiers(form), APGD) == expected


@pytest.mark.parametrize("form", OPAQUE)
def test_without_gradients_only_attacks_that_need_none_work(classifiers, form):
    with pytest.raises(CheckError, match="attacks that need none: hopskipjump, noise_search, square"):
        robust(classifiers(form), APGD)
    with pytest.raises(CheckError, match="gives no gradient"):
        weight_maps.run(context(classifiers(form), samples()), weight_maps.Params())
    attack = {"attack": "square", "steps": 30}
    assert robust(classifiers(form), attack) == robust(classifiers("keras"), attack)


@pytest.mark.parametrize("form", LAYERED)
def test_convolutions_are_shown(classifiers, form):
    import keras

    model, images = network(), samples(3).images
    convolutions = [layer for layer in classifiers(form).layers() if layer.is_convolution]
    for shown, layer in zip(convolutions, model.layers[:2], strict=True):
        expected = np.asarray(keras.Model(model.inputs[0], layer.output)(images))
        np.testing.assert_array_equal(shown.kernel, np.asarray(layer.kernel))
        np.testing.assert_allclose(np.asarray(shown.activations(images)), expected, atol=1e-5)
