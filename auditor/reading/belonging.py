"""Which images belong together, as those of one patient do, or those that look alike: only such groups are independent.

A spec says what groups images, and everything that is inferred from them is then inferred from groups. A group has the
same number wherever its images come from, so that a patient who is in further data too is one and the same there.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from auditor.reading import resembling
from auditor.telling.lists import listed
from auditor.values import DataError, IntArray, Samples, in_words, is_missing, one_of

_NAMED = 3


def together(samples: Samples, by: str | None, alike: bool, audited: bool = True) -> Samples:
    """Samples that know which of them belong together, and say so; raise DataError where that isn't known of some.

    by: the attribute that images of one cluster share. alike: whether those that look alike are of one, too. audited:
    whether they have to have the attribute; from further data without it, nothing is inferred.
    """
    if by is None and not alike:
        return samples
    if by is not None and not audited and by not in samples.attributes:
        told = (
            f"it has no {by!r}, so that it isn't known which images belong together, and nothing is inferred from any"
        )
        return dataclasses.replace(samples, clusters={}, remarks=(*samples.remarks, told))
    names = samples.fingerprints if by is None else _by_attribute(samples, by)
    numbers: IntArray = np.array([_number(name) for name in names], np.int64)
    near = resembling.alike(resembling.looks(samples.images, samples.box)) if alike else {}
    numbers = _joined(numbers, near)
    sizes = np.unique(numbers, return_counts=True)[1]
    why = [f"`{by}`"] if by is not None else []
    why += [f"looks ({len(near)} look like another)"] if alike else []
    told = (
        f"{len(samples)} images lie in {sizes.size} clusters by {' and '.join(why)}, of which the largest has "
        f"{sizes.max()}; only clusters count as independent, and intervals are theirs"
    )
    clusters = dict(zip(samples.indices.tolist(), numbers.tolist(), strict=True))
    return dataclasses.replace(samples, clusters=clusters, remarks=(*samples.remarks, told))


def _by_attribute(samples: Samples, by: str) -> Sequence[bytes]:
    """The name of the cluster of each image."""
    if by not in samples.attributes:
        told = one_of(by, list(samples.attributes), "attribute")
        raise DataError(f"`clusters`: {samples.source} has no {by!r}: it is an {told}")
    values = samples.attributes[by]
    missing = np.flatnonzero(is_missing(values))
    if missing.size:
        rows = listed(samples.indices[missing], _NAMED)
        told = f"{missing.size} of {len(samples)} images have no {by!r} (rows {rows})"
        raise DataError(f"{samples.source}: {told}, so that it isn't known which belong together; say it of each")
    return [f"{by}={in_words(value)}".encode(errors="surrogatepass") for value in values.tolist()]


def _number(name: bytes) -> int:
    return int.from_bytes(hashlib.sha256(name).digest()[:6], "big")


def _joined(numbers: IntArray, near: Mapping[int, int]) -> IntArray:
    """The numbers (N,) where those of images that look alike, by position, are one: the least of them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names, place = np.unique(numbers, return_inverse=True)
    ends = place[list(near)], place[list(near.values())]
    links = coo_matrix((np.ones(len(near)), ends), shape=(names.size, names.size))
    _, part = connected_components(links, directed=False)
    _, first = np.unique(part, return_index=True)  # names are in order, so the first of a part is its least
    joined: IntArray = names[first][part][place]
    return joined
