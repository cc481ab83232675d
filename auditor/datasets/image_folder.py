"""Your own images, from a folder that holds one folder of PNG or JPEG files for every class.

What it measures
    Nothing by itself: it gives the images in [0, 1], labelled by the folder they lie in.

Why it matters
    The layout that Keras's `image_dataset_from_directory` and torchvision's `ImageFolder` train from.

How to read it
    Classes are numbered in the natural order of their folders' names: numbers by their size ("2" before "10"), also
    within a name ("b2" before "b10"). Keras and torchvision number them as text ("10" before "2"). Where the two
    differ, the order isn't in the folder: if the model was trained by the other one, `names` has to say so; the report
    lists the number of every name, and points it out. Numbers and other names together need `names`, which may also
    name classes without images. Within a class, files are in natural order. An image's index is its row in that list,
    class by class; the samples themselves take turns among the classes, so that any first n hold each in proportion.
    8-bit values are divided by 255. Hidden files and what operating systems leave (`Thumbs.db`, `desktop.ini`,
    `__MACOSX`) are passed over, and said; anything else within a class's folder that is no PNG or JPEG file is refused.
    Folders within a class's folder are looked into, as by Keras and torchvision, but links to folders aren't.
    With `attributes: [site, device]` the images of a class lie that many folders deeper, `cat/oslo/phone/1.png`, and
    the folders on the way are their attributes. Resizing is Pillow's, over the area that shrinks to a pixel, as is
    torchvision's; with `antialias: false` it is Keras'. What is audited then is the resized image. Images are turned as
    their orientation tag says, unless `exif: ignore`; colour profiles are ignored.

References
    Keras, keras.utils.image_dataset_from_directory. torchvision, torchvision.datasets.ImageFolder.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from auditor.reading import SUFFIXES, Names, Pictures, load_pictures, natural, printable
from auditor.telling.lists import listed
from auditor.telling.reason import os_reason
from auditor.values import Attribute, DataError, EachOnce, FilePath, IntArray, Preview, Samples, from_texts, in_turn

# What operating systems put into folders, in small letters.
_LEFT_BEHIND = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")


class Params(Pictures):
    """Where the folder is, and what becomes of its images."""

    path: FilePath
    """The folder that holds a folder for every class."""
    names: Names | None = None
    """The names of the class folders in the order of the model's classes, also of those without a folder; in natural
    order if left out."""
    attributes: Annotated[list[Annotated[str, Field(min_length=1)]], *EachOnce] = Field(default_factory=list)
    """What the folders within a class's folder stand for, from the outermost: with `[site, device]` an image lies at
    `class/site/device/file`. Groups can be made by them."""


def preview(params: Params) -> Preview:
    """How many files there are; a folder that isn't as it should be is for `load` to explain."""
    try:
        found = _listing(params)
    except DataError:
        return Preview(params.most(None), (0.0, 1.0))
    each = [len(one.files) for one in found.classes]
    names, sizes = tuple(one.name for one in found.classes), params.most_of_each(each)
    return Preview(params.most(sum(each)), (0.0, 1.0), names, found.doubts, sizes, attributes=_within(found, params))


def load(params: Params) -> Samples:
    """Load the images as (N, H, W, C) float32 in [0, 1]; raise DataError for what can't be used."""
    found = _listing(params)
    classes = found.classes
    sizes = [len(one.files) for one in classes]
    labels, starts = np.repeat(np.arange(len(classes)), sizes), np.cumsum([0, *sizes])
    order = in_turn(labels)

    def fetch(positions: IntArray) -> Iterator[tuple[str, Path]]:
        for row in order[positions]:
            one = classes[labels[row]]
            path = one.folder / one.files[row - starts[labels[row]]]
            yield printable(path), path

    names, remarks = [one.name for one in classes], (*found.doubts, *found.remarks)
    known = {name: values[order] for name, values in _within(found, params).items()}
    return load_pictures(fetch, labels[order], order, "image_folder", names, params, remarks, known)


@dataclass(frozen=True)
class _Class:
    """A class: its name, its folder, and the files there, in order, by their names or paths within it."""

    name: str
    folder: Path
    files: tuple[str, ...]


@dataclass(frozen=True)
class _Listing:
    """All classes in order. doubts: whether that is the model's order. remarks: what else to know of the folder."""

    classes: tuple[_Class, ...]
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]


def _listing(params: Params) -> _Listing:
    folder = Path(params.path)
    shown = printable(folder)
    passed: Counter[str] = Counter()
    try:
        entries = list(_entries(folder, passed))
        # Folders by their true names: two that are no text may be written alike.
        found = [entry.name for entry in entries if entry.is_dir()]
        stray = sorted(printable(entry.name) for entry in entries if _is_picture(entry))
        if not found:
            raise DataError(f"{shown} holds no folders; one for every class is needed")
        if stray:
            raise DataError(f"{shown} holds {stray[0]}, which belongs to no class; move it into a class's folder")
        names = _in_order(found, shown) if params.names is None else _named(params.names, found, shown)
        classes = []
        for name in names:
            files = _files(folder / name, passed, params.attributes or None) if name in found else ()
            if not files and params.names is None:
                way = "remove it, or list all classes in `names`, which may have some without images"
                raise DataError(f"{printable(folder / name)} holds no images; {way}")
            classes.append(_Class(printable(name), folder / name, files))
    except OSError as error:
        raise DataError(f"{shown} can't be read: {os_reason(error)}") from error
    if not any(one.files for one in classes):
        raise DataError(f"{shown} holds no images of any class in `names`")
    doubts = _doubts([one.name for one in classes]) if params.names is None else ()
    return _Listing(tuple(classes), doubts, tuple(_remarks(classes, passed)))


def _in_order(found: list[str], shown: str) -> list[str]:
    numbers = [name for name in found if name.isascii() and name.isdigit()]
    if numbers and len(numbers) < len(found):
        other = min(set(found) - set(numbers))
        both = f"{shown} has class folders that are numbers, such as {numbers[0]}, and others, such as"
        way = "list all in `names`, in the order of the model's classes"
        raise DataError(f"{both} {printable(other)}: which is which class isn't in the folder; {way}")
    return sorted(sorted(found), key=natural)


def _named(names: list[str], found: list[str], shown: str) -> list[str]:
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise DataError(f"{shown}: `names` has {twice!r} twice, but a folder is one class")
    left = sorted(set(found) - set(names), key=natural)
    if left:
        near = get_close_matches(left[0], sorted(set(names) - set(found)), n=1, cutoff=0.5)
        hint = f" (or is it {near[0]!r}, which has no folder?)" if near else ""
        raise DataError(
            f"{shown}: `names` leaves out the folder {printable(left[0])!r}{hint}; choose images by `classes`"
        )
    return names


def _doubts(names: list[str]) -> tuple[str, ...]:
    text = sorted(names)
    if text == names:
        return ()
    here, there = (listed(some, 4) for some in (names, text))
    told = f"class folders are numbered in natural order ({here}), where Keras and torchvision do it as text ({there})"
    return (f"{told}: if the model was trained on theirs, write that order in `names`",)


def _remarks(classes: list[_Class], passed: Counter[str]) -> Iterator[str]:
    empty = [one.name for one in classes if not one.files]
    if empty:
        yield f"there are no images of the class{'' if len(empty) == 1 else 'es'} {', '.join(empty)}"
    if passed:
        some = listed(sorted(passed), 4)
        yield f"{passed.total()} hidden files, or such as operating systems leave, were passed over: {some}"


def _entries(folder: Path, passed: Counter[str]) -> Iterator[os.DirEntry[str]]:
    """What the folder holds, without keeping a path for each of a million files; what isn't meant goes to `passed`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _LEFT_BEHIND:
                passed[printable(entry.name)] += 1
            else:
                yield entry


def _files(folder: Path, passed: Counter[str], levels: Sequence[str] | None) -> tuple[str, ...]:
    """The images of a folder, by their paths within: as many folders deeper as there are levels, or at any depth."""
    files: list[str] = []
    wrong: list[str] = []
    for entry in _entries(folder, passed):
        # To any depth no links are followed, which may lead round.
        if entry.is_dir(follow_symlinks=False) if levels is None else levels and entry.is_dir():
            below = levels and levels[1:]
            files += (f"{entry.name}/{inner}" for inner in _files(folder / entry.name, passed, below))
        else:
            (files if not levels and _is_picture(entry) else wrong).append(entry.name)
    if wrong and levels:
        message = f"is no folder, but `attributes` says that those here are each one {levels[0]!r}; move it into one"
        raise DataError(f"{printable(folder / min(wrong))} {message}")
    if wrong:
        way = "convert it if it is an image of this class, else move it out of the folder"
        raise DataError(f"{printable(folder / min(wrong))} is no PNG or JPEG file; {way}")
    return tuple(sorted(sorted(files), key=natural))


def _within(found: _Listing, params: Params) -> Mapping[str, Attribute]:
    """What the folders that each image lies in say of it, (N,) by level."""
    paths = [file.split("/") for one in found.classes for file in one.files]
    return {name: from_texts([printable(path[at]) for path in paths]) for at, name in enumerate(params.attributes)}


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()
