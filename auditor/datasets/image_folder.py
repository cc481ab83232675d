"""Your own images, from a folder that holds one folder of PNG or JPEG files for every class.

What it measures
    Nothing by itself: it gives the images in [0, 1], labelled by the folder they lie in.

Why it matters
    The layout that Keras's `image_dataset_from_directory` and torchvision's `ImageFolder` train from.

How to read it
    Classes are numbered in the order of their folders' names, as both of those do ("10" comes before "2"); `names`
    gives another order. Within a class, files are in natural order ("2.png" before "10.png"). An image's index is its
    row in that list, class by class; the samples themselves take turns among the classes, so that any first n hold
    each in proportion. 8-bit values are divided by 255. Hidden files are passed over; anything else within a
    class's folder that is no PNG or JPEG file is refused. Resizing is bilinear, over the area that shrinks to a
    pixel; what is audited then is the resized image. Orientation tags and colour profiles are ignored.

References
    Keras, keras.utils.image_dataset_from_directory. torchvision, torchvision.datasets.ImageFolder.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from auditor.core import IntArray, Preview, Samples
from auditor.datasets._common import printable
from auditor.datasets._pictures import SUFFIXES, Pictures, load_pictures
from auditor.errors import DataError, one_of
from auditor.fields import FilePath
from auditor.sampling import in_turn


class Params(Pictures):
    """Where the folder is, and what becomes of its images."""

    path: FilePath
    """The folder that holds a folder for every class."""
    names: list[str] | None = None
    """The names of the class folders in the order of the model's classes; sorted if left out."""


def preview(params: Params) -> Preview:
    """How many files there are; a folder that isn't as it should be is for `load` to explain."""
    try:
        images = sum(len(files) for _, files in _listing(params).values())
    except DataError:
        images = None
    return Preview(params.most(images), (0.0, 1.0))


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    listing = _listing(params)
    classes = list(listing.values())
    sizes = [len(files) for _, files in classes]
    labels, starts = np.repeat(np.arange(len(classes)), sizes), np.cumsum([0, *sizes])
    order = in_turn(labels)

    def fetch(positions: IntArray) -> Iterator[tuple[str, Path]]:
        for row in order[positions]:
            folder, files = classes[labels[row]]
            path = folder / files[row - starts[labels[row]]]
            yield printable(path), path

    return load_pictures(fetch, labels[order], order, "image_folder", list(listing), params)


def _listing(params: Params) -> dict[str, tuple[Path, list[str]]]:
    """The folder of every class and the names of its files, classes and files in order."""
    folder = Path(params.path)
    shown = printable(folder)
    try:
        entries = {printable(entry.name): entry for entry in _entries(folder)}
        found = sorted(name for name, entry in entries.items() if entry.is_dir())
        if not found:
            raise DataError(f"{shown} holds no folders; one for every class is needed")
        stray = sorted(name for name, entry in entries.items() if _is_picture(entry))
        if stray:
            raise DataError(f"{shown} holds {stray[0]}, which belongs to no class; move it into a class's folder")
        names = found if params.names is None else params.names
        for name in names:
            if name not in found:
                raise DataError(f"{shown}: {one_of(name, found, 'class folder')}")
        left = sorted(set(found) - set(names))
        if left:
            raise DataError(f"{shown}: `names` leaves out the folder {left[0]!r}; choose images by `classes`")
        return {name: (folder / entries[name].name, _files(folder / entries[name].name)) for name in names}
    except OSError as error:
        raise DataError(f"{shown} can't be read: {error.strerror or error}") from error


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What the folder holds, without keeping a path for each of a million files."""
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _files(folder: Path) -> list[str]:
    files: list[str] = []
    wrong: list[str] = []
    for entry in _entries(folder):
        (files if _is_picture(entry) else wrong).append(entry.name)
    if wrong:
        raise DataError(f"{printable(folder / min(wrong))} is no PNG or JPEG file; move it out of the class's folder")
    if not files:
        raise DataError(f"{printable(folder)} holds no images; a class without any can't be audited")
    files.sort()
    files.sort(key=_natural)
    return files


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()


def _natural(name: str) -> str:
    """A key by which numbers within a name follow their size: each behind a byte no name has, and its length."""
    return re.sub("0*([0-9]+)", lambda number: f"\0{chr(len(number[1]))}{number[1]}", name)
