"""Which images stand for a set: one rule wherever some of many are taken.

Classes take turns so that however many images are taken, no class has a whole image more or less than its share. That
is a matter of deadlines: of a class that makes up the share s of a set, the j-th image can't come before place
floor((j - 1) / s) + 1 and mustn't come after place ceil(j / s). Taking, at every place, the image whose deadline is
nearest keeps all of them, for any sizes (Tijdeman, The Chairman Assignment Problem, Discrete Mathematics 32, 1980;
Steiner and Yeomans, Level Schedules for Mixed-Model, Just-in-Time Processes, Management Science 39, 1993). Places of
equal distance, as a linspace takes them, run along any period of the data: 500 of 999 images of two classes in turn
are 500 of one class.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.telling.lists import listed

Positions = NDArray[np.int64]
_MOST_NAMED = 12
_STEPS = 65535  # rounded so finely, what differs by rounding is the same, and what differs by a grey level isn't


def in_turn(labels: NDArray[np.integer[Any]], most: int | None = None, ranks: Positions | None = None) -> Positions:
    """Positions (n,) of the first `most` images of labels (N,), all if left out, classes taking turns.

    ranks: (N,), the order of the images within a class, and of classes whose deadlines are the same; as they stand if
    left out. Of any first n, every class has its share of n, rounded up or down. Nested: fewer are the first of more.
    """
    rank = np.arange(len(labels)) if ranks is None else ranks
    order = np.argsort(rank, kind="stable")
    by_class = order[np.argsort(labels[order], kind="stable")]
    members = np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1)
    turns = _turns([part.tolist() for part in members if part.size], rank.tolist())
    return np.fromiter(islice(turns, most), np.int64)


def _turns(members: Sequence[Sequence[int]], rank: Sequence[int]) -> Iterator[int]:
    """The positions of all members of classes, at every place the one whose deadline is nearest."""
    total = sum(map(len, members))
    ready: list[tuple[int, int, int, int]] = []
    waiting: dict[int, list[tuple[int, int, int, int]]] = {}

    def await_turn(which: int, nth: int) -> tuple[int, int, int, int]:
        size, image = len(members[which]), members[which][nth]
        return -(-(nth + 1) * total // size), rank[image], which, nth

    for which in range(len(members)):
        heapq.heappush(ready, await_turn(which, 0))
    for place in range(1, total + 1):
        for due in waiting.pop(place, ()):
            heapq.heappush(ready, due)
        _, _, which, nth = heapq.heappop(ready)
        yield members[which][nth]
        if nth + 1 < len(members[which]):
            opens = max((nth + 1) * total // len(members[which]) + 1, place + 1)
            waiting.setdefault(opens, []).append(await_turn(which, nth + 1))


def ranking(seed: int, labels: NDArray[np.integer[Any]], names: Iterable[bytes]) -> Positions:
    """An order of images with these labels (N,) that depends on the seed and on each one's own name: ranks (N,).

    It doesn't depend on the order they stand in, nor on the numbers of the classes. Images of one class that have the
    same name are told apart by counting them, so that copies don't come one after the other.
    """
    seen: Counter[tuple[int, bytes]] = Counter()
    keys = []
    for label, name in zip(labels.tolist(), names, strict=True):
        copy = seen[label, name]
        seen[label, name] += 1
        keys.append(hashlib.blake2b(b"%d/%d/" % (seed, copy) + name, digest_size=16).digest())
    ranks = np.empty(len(keys), np.int64)
    ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return ranks


def fingerprints(images: NDArray[Any], box: tuple[float, float]) -> tuple[bytes, ...]:
    """A name of every image (N, H, W, C) by what it shows: the same in whatever units, and wherever it stands."""
    low, high = box
    scale = _STEPS / (high - low)
    whole = (np.rint((image - low) * scale).astype(np.uint16) for image in images)
    return tuple(hashlib.blake2b(image.data, digest_size=16).digest() for image in whole)


def seen_and_unseen(labels: NDArray[np.integer[Any]], names: Sequence[str]) -> str:
    """How many images of each class labels (n,) hold, and of which of the classes none, in words."""
    counts = np.bincount(labels, minlength=len(names)).tolist()
    present = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if count]
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    seen, unseen = (listed(some, _MOST_NAMED, rest="more classes") for some in (present, absent))
    return f"they are of {seen}" + (f"; none is of {unseen}" if unseen else "")
