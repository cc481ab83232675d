"""How checks put numbers into words, and images into figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.telling.lists import listed
from auditor.telling.numbers import percent, probability
from auditor.values import FloatArray, IntArray, Metric, Panel, Samples

_SHOWN_SIDE = 96


def fewest(wanted: int, available: int | None) -> int:
    """As many as are wanted, or as there are."""
    return wanted if available is None else min(wanted, available)


def share(metric: Metric) -> str:
    """A proportion in words: `64% (128 of 200)`."""
    return f"{percent(metric.value)} ({metric.successes} of {metric.n})" if metric.n else "nothing to count"


def rate_text(metric: Metric) -> str:
    """A rate in words: how many of how many, where it is a count."""
    return share(metric) if metric.kind == "proportion" else f"{percent(metric.value)}"


_MOST_NAMED = 3


def all_at(value: float, names: Sequence[str], values: NDArray[np.floating[Any]] | NDArray[np.integer[Any]]) -> str:
    """All that have a value, not the first alone: `cat`, `cat and dog`, `cat, dog, owl and 3 more`."""
    found = [name for name, one in zip(names, values, strict=True) if one == value]
    if 1 < len(found) <= _MOST_NAMED:
        return f"{', '.join(found[:-1])} and {found[-1]}"
    return listed(found, _MOST_NAMED)


def several(count: int, one: str) -> str:
    """`1 image`, `2 images`, `3 classes`."""
    return f"{count} {one}{'' if count == 1 else 'es' if one.endswith('s') else 's'}"


def answered(samples: Samples, said: IntArray, sure: FloatArray | None) -> tuple[str, ...]:
    """What a network answers, for below images: the classes (n,), with their probabilities (n,): `called 3 (0.943)`."""
    told = [""] * len(said) if sure is None else [f" ({probability(float(one))})" for one in sure]
    return tuple(f"called {samples.class_name(int(one))}{text}" for one, text in zip(said, told, strict=True))


def surest(samples: Samples, told: FloatArray) -> tuple[str, ...]:
    """The same of the class with the greatest of probabilities (n, K)."""
    return answered(samples, told.argmax(axis=1), told.max(axis=1))


def natural_panel(images: FloatArray, box: tuple[float, float], title: str = "", labels: tuple[str, ...] = ()) -> Panel:
    """Images of the data drawn in the data's own range, whether or not they leave it."""
    return Panel(images, labels, title, "grey", box)


def change_panel(change: FloatArray, title: str, labels: tuple[str, ...] = ()) -> Panel:
    """Changes to grey images amplified to fill the palette: blue adds, red takes away; RGB is averaged."""
    grey = change.mean(axis=-1, keepdims=True)
    most = float(np.abs(grey).max()) or 1.0
    return Panel(grey, labels, title, "diverging", (-most, most))


def small(images: FloatArray) -> FloatArray:
    """Images (N, H, W, C) no larger than is worth showing, each pixel the mean of a square of theirs."""
    fold = -(-max(images.shape[1:3]) // _SHOWN_SIDE)
    if fold == 1:
        return images
    height, width = (size // fold for size in images.shape[1:3])
    cut = images[:, : height * fold, : width * fold]
    small: FloatArray = cut.reshape(len(images), height, fold, width, fold, -1).mean(axis=(2, 4))
    return small
