"""The small network that surrogates are made of: its gradients, and that it learns the same whatever the cores do."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from auditor.compute.randomness import generator
from auditor.measuring import network, surrogate
from tests.support import LinearClassifier, data, linear_weights

SHAPES = [(28, 28, 1), (6, 6, 1), (1, 1, 9), (9, 5, 3), (70, 50, 3)]


def scores(plan, weights, images):
    return network._forward(plan, weights, images)[-1]


def _themselves(_, found):
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_small_differences(shape):
    plan = network.layout(shape, (0.0, 1.0), 4)
    drawn = np.random.default_rng(0)
    weights = tuple(part.astype(np.float64) + 0.01 for part in network.untaught(plan, generator(1, "weights")))
    images, above = drawn.random((3, *shape), dtype=np.float32), drawn.standard_normal((3, 4))
    kept = network._forward(plan, weights, images)
    passed = network._backward(plan, weights, kept, above)
    of_images = network._of_images(plan, weights, passed)

    def value(changed, x):
        return float((scores(plan, changed, x) * above).sum())

    for place, gradient in enumerate(network._of_weights(kept, passed)):
        way, step = drawn.standard_normal(gradient.shape), 1e-7
        ends = [(*weights[:place], weights[place] + sign * step * way, *weights[place + 1 :]) for sign in (1, -1)]
        slope = (value(ends[0], images) - value(ends[1], images)) / (2 * step)
        assert slope == pytest.approx(float((gradient * way).sum()), rel=1e-3, abs=1e-3)
    # Images are float32, so that the step is longer; where a unit switches on the way, the two differ a little.
    way, step = drawn.standard_normal(images.shape).astype(np.float32), np.float32(1e-4)
    slope = (value(weights, images + step * way) - value(weights, images - step * way)) / (2 * float(step))
    assert slope == pytest.approx(float((of_images * way).sum()), rel=0.05, abs=0.05)


def test_it_learns_the_same_bits_on_any_number_of_cores():
    images, labels = data(60)
    plan = network.layout((6, 6, 1), (0.0, 1.0), 3)
    learned = []
    for cores in (1, 4):
        with threadpool_limits(cores, "blas"):
            pupil = network.Pupil.new(plan, generator(3, "weights"))
            pupil.learn(images, labels, 30, generator(3, "order"))
        learned.append(tuple(pupil.weights))
    assert all((one == other).all() for one, other in zip(*learned, strict=True))
    assert (scores(plan, learned[0], images).argmax(axis=1) == labels).mean() > 0.95


def test_an_image_has_one_slope_whatever_is_beside_it():
    images, _ = data(120)
    plan = network.layout((6, 6, 1), (0.0, 1.0), 3)
    weights = network.untaught(plan, generator(3, "weights"))
    together = network.slopes(plan, weights, images, _themselves)
    alone = network.slopes(plan, weights, images[77:78], _themselves)
    assert (together[77] == alone[0]).all()


def test_models_that_answer_alike_teach_the_same_once(monkeypatch):
    """A model ten times as confident, one that answers otherwise, and the first once more as if nothing were known."""
    images, seed = data(60)[0], 4
    kernel, bias = linear_weights()
    models = [LinearClassifier(kernel, bias), LinearClassifier(10 * kernel, bias), LinearClassifier(-kernel, bias)]
    learn, learned = network.Pupil.learn, []

    def counted(pupil, *lesson):
        learned.append(len(lesson[0]))
        return learn(pupil, *lesson)

    monkeypatch.setattr(network.Pupil, "learn", counted)
    monkeypatch.setattr(surrogate, "_finished", {})
    lesson = surrogate.Lesson(images, (0.0, 1.0), seed)
    plain, steeper, other = (surrogate.teach(model, lesson).weights for model in models)
    assert len(learned) == 4, "two courses of two lessons"
    surrogate._finished.clear()
    anew = surrogate.teach(models[1], lesson).weights
    assert len(learned) == 6
    for alike in (steeper, anew):
        assert all((one == two).all() for one, two in zip(plain, alike, strict=True))
    assert any((one != two).any() for one, two in zip(plain, other, strict=True))
