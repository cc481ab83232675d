"""What every dataset owes: samples that have been looked at, and a digest of exactly what will be used."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.core import Samples
from auditor.errors import DataError


def make_samples(
    images: NDArray[Any],
    labels: NDArray[Any],
    indices: NDArray[Any],
    source: str,
    classes: Sequence[str] | None = None,
    box: tuple[float, float] = (0.0, 1.0),
) -> Samples:
    """Check images (N, H, W, C) and labels (N,), and wrap them up; raise DataError for what can't be used."""
    if images.ndim != 4:
        raise DataError(f"{source}: images have shape {images.shape}; (N, H, W) or (N, H, W, C) is needed")
    if images.dtype.kind not in "fiu" or labels.dtype.kind not in "iu":
        message = f"{source}: images must be numbers and labels whole numbers, got {images.dtype} and {labels.dtype}"
        raise DataError(message)
    if not images.size:
        raise DataError(f"{source}: there are no images (shape {images.shape})")
    if labels.shape != (len(images),):
        raise DataError(f"{source}: {len(images)} images need as many labels, got shape {labels.shape}")
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
        digest.update(array.tobytes())
    names = tuple(classes) if classes else None
    return Samples(images, labels, indices, (low, high), names, source, digest.hexdigest())


def _which(mask: NDArray[np.bool_], indices: NDArray[Any]) -> str:
    first = ", ".join(str(index) for index in indices[mask][:3])
    return f"{int(mask.sum())} of {len(mask)} images (rows {first}{', …' if mask.sum() > 3 else ''})"
