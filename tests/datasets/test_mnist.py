"""The full MNIST set, with Keras's download replaced: tests use no network."""

import sys
from types import ModuleType

import numpy as np
import pytest

from auditor.datasets import mnist
from auditor.errors import DataError


@pytest.fixture
def keras_gives(monkeypatch: pytest.MonkeyPatch):
    """Let `keras.datasets.mnist.load_data` be a given function."""
    monkeypatch.setattr(mnist, "tensorflow", lambda: None)

    def use(load_data):
        datasets = ModuleType("keras.datasets")
        datasets.mnist = ModuleType("keras.datasets.mnist")
        datasets.mnist.load_data = load_data
        monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
        monkeypatch.setitem(sys.modules, "keras.datasets", datasets)

    return use


@pytest.mark.parametrize(("split", "label", "grey"), [("train", 3, 255), ("validation", 7, 51)])
def test_bytes_become_shares_of_white(keras_gives, split, label, grey):
    def part(count, value, digit):
        return np.full((count, 28, 28), value, np.uint8), np.full(count, digit, np.uint8)

    keras_gives(lambda: (part(3, 255, 3), part(2, 51, 7)))
    samples = mnist.load(mnist.Params(split=split))
    assert samples.images.shape == ({"train": 3, "validation": 2}[split], 28, 28, 1)
    assert np.all(samples.images == np.float32(grey / 255))
    assert set(samples.labels) == {label}


def test_without_a_network_it_says_what_else_there_is(keras_gives):
    def load_data():
        raise Exception("URL fetch failure: no route to host")

    keras_gives(load_data)
    with pytest.raises(DataError, match=r"can't be fetched \(URL fetch failure.*use 'mnist_5k' or 'npz'"):
        mnist.load(mnist.Params())
