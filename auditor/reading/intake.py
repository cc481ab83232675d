"""The one door through which all samples come in, whatever dataset they are from, before anything sees them.

What a dataset says of its samples is checked here, and what can be computed from them is computed here: a digest, or
that an image is there once, isn't believed. What isn't as a check would take it for granted is pointed out.
"""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.reading.duplicates import first_alike
from auditor.telling.lists import listed
from auditor.values import (
    Attribute,
    DataError,
    FloatArray,
    IntArray,
    Samples,
    digests,
    distinct_names,
    from_array,
    is_numeric,
)

Duplicates = Literal["drop", "count"]
_MOST_LABEL = 10**9
# Characters that no name needs: they end texts, change terminals, or turn what follows around.
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NO_ATTRIBUTE = "needs one number, text, date or truth value for each image, in an array (N,)"
_NAMED, _ROWS = 5, 100  # of many, so many are named in a sentence, and in a record


def admitted(found: object, dataset: str, duplicates: Duplicates = "drop") -> Samples:
    """Check what a dataset gave, and make it what checks may rely on; raise DataError for what can't be used.

    The digest is computed, equal names of classes are told apart by their numbers, and of images that are there more
    than once the first stays, or all with `duplicates="count"`.
    """
    if not isinstance(found, Samples):
        raise DataError(f"dataset {dataset!r} gave a {type(found).__name__}; a dataset has to give Samples")
    source = found.source or dataset
    images, indices = np.asarray(found.images), np.asarray(found.indices)
    check_images(images.shape, images.dtype, source)
    labels = whole_numbers(np.asarray(found.labels), len(images), source)
    if indices.shape != labels.shape or indices.dtype.kind not in "iu" or len(np.unique(indices)) != len(indices):
        raise DataError(f"{source}: every image needs a row of its own as its index, a whole number")
    if found.classes is not None:
        check_names(found.classes, source)
    images, labels, indices = checked(images, labels, indices, found.box, found.classes, source)
    whole = dataclasses.replace(
        found,
        images=images,
        labels=labels,
        indices=indices,
        box=(float(found.box[0]), float(found.box[1])),
        classes=None if found.classes is None else distinct_names(found.classes),
        source=source,
        attributes=_attributes(found.attributes, source),
    )
    return _counted(whole, duplicates)


def _counted(samples: Samples, duplicates: Duplicates) -> Samples:
    """Samples in which every image counts once, or which say that some count more than once."""
    first = first_alike(samples.images, samples.box)
    repeats = np.flatnonzero(first != np.arange(len(first)))
    told = list(samples.remarks)
    if repeats.size:
        told.append(_of_repeats(samples, first, repeats, duplicates))
        told += _of_contradictions(samples, first, repeats)
    by_row = {int(samples.indices[i]): int(samples.indices[first[i]]) for i in repeats}
    if repeats.size and duplicates == "drop":
        samples = samples.only(first == np.arange(len(first)))
    digest = digest_of(samples.images, samples.labels, samples.indices)
    return dataclasses.replace(samples, digest=digest, repeats=by_row, remarks=tuple(told))


def _of_repeats(samples: Samples, first: IntArray, repeats: IntArray, duplicates: Duplicates) -> str:
    exact = sum(bool(np.array_equal(samples.images[i], samples.images[first[i]])) for i in repeats)
    alike = f"{exact} exactly" if exact == len(repeats) else f"{exact} of them exactly, the others but for faint noise"
    same = (f"{samples.indices[i]} is {samples.indices[first[i]]}" for i in repeats)
    pairs = f"rows {listed(same, _NAMED, '; ')}"
    kept = "all of them count, as the spec asks (`duplicates: count`)"
    if duplicates == "drop":
        kept = "the first of each counts (`duplicates: count` in `data` would count them all)"
    distinct = len(first) - len(repeats)
    said = f"{len(repeats)} of {len(first)} images repeat another, {alike}: {distinct} are distinct"
    return f"{said}, and {kept}; {pairs}"


def _of_contradictions(samples: Samples, first: IntArray, repeats: IntArray) -> list[str]:
    other = repeats[samples.labels[repeats] != samples.labels[first[repeats]]]
    if not other.size:
        return []
    named = (
        f"{samples.indices[i]} is a {samples.class_name(int(samples.labels[i]))}, "
        f"{samples.indices[first[i]]} a {samples.class_name(int(samples.labels[first[i]]))}"
        for i in other
    )
    return [f"{len(other)} images are labelled otherwise than the image they repeat, so some labels are wrong: "
            f"rows {listed(named, _NAMED, '; ')}"]  # fmt: skip


def told(samples: Samples) -> Mapping[str, Any]:
    """What a record says of samples: how many there were, how many are distinct, what they are called, and SHA-256 of
    what else is known of them, by attribute.
    """
    rows = set(samples.indices.tolist())
    dropped = [row for row in samples.repeats if row not in rows]
    images = len(samples) + len(dropped)
    return {
        "images": images,
        "distinct": images - len(samples.repeats),
        "dropped": dropped[:_ROWS],
        "classes": list(samples.classes or ()),
        "per class": np.bincount(samples.labels, minlength=len(samples.classes or ())).tolist(),
        "remarks": list(samples.remarks),
        "sha256": samples.digest,
        **({"attributes": dict(digests(samples.attributes))} if samples.attributes else {}),
    }


# --- form


def check_images(shape: tuple[int, ...], dtype: np.dtype[Any], source: str) -> None:
    """Raise DataError unless images have this form: (N, H, W, C) numbers, and some."""
    if len(shape) != 4:
        raise DataError(f"{source}: images have shape {shape}; (N, H, W) or (N, H, W, C) is needed")
    if dtype.kind not in "fiu":
        raise DataError(f"{source}: images must be numbers, got {dtype}")
    if 0 in shape:
        raise DataError(f"{source}: there are no images (shape {shape})")


def whole_numbers(labels: NDArray[Any], count: int, source: str) -> IntArray:
    """Labels as class numbers (N,) int64: whole numbers of any type, (N,) or (N, 1); raise DataError for others."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        hint = "; of one-hot rows take the argmax" if labels.ndim == 2 and len(labels) == count else ""
        raise DataError(f"{source}: {count} images need as many labels, got shape {labels.shape}{hint}")
    if labels.dtype.kind not in "iuf":
        raise DataError(f"{source}: labels must be whole numbers, got {labels.dtype}")
    if labels.dtype.kind == "f":
        odd = ~(np.isfinite(labels) & (labels == np.round(labels)))
        if odd.any():
            value = labels[odd][0]
            what = "missing (NaN)" if np.isnan(value) else f"{value:g}"
            told = f"{int(odd.sum())} of {count} labels are no whole numbers, the first at place {int(odd.argmax())}"
            raise DataError(f"{source}: {told}, which is {what}; every image needs a class number")
    wide = np.abs(labels.astype(np.float64)) > _MOST_LABEL
    if wide.any():
        raise DataError(f"{source}: the label {labels[wide][0]} at place {int(wide.argmax())} is no class number")
    return np.ascontiguousarray(labels, dtype=np.int64)


def checked(
    images: NDArray[Any],
    labels: NDArray[Any],
    indices: NDArray[Any],
    box: tuple[float, float],
    classes: Sequence[str] | None,
    source: str,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Images (N, H, W, C), labels (N,) and indices (N,) in their types; raise DataError for values out of range."""
    broken = ~np.isfinite(images).all(axis=(1, 2, 3))
    if broken.any():
        raise DataError(f"{source}: {_which(broken, indices)} hold NaN or infinity")
    images = np.ascontiguousarray(images, dtype=np.float32)
    low, high = box
    if not (np.isfinite(box).all() and low < high):
        raise DataError(f"{source}: the box runs from {low} to {high}; two numbers are needed, the lesser first")
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
    return images, np.ascontiguousarray(labels, dtype=np.int64), np.ascontiguousarray(indices, dtype=np.int64)


def _which(mask: NDArray[np.bool_], indices: NDArray[Any]) -> str:
    return f"{int(mask.sum())} of {len(mask)} images (rows {listed(indices[mask], 3)})"


def digest_of(images: FloatArray, labels: IntArray, indices: IntArray) -> str:
    """SHA-256 of exactly these images, labels and indices, in hex."""
    digest = hashlib.sha256(repr(images.shape).encode())
    for array in (images, labels, indices):
        digest.update(array.data)  # its bytes, without a copy
    return digest.hexdigest()


# --- names


def _attributes(given: Mapping[str, Any], source: str) -> Mapping[str, Attribute]:
    """Attributes in their types; raise DataError for names that can't be written and what holds no plain values."""
    found = {}
    for name, values in given.items():
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{source}: an attribute is called {name!r}; give it a name")
        bad = unprintable(name)
        if bad:
            raise DataError(f"{source}: the name of the attribute {name!a} {bad}")
        attribute = from_array(np.asarray(values))
        if attribute is None:
            raise DataError(f"{source}: the attribute {name!r} {NO_ATTRIBUTE}")
        if is_numeric(attribute) and np.isinf(attribute).any():
            row = int(np.isinf(attribute).argmax())
            raise DataError(f"{source}: the attribute {name!r} is infinite at place {row}; leave it out there (NaN)")
        found[name] = attribute
    return found


def unprintable(text: str) -> str:
    """What is wrong with a text that can't be written everywhere: in a page, in XML, on a terminal; or nothing."""
    bad = next((c for c in text if unicodedata.category(c) in _UNPRINTABLE or c in _TURNING), None)
    return "" if bad is None else f"has the character U+{ord(bad):04X}, which can't be written everywhere; leave it out"


def check_names(names: Sequence[object], source: str) -> None:
    """Raise DataError for names of classes that can't be written everywhere: in a page, in XML, on a terminal."""
    if isinstance(names, str) or not names:
        raise DataError(f"{source}: the names of the classes are {names!r}; a name for every class is needed")
    for number, name in enumerate(names):
        if not isinstance(name, str):
            raise DataError(f"{source}: the name of class {number} is a {type(name).__name__}, not a text")
        if not name.strip():
            raise DataError(f"{source}: the name of class {number} is empty; give it one, such as its number")
        bad = unprintable(name)
        if bad:
            raise DataError(f"{source}: the name of class {number}, {name!a}, {bad}")
