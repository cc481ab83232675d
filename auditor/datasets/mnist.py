"""The full MNIST set of 70 000 handwritten digits, fetched by Keras on first use.

What it measures
    Nothing by itself: it gives grey 28 × 28 images of handwritten digits in [0, 1] with their labels.

Why it matters
    The set on which most published robustness numbers for small networks were measured.

How to read it
    `validation` is the usual test set of 10 000 images. Needs the network once, or Keras's own cached copy.

References
    LeCun, Cortes and Burges, The MNIST database of handwritten digits.
"""

from typing import Literal

import numpy as np

from auditor.backend import tensorflow
from auditor.core import Preview, Samples
from auditor.datasets._common import make_samples
from auditor.errors import DataError
from auditor.fields import Parameters


class Params(Parameters):
    """Which part of the set."""

    split: Literal["validation", "train"] = "validation"
    """`validation`: the 10 000 test images; `train`: the 60 000 training images."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    return Preview(60_000 if params.split == "train" else 10_000, (0.0, 1.0))


def load(params: Params) -> Samples:
    """Load the images as (N, 28, 28, 1) float32 in [0, 1]; raise DataError where they can't be fetched."""
    tensorflow()
    from keras.datasets import mnist

    try:
        train, test = mnist.load_data()
    except Exception as error:  # Keras wraps every cause (no network, bad hash, full disk) in a bare Exception
        message = f"dataset 'mnist' can't be fetched ({error}); without a network use 'mnist_5k' or 'npz'"
        raise DataError(message) from error
    images, labels = train if params.split == "train" else test
    return make_samples(
        images[..., None] / 255.0,
        labels,
        np.arange(len(labels)),
        source=f"mnist/{params.split}",
        classes=[str(d) for d in range(10)],
    )
