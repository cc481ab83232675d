"""The example networks and data, loaded once for all checks."""

import pytest

from auditor.datasets import mnist_5k
from auditor.models import keras as format_keras

NAMES = {
    "cnn": "mnist_cnn",
    "retrained-1": "mnist_cnn_seed1",
    "retrained-2": "mnist_cnn_seed2",
    "retrained-3": "mnist_cnn_seed3",
    "regression": "mnist_softmax",
    "hardened": "mnist_cnn_hardened",
}


@pytest.fixture(scope="session")
def networks(checkpoints):
    """The example networks by the names above."""
    return {
        name: format_keras.load(
            format_keras.Params(
                path=str(checkpoints / f"{file}.keras"), output="logits" if name == "hardened" else "probabilities"
            )
        )
        for name, file in NAMES.items()
    }


@pytest.fixture(scope="session")
def digits():
    """The 1000 held-out MNIST images."""
    return mnist_5k.load(mnist_5k.Params())
