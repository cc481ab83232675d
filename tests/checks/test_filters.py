"""filters"""

import numpy as np
import pytest

from auditor.checks.filters import Params, run
from auditor.models import keras as format_keras
from auditor.values import CheckError
from tests.support import context, samples


def test_first_layer_of_the_tutorial_network(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(image=1502, steps=20))
    assert evidence.metrics["filters"].value == 32
    assert evidence.metrics["excited"].value > 0.8
    assert evidence.metrics["activation_gain"].value > 1
    assert {metric.kind for metric in evidence.metrics.values()} == {"exact"}, "all filters are no sample of filters"
    weights, response, images = evidence.figures[0].panels
    assert [p.images.shape[:3] for p in (weights, response, images)] == [(32, 5, 5), (32, 28, 28), (32, 28, 28)]


def test_any_convolution_layer(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(layer="conv2", steps=3, samples=50))
    assert evidence.metrics["filters"].value == 64
    assert evidence.arrays["images"].shape == (64, 28, 28, 1)


def test_dead_filters_are_found(tiny):
    conv = format_keras.load(format_keras.Params(path=str(tiny / "conv.keras"), output="probabilities"))
    evidence = run(context(conv, samples()), Params(steps=5))
    assert evidence.arrays["dead"].tolist()[0] is True
    assert evidence.metrics["dead_filters"].value == np.sum(evidence.arrays["dead"]) >= 1
    assert np.isfinite(evidence.arrays["images"]).all()


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """Two networks side by side, one of them called twice, whose layers have the same names; with the networks."""
    import keras as k

    def network(name, filters, seed):
        k.utils.set_random_seed(seed)
        given = k.Input((6, 6, 1))
        return k.Model(given, k.layers.Conv2D(filters, 3, activation="relu", name="conv")(given), name=name)

    given = k.Input((6, 6, 1))
    left, right = network("left", 2, 1), network("right", 3, 2)
    outer = k.Model(given, right(given), name="outer")
    parts = [left(given), left(1 - given), outer(given)]
    scores = k.layers.Dense(3)(k.layers.Flatten()(k.layers.Concatenate()(parts)))
    path = tmp_path_factory.mktemp("nested") / "m.keras"
    k.Model(given, scores).save(path)
    return format_keras.load(format_keras.Params(path=str(path), output="logits")), left, right


@pytest.mark.parametrize(
    ("layer", "side", "mirrored"),
    [("left/conv", "left", False), ("left/1/conv", "left", True), ("outer/right/conv", "right", False)],
)
def test_layers_of_networks_within_a_network(nested, layer, side, mirrored):
    """Each is found by its network's name, with its own weights, and answers to what its network is given there."""
    classifier, left, right = nested
    network, given = left if side == "left" else right, samples()
    looked_at = 1 - given.images if mirrored else given.images
    plain = np.asarray(network(looked_at))
    evidence = run(context(classifier, given), Params(layer=layer, steps=2))
    np.testing.assert_allclose(evidence.arrays["kernel"], network.layers[-1].kernel, atol=1e-7)
    np.testing.assert_array_equal(evidence.arrays["dead"], plain.max(axis=(0, 1, 2)) <= 0)
    [shown] = [found for found in classifier.layers() if found.name == layer]
    np.testing.assert_allclose(np.asarray(shown.activations(given.images)), plain, atol=1e-5)
    ends = evidence.arrays["images"]
    climbed = np.asarray(network(1 - ends if mirrored else ends)).mean(axis=(1, 2))
    filters = np.arange(len(ends))
    np.testing.assert_allclose(evidence.arrays["activation"][-1], climbed[filters, filters], atol=1e-4)


def test_a_name_that_several_networks_have_is_no_name_of_one(nested):
    told = "'conv' could be any of several of model 'model': left/conv, left/1/conv, outer/right/conv"
    with pytest.raises(CheckError, match=told):
        run(context(nested[0], samples()), Params(layer="conv"))


@pytest.mark.parametrize(
    ("model", "params", "told"),
    [
        ("cnn", {"layer": "dense"}, r"layer 'dense' is a Dense, not a 2-D convolution .*: conv1, conv2"),
        ("cnn", {"layer": "conv3"}, r"unknown convolution layer .* 'conv3'; did you mean 'conv"),
        ("cnn", {"image": 4999}, "row 4999 is not in mnist_5k/validation"),
        ("regression", {}, "shows no convolution layer"),
    ],
)
def test_what_cannot_be_looked_at(networks, digits, model, params, told):
    with pytest.raises(CheckError, match=told):
        run(context(networks[model], digits), Params(**params))
