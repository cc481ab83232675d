"""What every dataset owes: a choice among its images, a look at them, and a digest of exactly what will be used."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from auditor.core import IntArray, Samples
from auditor.errors import DataError, one_of
from auditor.fields import ClassNumber, Count, Parameters
from auditor.sampling import in_turn, ranking

# What 8-bit values are worth in [0, 1]: [0, 255] uint8 to float32, rounded once.
SHADES = (np.arange(256) / 255.0).astype(np.float32)


class Subset(Parameters):
    """Which of a dataset's images are taken: all of them, if nothing is said. The conditions hold together."""

    indices: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """Take just these rows of the data source, in this order."""
    classes: Annotated[list[ClassNumber | str], Field(min_length=1)] | None = None
    """Take only images of these classes, by number or name. Numbers stay what they are."""
    count: Count | None = None
    """Take so many: every class in proportion, of its images any, but always the same."""

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A choice that isn't made isn't written down, so that it reads like a record made before there was any.
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value is not None or key not in Subset.model_fields}

    def most(self, images: int | None) -> int | None:
        """How many are taken at most, out of so many."""
        limits = (images, len(self.indices) if self.indices else None, self.count)
        return min((limit for limit in limits if limit is not None), default=None)

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
    if wanted not in (names or ()):
        raise DataError(f"{source}: {one_of(wanted, names or (), 'class')}")
    return list(names or ()).index(wanted)


def printable(path: str | Path) -> str:
    """A path or name as text that can be written anywhere: bytes that are no UTF-8 become escapes."""
    return str(path).encode(errors="backslashreplace").decode()


def check_form(shape: tuple[int, ...], dtype: np.dtype[Any], labels: NDArray[Any], source: str) -> None:
    """Raise DataError unless images of this shape and type, with these labels (N,), can be chosen among."""
    if len(shape) != 4:
        raise DataError(f"{source}: images have shape {shape}; (N, H, W) or (N, H, W, C) is needed")
    if dtype.kind not in "fiu" or labels.dtype.kind not in "iu":
        message = f"{source}: images must be numbers and labels whole numbers, got {dtype} and {labels.dtype}"
        raise DataError(message)
    if 0 in shape:
        raise DataError(f"{source}: there are no images (shape {shape})")
    if labels.shape != shape[:1]:
        raise DataError(f"{source}: {shape[0]} images need as many labels, got shape {labels.shape}")


def make_samples(
    images: NDArray[Any],
    labels: NDArray[Any],
    indices: NDArray[Any],
    source: str,
    classes: Sequence[str] | None = None,
    box: tuple[float, float] = (0.0, 1.0),
    subset: Subset | None = None,
) -> Samples:
    """Check images (N, H, W, C) and labels (N,), and wrap up those of the subset.

    indices: (N,), each image's row in the source. Raises DataError for what can't be used.
    """
    check_form(images.shape, images.dtype, labels, source)
    if subset is not None:
        taken, source = subset.take(labels, indices, classes, source)
        images, labels, indices = images[taken], labels[taken], indices[taken]
    broken = ~np.isfinite(images).all(axis=(1, 2, 3))
    if broken.any():
        raise DataError(f"{source}: {_which(broken, indices)} hold NaN or infinity")
    images = np.ascontiguousarray(images, dtype=np.float32)
    low, high = box
    each = (1, 2, 3)
    outside = (images.min(axis=each) < np.float32(low)) | (images.max(axis=each) > np.float32(high))
    if outside.any():
        span = f"{images.min():g} to {images.max():g}"
        raise DataError(
            f"{source}: {_which(outside, indices)} leave the box [{low:g}, {high:g}] (values run from {span}); "
            "rescale the images or declare the box"
        )
    wrong: NDArray[np.bool_] = labels < 0
    if classes:
        wrong |= labels >= len(classes)
    if wrong.any():
        allowed = f"0 to {len(classes) - 1}" if classes else "0 and up"
        raise DataError(f"{source}: {_which(wrong, indices)} have labels out of range (allowed: {allowed})")
    labels = np.ascontiguousarray(labels, dtype=np.int64)
    indices = np.ascontiguousarray(indices, dtype=np.int64)
    digest = hashlib.sha256(repr(images.shape).encode())
    for array in (images, labels, indices):
        digest.update(array.data)  # its bytes, without a copy
    names = tuple(classes) if classes else None
    return Samples(images, labels, indices, (low, high), names, source, digest.hexdigest())


def _which(mask: NDArray[np.bool_], indices: NDArray[Any]) -> str:
    first = ", ".join(str(index) for index in indices[mask][:3])
    return f"{int(mask.sum())} of {len(mask)} images (rows {first}{', …' if mask.sum() > 3 else ''})"


def packaged(package: str, *names: str) -> tuple[Path, ...]:
    """Paths of files that a package ships, found without importing it; none where it isn't installed."""
    spec = find_spec(package)
    return tuple(Path(spec.origin).parent / name for name in names) if spec and spec.origin else ()
