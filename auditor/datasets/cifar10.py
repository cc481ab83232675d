"""CIFAR-10, 60 000 small colour photographs, fetched by Keras on first use.

What it measures
    Nothing by itself: it gives RGB 32 × 32 images of ten kinds of things in [0, 1] with their labels.

Why it matters
    Most published robustness numbers in colour were measured on it, usually at L∞ 8/255.

How to read it
    `validation` is the usual test set of 10 000 images. Needs the network once (170 MB), or Keras's own cached copy:
    `~/.keras/datasets/cifar-10-batches-py-target`, which can be carried over from another machine. A small set in
    colour that needs no network is `photo_patches`.

References
    Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from pathlib import Path

from auditor.reading import keras_archives
from auditor.values import Preview, Samples

_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDER = "cifar-10-batches-py-target/cifar-10-batches-py"


class Params(keras_archives.Params):
    """Which part of the set: 10 000 test images, or 50 000 to train on."""


def preview(params: Params) -> Preview:
    """What is known without loading."""
    return keras_archives.preview_of(params, {"train": [5000] * 10, "validation": [1000] * 10}, _CLASSES, (32, 32, 3))


def own_files(params: Params) -> tuple[Path, ...]:
    """Keras's own copy, which is all that is loaded once it is there."""
    return keras_archives.kept(_FOLDER, *(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def load(params: Params) -> Samples:
    """Load the images as (N, 32, 32, 3) float32 in [0, 1]; raise DataError where they can't be fetched."""
    instead = "bring Keras's cached copy from another machine, or use 'image_folder', 'npz' or 'photo_patches'"
    return keras_archives.fetch("cifar10", params, _CLASSES, instead)
