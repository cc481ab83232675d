"""A set of TensorFlow Datasets: fetched over the network on first use, or a folder that was prepared before.

What it measures
    Nothing by itself: it gives the images of one split in [0, 1], with their labels and the classes' names.

Why it matters
    Hundreds of published sets have one name and one form there.

How to read it
    A set that `data_dir` holds needs no network, and no code for it: the folder that `tfds build` writes can be carried
    over from another machine. One that names features of other packages is refused, as their code would be run. Any
    other set is downloaded and prepared, which needs the network and time. Images are taken as they are stored (PNG or
    JPEG) and decoded here; an image's index is its place in the split, in the order of its files. 8-bit values are
    divided by 255. What a resized image is, `image_folder` explains. Needs the extra `tfds`.

References
    TensorFlow Datasets, a collection of ready-to-use datasets, https://www.tensorflow.org/datasets.
"""

import json
from array import array
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from auditor.compute import tensorflow
from auditor.reading import Pictures, at_positions, load_pictures, printable
from auditor.telling.reason import reason
from auditor.values import DataError, FilePath, IntArray, Preview, Samples, one_of


class Params(Pictures):
    """Which set, and what becomes of its images."""

    name: str
    """The set, such as `cifar10`, with a version (`cifar10:3.0.2`) or a configuration (`cifar10_corrupted/fog_1`)."""
    split: str = "test"
    """The split, such as `test` or `validation`."""
    data_dir: FilePath | None = None
    """The folder of prepared sets; `~/tensorflow_datasets` if left out."""
    image_feature: str = "image"
    """The feature that is an image."""
    label_feature: str = "label"
    """The feature that is a label."""


def preview(params: Params) -> Preview:
    """The subset at most: the split's size is known only where TensorFlow Datasets runs."""
    return Preview(params.most(None), (0.0, 1.0))


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be fetched or used."""
    tf = tensorflow()
    try:
        tfds = import_module("tensorflow_datasets")
    except ImportError as error:
        message = "dataset 'tfds' needs tensorflow-datasets: pip install 'robustness-auditor[tfds]'"
        raise DataError(message) from error
    shown = f"tfds/{printable(params.name)}/{printable(params.split)}"
    builder = _prepared(tfds, params)
    if params.split not in builder.info.splits:
        raise DataError(f"{shown}: {one_of(params.split, sorted(builder.info.splits), 'split')}")
    features = builder.info.features
    for name, kind in ((params.image_feature, tfds.features.Image), (params.label_feature, tfds.features.ClassLabel)):
        fitting = sorted(key for key in features if isinstance(features[key], kind))
        if name not in fitting:
            raise DataError(f"{shown}: {one_of(name, fitting, f'feature of type {kind.__name__}')}")
    try:
        dataset = builder.as_dataset(
            split=params.split,
            shuffle_files=False,
            decoders={params.image_feature: tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
    except Exception as error:  # what describes its files is damaged: each part is read by other code
        raise DataError(f"{shown}: its files can't be opened ({_told(error)})") from error

    def examples() -> Iterator[Any]:
        position = 0
        try:
            for position, example in enumerate(dataset.as_numpy_iterator()):  # noqa: B007 - told where it ends
                yield example
        except tf.errors.OpError as error:
            raise DataError(f"{shown}: what follows image {position} is damaged ({_told(error)})") from error

    def fetch(positions: IntArray) -> Iterator[tuple[str, bytes]]:
        for position, example in at_positions(examples(), positions):
            yield f"{shown}, image {position}", example[params.image_feature]

    labels = np.array(array("q", (int(example[params.label_feature]) for example in examples())))
    names = features[params.label_feature].names
    return load_pictures(fetch, labels, np.arange(len(labels)), shown, names, params)


def _prepared(tfds: Any, params: Params) -> Any:
    _check_features(Path(params.data_dir or "~/tensorflow_datasets").expanduser())
    try:
        builder = tfds.builder(params.name, data_dir=params.data_dir)
        if not builder.is_prepared():
            builder.download_and_prepare()
    except Exception as error:  # every set brings its own code, and with it its own errors
        message = f"({_told(error)}); without a network prepare it on another machine and set `data_dir`"
        raise DataError(f"tfds: {printable(params.name)!r} can't be opened or fetched {message}") from error
    return builder


def _check_features(folder: Path) -> None:
    """Refuse prepared sets that name features of other packages: TensorFlow Datasets would import those packages."""
    for path in folder.rglob("features.json"):
        try:
            names = list(_classes(json.loads(path.read_bytes())))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"tfds: {printable(path)} can't be read: {_told(error)}") from error
        foreign = [name for name in names if not str(name).startswith("tensorflow_datasets.")]
        if foreign:
            message = f"names a feature of another package, {printable(str(foreign[0]))!r}, whose code isn't run"
            raise DataError(f"tfds: {printable(path)} {message}")


def _classes(content: Any) -> Iterator[Any]:
    """The Python classes that a description of features names, wherever they stand in it."""
    if isinstance(content, dict):
        yield from (content[key] for key in ("pythonClassName", "python_class_name", "type") if key in content)
    for part in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _classes(part)


def _told(error: Exception) -> str:
    return printable(reason(error))
