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
