"""The std-normalised ascent, against its formula and past certainty."""

import numpy as np
import pytest

from auditor.models import keras as format_keras
from auditor.search.ascent import ascend
from auditor.search.objectives import margin, towards_target
from auditor.search.params import Pace
from tests.support import CLASSES, SIZE, linear_weights, samples


@pytest.fixture(scope="module")
def linear(tiny):
    return format_keras.load(format_keras.Params(path=str(tiny / "linear.keras"), output="probabilities"))


def run(classifier, images, target, objective="logit", box=None, shown=0, **params):
    targets = np.full(len(images), target)
    goal = towards_target(classifier.forward, objective, classifier.output)
    return ascend(goal, classifier.forward, images, targets, Pace(**params), box, shown)


def test_steps_follow_the_formula(linear):
    """On a linear classifier the gradient of a logit is the weights, whatever the image."""
    images = samples(7).images
    kernel, _ = linear_weights()
    gradient = kernel[:, 2].reshape(1, SIZE, SIZE, 1)
    expected = images + 3 * 0.1 * gradient / (gradient.std() + 1e-8)
    found = run(linear, images, 2, steps=3, step_size=0.1)
    np.testing.assert_allclose(found.images, expected, atol=1e-5)
    assert not found.vanished.any()


def test_every_step_is_recorded_and_shown(linear):
    images = samples(5).images
    found = run(linear, images, 1, steps=4, step_size=0.1, shown=2)
    assert found.shown.shape == (5, 2, SIZE, SIZE, 1)
    assert found.values.shape == (5, 5, CLASSES)
    np.testing.assert_array_equal(found.shown[0], images[:2])
    np.testing.assert_array_equal(found.shown[-1], found.images[:2])
    assert (np.diff(found.values[:, :, 1], axis=0) > 0).all()
    np.testing.assert_allclose(found.values[-1], linear.predict(found.images), atol=1e-5)


def test_clipping_keeps_images_in_the_box(linear):
    found = run(linear, samples().images, 0, steps=9, step_size=0.5, box=(0.0, 1.0))
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert run(linear, samples().images, 0, steps=9, step_size=0.5).images.max() > 1


def test_results_do_not_depend_on_how_many_images_there_are(linear):
    images = np.concatenate([samples().images] * 4)
    many = run(linear, images, 2, steps=3, step_size=0.2, shown=150)
    few = run(linear, images[:1], 2, steps=3, step_size=0.2)
    np.testing.assert_array_equal(many.images[:1], few.images)
    np.testing.assert_array_equal(many.shown[-1], many.images[:150])


@pytest.mark.parametrize("objective", ["probability", "log_probability", "logit"])
def test_fifty_steps_past_certainty_stay_finite(checkpoints, objective):
    """The article's loop divides 0 by 0 here: a third of its images were NaN after five steps."""
    path = str(checkpoints / "mnist_cnn.keras")
    cnn = format_keras.load(format_keras.Params(path=path, output="probabilities"))
    noise = np.random.default_rng(0).random((50, 28, 28, 1), dtype=np.float32)
    found = run(cnn, noise, 3, objective, steps=50, step_size=1.0)
    assert np.isfinite(found.images).all()
    assert np.isfinite(found.values).all()
    assert (cnn.predict(found.images).argmax(axis=1) == 3).all()
    assert found.vanished[-1].all() == (objective != "logit")  # 1 - p has rounded to 0


def test_an_image_without_gradient_stays_exactly_as_it_is():
    tf = pytest.importorskip("tensorflow")
    images = np.random.default_rng(1).random((4, 3, 3, 1), dtype=np.float32)
    weights = np.ones_like(images)
    weights[0] = 0.0
    weights[1] = np.nan
    weights[2] = 1e-30 * np.arange(9).reshape(3, 3, 1)
    weights[3] = np.arange(9).reshape(3, 3, 1)

    def objective(x, targets):
        return tf.reduce_sum(tf.gather(tf.constant(weights), targets) * x, axis=(1, 2, 3))

    found = ascend(objective, lambda x: x[:, 0, 0], images, np.arange(4), Pace(steps=1, step_size=1.0), None)
    np.testing.assert_array_equal(found.vanished[0], [True, True, True, False])
    np.testing.assert_array_equal(found.images[:2], images[:2])
    assert np.isfinite(found.images).all()
    assert np.abs(found.images[3] - images[3]).max() > 1


def test_margin_is_the_lead_over_the_best_other():
    tf = pytest.importorskip("tensorflow")
    logits = tf.constant([[1.0, 5.0, 2.0], [4.0, 3.0, -9.0]])
    np.testing.assert_allclose(margin(logits, tf.constant([1, 2])), [3.0, -13.0], rtol=1e-6)
