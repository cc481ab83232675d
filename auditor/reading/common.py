"""What every dataset owes: a choice among its images, a look at them, and a digest of exactly what will be used."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from auditor.reading.intake import Duplicates, check_images, check_names, checked, digest_of, whole_numbers
from auditor.values import (
    Attribute,
    ClassNumber,
    Count,
    DataError,
    IntArray,
    Parameters,
    Samples,
    in_turn,
    one_of,
    ranking,
)

# What 8-bit values are worth in [0, 1]: [0, 255] uint8 to float32, rounded once.
SHADES = (np.arange(256) / 255.0).astype(np.float32)


def _texts(value: Any) -> Any:
    whole = isinstance(value, list) and all(isinstance(name, int) and not isinstance(name, bool) for name in value)
    return list(map(str, value)) if whole else value


# Names of classes in order; where all are numbers they needn't be quoted.
Names = Annotated[
    list[str],
    Field(min_length=1),
    BeforeValidator(_texts, json_schema_input_type=Annotated[list[str] | list[int], Field(min_length=1)]),
]


class Subset(Parameters):
    """Which of a dataset's images are taken: all of them, if nothing is said. The conditions hold together."""

    indices: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """Take just these rows of the data source, in this order."""
    classes: Annotated[list[ClassNumber | str], Field(min_length=1)] | None = None
    """Take only images of these classes, by number or name. Numbers stay what they are."""
    count: Count | None = None
    """Take so many: every class in proportion, of its images any, but always the same."""
    duplicates: Duplicates = "drop"
    """What becomes of images that are there more than once, exactly or but for noise of a grey level: only the first
    counts (`drop`), or all do (`count`), as if each had been observed anew."""

    show_channels: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=3, max_length=3)] | None = None
    """Of images with other channels than grey or RGB: those shown as red, green and blue, counted from 0, such as
    `[3, 2, 1]`; if left out, all are shown as bands. What is measured doesn't depend on it."""

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A choice that isn't made isn't written down, so that it reads like a record made before there was any; nor is
        # an empty list, which says no more than none.
        written: dict[str, Any] = handler(self)
        unsaid = {name: info.default for name, info in Subset.model_fields.items()}
        return {key: value for key, value in written.items() if value != unsaid.get(key, [])}

    def most(self, images: int | None) -> int | None:
        """How many are taken at most, out of so many."""
        limits = (images, len(self.indices) if self.indices else None, self.count)
        return min((limit for limit in limits if limit is not None), default=None)

    def most_of_each(self, sizes: Sequence[int]) -> tuple[int, ...] | None:
        """How many images of each class are taken at most, out of so many; None where that takes the labels."""
        if self.indices is not None or self.classes is not None:
            return None
        share = 1.0 if self.count is None else min(1.0, self.count / max(1, sum(sizes)))
        return tuple(math.ceil(size * share - 1e-9) for size in sizes)

    def majority(self, labels: IntArray) -> float | None:
        """The share of the most frequent class of labels (N,), which `count` keeps; None where others are chosen."""
        chosen = self.indices is not None or self.classes is not None
        return None if chosen or not len(labels) else float(np.bincount(labels).max() / len(labels))

    def choose(self, labels: IntArray, rows: IntArray, names: Sequence[str] | None, source: str) -> IntArray:
        """Positions (n,) of the images to take, out of labels (N,) and each one's row in the source (N,).

        Raises DataError for rows, classes or a count that there aren't.
        """
        taken = np.arange(len(labels))
        if self.indices is not None:
            where = {int(row): position for position, row in enumerate(rows)}
            absent = [row for row in self.indices if row not in where]
            if absent:
                there = f"there are {len(where)}, up to {max(where)}" if where else "there are none"
                raise DataError(f"{source}: row {absent[0]} of `indices` isn't among its rows ({there})")
            twice = [row for row, times in Counter(self.indices).items() if times > 1]
            if twice:
                raise DataError(f"{source}: `indices` names row {twice[0]} twice; an image counts once")
            taken = np.array([where[row] for row in self.indices])
        if self.classes is not None:
            numbers = [_class_number(wanted, names, source) for wanted in self.classes]
            taken = taken[np.isin(labels[taken], numbers)]
            missing = sorted(set(numbers) - set(labels[taken].tolist()))
            if missing:
                raise DataError(f"{source}: no image to take is of class {missing[0]}, which `classes` names")
        if self.count is not None:
            if self.count > len(taken):
                raise DataError(f"{source}: `count` asks for {self.count} images, there are {len(taken)}")
            # Ranked by their rows: images needn't be read before they are chosen.
            ranks = ranking(0, labels[taken], (b"%d" % rows[position] for position in taken))
            taken = taken[np.sort(in_turn(labels[taken], self.count, ranks))]
        return taken

    def take(self, labels: IntArray, rows: IntArray, names: Sequence[str] | None, source: str) -> tuple[IntArray, str]:
        """What `choose` gives, and the source's name with how many of how many these are."""
        taken = self.choose(labels, rows, names, source)
        return taken, source if len(taken) == len(labels) else f"{source} ({len(taken)} of {len(labels)})"


def _class_number(wanted: int | str, names: Sequence[str] | None, source: str) -> int:
    if isinstance(wanted, int):
        return wanted
    named = [number for number, name in enumerate(names or ()) if name == wanted]
    if len(named) > 1:
        raise DataError(f"{source}: the classes {', '.join(map(str, named))} are all called {wanted!r}; give a number")
    if not named:
        raise DataError(f"{source}: {one_of(wanted, names or (), 'class')}")
    return named[0]


def printable(path: str | Path) -> str:
    """A path or name as text that can be written anywhere: bytes that are no UTF-8 become escapes."""
    return str(path).encode(errors="backslashreplace").decode()


def named(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """The classes of a preview, where a spec names them."""
    return None if names is None else tuple(names)


def classes_taken(labels: IntArray) -> int | None:
    """How many classes the labels of a preview (N,) take, where there are any."""
    return int(labels.max()) + 1 if len(labels) else None


def natural(name: str) -> str:
    """A key by which numbers within a name follow their size: each behind a byte no name has, and its length."""
    return re.sub("0*([0-9]+)", lambda number: f"\0{chr(len(number[1]))}{number[1]}", name)


def make_samples(
    images: NDArray[Any],
    labels: NDArray[Any],
    indices: NDArray[Any],
    source: str,
    classes: Sequence[str] | None = None,
    box: tuple[float, float] = (0.0, 1.0),
    subset: Subset | None = None,
    remarks: Sequence[str] = (),
    attributes: Mapping[str, Attribute] | None = None,
) -> Samples:
    """Check images (N, H, W, C) and labels (N,), and wrap up those of the subset.

    indices: (N,), each image's row in the source. remarks: what to know of them. attributes: what else is known of each
    image, (N,) by name. Raises DataError for what can't be used.
    """
    known = dict(attributes or {})
    check_images(images.shape, images.dtype, source)
    labels = whole_numbers(labels, len(images), source)
    if classes is not None:
        check_names(classes, source)
    if subset is not None:
        taken, source = subset.take(labels, indices, classes, source)
        images, labels, indices = images[taken], labels[taken], indices[taken]
        known = {name: values[taken] for name, values in known.items()}
    images, labels, indices = checked(images, labels, indices, box, classes, source)
    names = tuple(classes) if classes else None
    digest = digest_of(images, labels, indices)
    return Samples(images, labels, indices, box, names, source, digest, {}, tuple(remarks), known)


def packaged(package: str, *names: str) -> tuple[Path, ...]:
    """Paths of files that a package ships, found without importing it; none where it isn't installed."""
    spec = find_spec(package)
    return tuple(Path(spec.origin).parent / name for name in names) if spec and spec.origin else ()
