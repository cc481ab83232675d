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

from pathlib import Path

from auditor.reading import keras_archives
from auditor.values import Preview, Samples

_SIZES = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "validation": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}


class Params(keras_archives.Params):
    """Which part of the set: 10 000 test images, or 60 000 to train on."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    return keras_archives.preview_of(params, _SIZES, [str(d) for d in range(10)], (28, 28, 1))


def own_files(params: Params) -> tuple[Path, ...]:
    """Keras's own copy, which is all that is loaded once it is there."""
    return keras_archives.kept("", "mnist.npz")


def load(params: Params) -> Samples:
    """Load the images as (N, 28, 28, 1) float32 in [0, 1]; raise DataError where they can't be fetched."""
    return keras_archives.fetch("mnist", params, [str(d) for d in range(10)], "use 'mnist_5k' or 'npz'")
