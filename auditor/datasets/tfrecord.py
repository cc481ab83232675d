"""Your own images, from TFRecord files of `tf.train.Example`, plain or gzipped.

What it measures
    Nothing by itself: it gives the images of the records in [0, 1], with their labels.

Why it matters
    What TensorFlow's input pipelines are fed with, so often the very files that a model was tested on.

How to read it
    `path` is a file, or a folder whose files with `tfrecord` in their names are read in the order of these. Of every
    record, `image_feature` is one PNG or JPEG image, or with `shape` its unsigned bytes in that shape, and
    `label_feature` one class number. An image's index is its record, from 0, through all files. 8-bit values are
    divided by 255. What a resized image is, `image_folder` explains. TensorFlow verifies every record's checksum.

References
    TensorFlow, TFRecord and tf.train.Example.
"""

from array import array
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from auditor.compute import tensorflow
from auditor.reading import (
    GZIP,
    Names,
    Pictures,
    at_positions,
    begins,
    explained,
    load_pictures,
    named,
    opened,
    parts,
    printable,
    remaining,
)
from auditor.telling.reason import reason
from auditor.values import Count, DataError, FilePath, IntArray, Preview, Samples, one_of

_FRAME = 16  # bytes around every record: its length and two checksums


class Params(Pictures):
    """Where the records are, and which of their features matter."""

    path: FilePath
    """The file, or the folder of its parts."""
    image_feature: str = "image"
    """The feature that is an image."""
    label_feature: str = "label"
    """The feature that is a label."""
    shape: Annotated[list[Count], Field(min_length=3, max_length=3)] | None = None
    """Height, width and channels of images that are stored as plain bytes; left out if they are PNG or JPEG."""
    names: Names | None = None
    """Names of the classes, in order."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Params":
        if self.shape is not None and {"channels", "resize", "center_crop", "exif"} & self.model_fields_set:
            raise ValueError(
                "`channels`, `resize`, `center_crop` and `exif` are for PNG and JPEG; with `shape` leave them out"
            )
        return self


def preview(params: Params) -> Preview:
    """The subset at most: how many records there are is known only when all are read."""
    return Preview(params.most(None), (0.0, 1.0), named(params.names))


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    labels = array("q", (_label(example, shown, params) for shown, example in _examples(params)))
    if not labels:
        raise DataError(f"{printable(params.path)} has no records")

    def fetch(positions: IntArray) -> Iterator[tuple[str, bytes | NDArray[np.uint8]]]:
        for _, (shown, example) in at_positions(_examples(params), positions):
            yield shown, _image(example, shown, params)

    numbers = np.frombuffer(labels, np.int64)
    return load_pictures(fetch, numbers, np.arange(len(numbers)), "tfrecord", params.names, params)


def _examples(params: Params) -> Iterator[tuple[str, Any]]:
    """Every record, with where it is; one at a time is in memory."""
    for path in parts(params.path, "*tfrecord*"):
        yield from _records(path)


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    tf = tensorflow()
    damaged = import_module("google.protobuf.message").DecodeError
    with explained(path):
        gzipped = begins(path, GZIP)
    number = end = 0
    try:
        for raw in tf.data.TFRecordDataset(str(path), "GZIP" if gzipped else "").as_numpy_iterator():
            yield f"{printable(path)}, record {number}", tf.train.Example.FromString(raw)
            number, end = number + 1, end + len(raw) + _FRAME
    except tf.errors.OpError as error:
        message = f"record {number} is damaged or cut off, or this is no TFRecord file"
        raise DataError(f"{printable(path)}: {message} ({printable(reason(error))})") from error
    except damaged as error:
        raise DataError(f"{printable(path)}: record {number} is no tf.train.Example") from error
    # TensorFlow takes a record of which less than the header is left, and gzip data that ends early, for the end.
    with explained(path), opened(path, GZIP) as file:
        if end != remaining(file):
            raise DataError(f"{printable(path)}: record {number} is cut off")


def _feature(example: Any, name: str, shown: str) -> Any:
    features = example.features.feature
    if name not in features:  # asking for it would add it
        raise DataError(f"{shown}: {one_of(name, sorted(features), 'feature')}")
    return features[name]


def _label(example: Any, shown: str, params: Params) -> int:
    feature = _feature(example, params.label_feature, shown)
    values = feature.float_list.value or feature.int64_list.value
    if len(values) != 1:
        raise DataError(f"{shown}: {params.label_feature!r} holds {len(values)} int64 or float values; one is needed")
    if not float(values[0]).is_integer():
        raise DataError(f"{shown}: {params.label_feature!r} is {values[0]:g}; a class number is needed")
    return int(values[0])


def _image(example: Any, shown: str, params: Params) -> bytes | NDArray[np.uint8]:
    values = _feature(example, params.image_feature, shown).bytes_list.value
    if len(values) != 1:
        raise DataError(f"{shown}: {params.image_feature!r} holds {len(values)} values of bytes; one is needed")
    content: bytes = values[0]
    if params.shape is None:
        return content
    pixels = np.frombuffer(content, np.uint8)
    if pixels.size != np.prod(params.shape):
        sizes = " × ".join(map(str, params.shape))
        raise DataError(f"{shown}: {params.image_feature!r} has {pixels.size} bytes; {sizes} are needed")
    return pixels.reshape(params.shape)
