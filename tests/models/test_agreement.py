"""One network gives the same answers, gradients and robust accuracy, whatever format it lies in."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import numpy as np
import pytest

from auditor import catalog
from auditor.checks import filters, weight_maps
from auditor.values import CheckError, Classifier, ModelError
from tests.models.agreement import (
    activations,
    expected_activations,
    expected_gradient,
    expected_predictions,
    gradient,
    log_softmax,
    robust,
)
from tests.models.formats import FORMS, opened
from tests.support import CLASSES, context, samples

DIFFERENTIABLE = [name for name, form in FORMS.items() if form.gradients]
OPAQUE = [name for name, form in FORMS.items() if not form.gradients]
LAYERED = [name for name, form in FORMS.items() if form.layers]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the network in a form, once for all tests, and return the parameters that open it."""
    return cache(lambda form: FORMS[form].write(tmp_path_factory.mktemp("form")))


@pytest.fixture(scope="module")
def classifiers(written):
    """Open the network in a form, once for all tests."""

    @cache
    def classifier(form) -> Classifier:
        return opened(form, written(form))

    return classifier


def test_every_format_is_compared():
    # Of weights in torchvision's networks, which are none of ours, `test_torch_weights` does.
    assert {form.format for form in FORMS.values()} | {"torch_weights"} == set(catalog.names("models"))


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_the_same(classifiers, form):
    classifier, images = classifiers(form), samples().images
    classifier.check_declaration(images)
    assert classifier.input_shape == images.shape[1:]
    assert classifier.class_count == CLASSES
    np.testing.assert_allclose(log_softmax(classifier.predict(images)), expected_predictions(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_a_prediction_does_not_depend_on_its_neighbours(classifiers, form):
    images = np.concatenate([samples().images] * 5)
    together = classifiers(form).predict(images)
    np.testing.assert_array_equal(together[:1], classifiers(form).predict(images[:1]))
    np.testing.assert_array_equal(together[-7:], classifiers(form).predict(images[-7:]))


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_declaration_is_caught(written, form):
    classifier = opened(form, {**written(form), "output": "logits"})
    with pytest.raises(ModelError, match="write `output: probabilities`"):
        classifier.check_declaration(samples().images)


@pytest.mark.parametrize("form", DIFFERENTIABLE)
def test_gradients_are_the_same(classifiers, form):
    expected = expected_gradient()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(gradient(classifiers(form).forward), expected, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def of_keras(classifiers):
    """What attacks leave of the network in Keras's own form."""
    found = {attack: robust(classifiers("keras"), attack) for attack in ("apgd", "square")}
    assert all(0.2 < left["robust_accuracy"] < 0.8 < left["clean_accuracy"] for left in found.values()), found
    return found


# PGD too, and Square where there are gradients: `python -m tests.models.agreement`.
@pytest.mark.parametrize("form", DIFFERENTIABLE)
def test_robust_accuracy_is_the_same(classifiers, of_keras, form):
    assert robust(classifiers(form), "apgd") == of_keras["apgd"]


@pytest.mark.parametrize("form", OPAQUE)
def test_without_gradients_only_attacks_that_need_none_work(classifiers, of_keras, form):
    with pytest.raises(CheckError, match="attacks that need none: hopskipjump, noise_search, pointwise, square"):
        robust(classifiers(form), "apgd")
    with pytest.raises(CheckError, match="gives no gradient"):
        weight_maps.run(context(classifiers(form), samples()), weight_maps.Params())
    with pytest.raises(CheckError, match="shows no layers; the network itself, in a format that does, can be looked"):
        filters.run(context(classifiers(form), samples()), filters.Params())
    assert robust(classifiers(form), "square") == of_keras["square"]


@pytest.mark.parametrize("form", LAYERED)
def test_convolutions_are_shown(classifiers, form):
    for (kernel, shown), (expected, seen) in zip(activations(classifiers(form)), expected_activations(), strict=True):
        np.testing.assert_array_equal(kernel, expected)
        np.testing.assert_allclose(shown, seen, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_whoever_asks_after_an_image_of_another_size_gets_an_answer(classifiers, form):
    """From another thread as well: TensorFlow refuses what a signature doesn't allow with a lock held."""
    classifier, images = classifiers(form), samples(4).images
    with suppress(Exception):  # whatever refuses has its own errors
        classifier.answers(np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0))))
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(
            pool.submit(classifier.answers, images).result(timeout=60), classifier.answers(images)
        )
