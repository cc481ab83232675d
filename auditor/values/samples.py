"""Labelled images, and what is known of them before they are loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.values.attributes import Attribute
from auditor.values.errors import CheckError, DataError, one_of
from auditor.values.metrics import FloatArray, IntArray
from auditor.values.sampling import fingerprints


@dataclass(frozen=True)
class Samples:
    """Labelled images.

    images: (N, H, W, C) float32 within `box`. labels: (N,) int64 class numbers from 0.
    indices: (N,) int64, each image's row in its source. classes: a name for every class, where known.
    digest: SHA-256 of exactly these images, labels and indices. repeats: rows whose image is that of an earlier row,
    which each leads to. remarks: what to know of the data, in sentences. attributes: what else is known of each image,
    by name, (N,) each: numbers (float64, NaN where one is missing) or names (dtype object, "" where one is). A dataset
    may leave out digest, repeats, remarks and attributes. Raises DataError for an attribute of another length.
    clusters: the number of the cluster that each row belongs to, where the spec says what tells: only clusters are
    independent. None where every image is; of rows that it lacks, nothing is known.
    """

    images: FloatArray
    labels: IntArray
    indices: IntArray
    box: tuple[float, float]
    classes: tuple[str, ...] | None
    source: str
    digest: str = ""
    repeats: Mapping[int, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    clusters: Mapping[int, int] | None = None

    def __post_init__(self) -> None:
        """Whoever takes some of the images and forgets what is known of them would give it to others."""
        for name, values in self.attributes.items():
            if len(values) != len(self.labels):
                told = f"{len(values)} values of the attribute {name!r} for {len(self.labels)} images"
                raise DataError(f"{self.source}: there are {told}; each needs one")

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, chosen: IntArray | NDArray[np.bool_]) -> "Samples":
        """The samples at some positions (n,), or where a mask (N,) is true; the digest is left as it is."""
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            indices=self.indices[chosen],
            attributes={name: values[chosen] for name, values in self.attributes.items()},
        )

    def class_name(self, label: int) -> str:
        """Return the name of class `label`, or its number where the data has no names."""
        return self.classes[label] if self.classes and 0 <= label < len(self.classes) else str(label)

    def clusters_at(self, positions: IntArray) -> IntArray | None:
        """The clusters (n,) of the images at positions (n,), (0,) where some aren't known; None where all independent.

        For metrics of images that aren't the audited ones: of those it is looked up by their rows.
        """
        if self.clusters is None:
            return None
        rows = self.indices[positions].tolist()
        return np.array([self.clusters[row] for row in rows if row in self.clusters], np.int64)

    @cached_property
    def fingerprints(self) -> tuple[bytes, ...]:
        """A name of every image by what it shows, in whatever units."""
        return fingerprints(self.images, self.box)

    def class_number(self, name: str, what: str) -> int:
        """The number of the class of this name; raise CheckError, naming `what` asks for it, if there is none."""
        if self.classes is None:
            raise CheckError(f"{what}: the classes of {self.source} have no names; give the number of {name!r}")
        if name not in self.classes:
            raise CheckError(f"{what}: {one_of(name, self.classes, 'class')}")
        return self.classes.index(name)

    def position(self, row: int, what: str) -> int:
        """Where the image of a row of the source stands; raise CheckError, naming `what` asks for it, if it doesn't."""
        found = np.flatnonzero(self.indices == row)
        if found.size:
            return int(found[0])
        if row in self.repeats:
            first = f"holds the same image as row {self.repeats[row]}, and an image counts once"
            raise CheckError(f"{what}: row {row} {first}; name that row, or set `duplicates: count` in `data`")
        span = f"it holds {len(self)} rows from {self.indices.min()} to {self.indices.max()}"
        raise CheckError(f"{what}: row {row} is not in {self.source} ({span})")


@dataclass(frozen=True)
class Preview:
    """What is known of samples before they are loaded: how many images at most, and the box of their values.

    classes: the names of the classes in order, where they are known. labels: how many classes the labels of the whole
    source take, the greatest of them and one, where no names tell. sizes: how many images each class has at most, where
    that is known. majority: the share of the most frequent class, where that is known. remarks: what should be known
    before a run. shape: (H, W, C) of every image, where that is known. attributes: what else is known of the images of
    the whole source, as in `Samples`; None where only loading tells.
    """

    images: int | None
    box: tuple[float, float]
    classes: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    sizes: tuple[int, ...] | None = None
    labels: int | None = None
    attributes: Mapping[str, Attribute] | None = None
    majority: float | None = None
    shape: tuple[int, int, int] | None = None
