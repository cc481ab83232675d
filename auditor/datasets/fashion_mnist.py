"""Fashion-MNIST, 70 000 pictures of clothes in the shape of MNIST, fetched by Keras on first use.

What it measures
    Nothing by itself: it gives grey 28 × 28 images of ten kinds of clothing in [0, 1] with their labels.

Why it matters
    It fits every network made for MNIST, and is harder: digits alone flatter a method.

How to read it
    `validation` is the usual test set of 10 000 images. Needs the network once, or Keras's own cached copy. Without
    one, put the four files of the set (`t10k-images-idx3-ubyte.gz` and its like) anywhere and use the dataset `idx`.

References
    Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, 2017.
"""

from pathlib import Path

from auditor.reading import keras_archives
from auditor.values import Preview, Samples

_CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_FILES = tuple(f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("labels-idx1", "images-idx3"))


class Params(keras_archives.Params):
    """Which part of the set: 10 000 test images, or 60 000 to train on."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    return keras_archives.preview_of(params, {"train": [6000] * 10, "validation": [1000] * 10}, _CLASSES, (28, 28, 1))


def own_files(params: Params) -> tuple[Path, ...]:
    """Keras's own copy, which is all that is loaded once it is there."""
    return keras_archives.kept("fashion-mnist", *_FILES)


def load(params: Params) -> Samples:
    """Load the images as (N, 28, 28, 1) float32 in [0, 1]; raise DataError where they can't be fetched."""
    return keras_archives.fetch("fashion_mnist", params, _CLASSES, "use 'idx' on the set's own files, or 'npz'")
