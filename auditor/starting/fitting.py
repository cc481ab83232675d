"""Data as a model takes it: in its size, with its channels, its classes numbered as the model's are."""

from contextlib import suppress
from math import isqrt
from typing import Any

import numpy as np

from auditor import catalog
from auditor.classifiers import Loaded
from auditor.measuring.suited import Order
from auditor.starting.looker import Entry, Looker
from auditor.telling.lists import and_more, listed
from auditor.telling.numbers import percent
from auditor.values import Classifier, DataError, IntArray, Samples

_BOXES = ([0.0, 1.0], [0.0, 255.0], [-1.0, 1.0])
_LISTED = 20
_MOST_NAMES = 100
_FEWEST = 3  # images that say anything of a class


def data_as_it_is(looker: Looker, found: Entry, entry: Entry) -> tuple[dict[str, Any], Samples]:
    """The data as it lies there; of numbers in a file, in the first box that holds all of them."""
    *others, last = [{**entry, "box": box} for box in _BOXES] if entry["dataset"] == "npz" else [{**entry}]
    for tried in others:
        with suppress(DataError):
            return tried, looker.samples(found, tried)
    return last, looker.samples(found, last)


def fitting_data(
    looker: Looker, found: Entry, entry: Entry, shape: tuple[int, int, int], any_size: bool
) -> tuple[dict[str, Any], Samples]:
    """The data in the size, unless it takes any, and with the channels of the images (H, W, C) that the model takes."""
    height, width, channels = shape
    if "channels" in catalog.params_of("datasets", entry["dataset"]).model_fields and channels in (1, 3):
        entry = {**entry, "channels": channels}
        try:
            fits = looker.samples(found, entry).images.shape[1:3] == (height, width) or any_size
        except DataError:  # of several sizes, or not to be read: loading it resized says which
            fits = False
        told = f"images aren't all of {height} × {width}, which the model takes; resize them"
        if not fits and looker.ask(told, "yes", ("yes", "no")) == "yes":
            entry = {**entry, "resize": [height, width]}
    return data_as_it_is(looker, found, entry)


def as_images(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The square images that rows of numbers (1, 1, n) are likely to be, grey or in colour; others as they are."""
    side, coloured = isqrt(shape[2]), isqrt(shape[2] // 3)
    if shape[:2] != (1, 1):
        return shape
    if side**2 == shape[2]:
        return side, side, 1
    return (coloured, coloured, 3) if 3 * coloured**2 == shape[2] else shape


def named_data(
    looker: Looker, found: Entry, entry: dict[str, Any], samples: Samples, opened: Classifier
) -> tuple[dict[str, Any], Samples]:
    """The data with the names of its classes in the model's order, where its file, or one beside it, lists these."""
    if not isinstance(opened, Loaded) or not opened.named:
        return entry, samples
    names = opened.classes
    known = samples.classes is not None and set(samples.classes) <= set(names)
    if not _takes_names(entry) or not known or names == samples.classes:
        return entry, samples
    where = opened.named[0].where
    looker.say(f"{where} has its classes in another order than the data, or more: {listed(names, _LISTED)}")
    named = {**entry, "names": list(names)}
    return named, looker.samples(found, named)


def ordered_data(
    looker: Looker,
    found: Entry,
    entry: dict[str, Any],
    samples: Samples,
    labels: IntArray,
    predicted: IntArray,
    order: Order,
) -> tuple[dict[str, Any], Samples, IntArray]:
    """The data with its classes in another order, and labels (N,) in it, where it is clear which, and can be said."""
    classes, count = samples.classes, len(order.mapping)
    told = f"{percent(order.before.mean())} of the images are right, {percent(order.now.mean())} if the model's classes"
    each = len(set(order.mapping.tolist())) == count
    clear = each and all((predicted[labels == one] == order.mapping[one]).mean() > 0.5 for one in np.unique(labels))
    if not _takes_names(entry) or classes is None or len(classes) != count or not clear:
        looker.doubts.append(
            f"{told} are in another order than the data's: mend the labels, or list its classes in `names`"
        )
        return entry, samples, labels
    names = [classes[label] for label in np.argsort(order.mapping)]
    if looker.ask(f"{told} are, in its order, {listed(names, _LISTED)}; say so", "yes", ("yes", "no")) != "yes":
        looker.doubts.append(f"{told} are in another order than the data's")
        return entry, samples, labels
    looker.notes.append(
        "the order of `names` is the one that fits the model's answers; hold it against how it was trained"
    )
    named = {**entry, "names": names}
    return named, looker.samples(found, named), order.mapping[labels]


def with_order(
    looker: Looker, entry: dict[str, Any], samples: Samples, labels: IntArray, predicted: IntArray, opened: Classifier
) -> dict[str, Any]:
    """The data with its classes listed where their order in the model is known, or borne out by what it answers.

    labels, predicted: (N,). Says what isn't known of the order.
    """
    classes, count = samples.classes, opened.class_count
    own = isinstance(opened, Loaded) and opened.classes == classes
    moved = _moved(samples, labels, predicted)
    looker.notes.extend(moved)
    if "names" in entry or classes is None:
        return entry
    seen = np.bincount(labels, minlength=count).min() >= _FEWEST
    if not own and (moved or not seen):
        looker.notes.append(
            f"in which order the model has its classes isn't known; the data's is {listed(classes, _LISTED)}"
        )
        return entry
    why = "as the model lists them" if own else "which its answers bear out"
    looker.say(f"classes are, in order, {listed(classes, _LISTED)}, {why}")
    return {**entry, "names": list(classes)} if _takes_names(entry) and count <= _MOST_NAMES else entry


def _moved(samples: Samples, labels: IntArray, predicted: IntArray) -> list[str]:
    """What to say of classes most of whose images are called by the name of one other class."""
    found = []
    for label in np.unique(labels):
        called = np.bincount(predicted[labels == label])
        most, n = int(called.argmax()), int((labels == label).sum())
        if most != label and called[most] > n / 2 and n >= _FEWEST:
            names = samples.class_name(int(label)), samples.class_name(most)
            found.append(f"{called[most]} of {n} images of {names[0]} are called {names[1]}")
    more = and_more(len(found) - 1, "classes more are like that")
    return [f"{found[0]}{more}: perhaps the model has its classes in another order"] if found else []


def _takes_names(entry: Entry) -> bool:
    return "names" in catalog.params_of("datasets", entry["dataset"]).model_fields
