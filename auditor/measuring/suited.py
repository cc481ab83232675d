"""Do model and data speak of the same: images in the range that the network was trained on, classes in its order?

A network that is shown [0, 255] where it knows [0, 1], or whose class 2 is the data's class 10, is nearly always wrong,
and every number measured on it is about another question. Both can be tried out on a few hundred images.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.meaningful import PROBES, answers_vary
from auditor.measuring.once import once
from auditor.telling.numbers import number, percent
from auditor.values import Classifier, Context, Diagnostic, FloatArray, IntArray, ModelError, Passes, Samples

_MOST, _FEWEST, _MOST_VALUES = 200, 50, 20_000_000
_RISK = 1e-3
_GAIN = 0.1  # of the images; less than that may be a weakness of the network
_CHANCE = 0.01
_SHOWN = 4
_RANGE, _ORDER = "range of the images", "order of the classes"
# What images would be if they were in another range than the network's, as sources have them.
_RANGES: tuple[tuple[str, Callable[[FloatArray], FloatArray]], ...] = (
    ("multiplied by 255", lambda x: x * 255),
    ("divided by 255", lambda x: x / 255),
    ("brought from [0, 1] to [-1, 1]", lambda x: 2 * x - 1),
    ("brought from [-1, 1] to [0, 1]", lambda x: (x + 1) / 2),
    ("brought from [0, 255] to [-1, 1]", lambda x: x / 127.5 - 1),
    ("brought from [-1, 1] to [0, 255]", lambda x: (x + 1) * 127.5),
)

Elsewhere = Mapping[str, IntArray]
"""What images are called in every other range, by what is done to them, (N,) each."""


@dataclass(frozen=True)
class Suited:
    """Whether a model suits the data, and what else is to be said of that. guesses: it is no better than chance."""

    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[str, ...]
    guesses: bool = False


def cost_suited(images: int) -> Passes:
    """What `suited` takes of a model at most."""
    return Passes(predictions=(1 + len(_RANGES)) * min(images, _MOST) + PROBES)


def suited(classifier: Classifier, context: Context, called: str = "") -> Suited:
    """Whether images are in the range, and classes in the order, that the network was trained on.

    called: the model's name, where several are asked.
    """
    return once(("suited", called), classifier, context.samples, lambda: _asked(classifier, context, called))


def _asked(classifier: Classifier, context: Context, called: str) -> Suited:
    samples = context.samples
    chosen = context.sample(min(_MOST, max(_FEWEST, _MOST_VALUES // samples.images[0].size)))
    labels, images = samples.labels[chosen], samples.images[chosen]
    predicted = classifier.predict(images).argmax(axis=1)
    who = f"of {called!r}, " if called else ""
    varied = answers_vary(classifier, images, predicted, samples.box, called)
    elsewhere = in_ranges(classifier, images, labels, predicted)
    range_told = _range_told(images, labels, predicted, elsewhere, samples.box)
    # Of a constant answer nothing says in which order its classes are.
    sorted_out = bool(range_told) or not varied.ok
    order = None if sorted_out else better_order(predicted, labels, classifier.class_count, samples)
    order_told = _order_told(order, samples) if order else ""
    if not range_told and not order_told:
        moved, order = better_both(predicted, labels, elsewhere, classifier.class_count, samples)
        range_told = _both_told(moved, order, samples) if order else ""
    note = near_chance(predicted, labels, who)
    fits = f"{who}no other {{}} would be much more accurate"
    return Suited(
        (
            Diagnostic(_RANGE, not range_told, who + range_told if range_told else fits.format("range")),
            Diagnostic(_ORDER, not order_told, who + order_told if order_told else fits.format("order")),
            varied,
        ),
        (note,) if note else (),
        guesses=bool(note) and varied.ok and len(labels) >= _FEWEST,
    )


def near_chance(predicted: IntArray, labels: IntArray, who: str = "") -> str:
    """What to say where always naming the commonest class would do as well, or nothing."""
    from scipy.stats import binomtest

    right, chance = int((predicted == labels).sum()), commonest_share(labels)
    if not 0 < chance < 1 or binomtest(right, len(labels), chance, "greater").pvalue <= _CHANCE:
        return ""
    told = f"{who}{right} of {len(labels)} images looked at are right, no more than by always naming one class"
    return f"{told}: are images and labels what the network was trained on?"


def commonest_share(labels: IntArray) -> float:
    """The share of images that are right if all are called by the commonest class."""
    return float(np.bincount(labels).max() / len(labels))


def in_ranges(classifier: Classifier, images: FloatArray, labels: IntArray, predicted: IntArray) -> Elsewhere:
    """What images (N, H, W, C) are called in every other range; nothing where most are right as they are."""
    found: dict[str, IntArray] = {}
    if (predicted == labels).mean() > (1 + 1 / classifier.class_count) / 2:
        return found
    for name, moved in _RANGES:
        with suppress(ModelError):  # outputs that aren't finite: it isn't that range
            found[name] = classifier.predict(moved(images).astype(np.float32)).argmax(axis=1)
    return found


def _range_told(
    images: FloatArray, labels: IntArray, predicted: IntArray, elsewhere: Elsewhere, box: tuple[float, float]
) -> str:
    """What to say where the images would be classified much better in another range, or nothing."""
    best = better_range(predicted, labels, elsewhere)
    if not best:
        return ""
    right, better = (predicted == labels).mean(), (elsewhere[best] == labels).mean()
    spread = f"the box is [{box[0]:g}, {box[1]:g}], the mean of the images {number(images.mean())}"
    return (
        f"{percent(right)} of {len(labels)} images are right, {percent(better)} if they are {best} "
        f"({spread}): they aren't in the range that the network was trained on; give them in it, or say so in "
        "`preprocessing`"
    )


def better_range(predicted: IntArray, labels: IntArray, elsewhere: Elsewhere) -> str:
    """In which other range images are classified much better than as they are, or nothing."""
    right = predicted == labels
    best, better = "", right
    for name, called in elsewhere.items():
        now = called == labels
        if now.sum() > better.sum() and _is_better(now, right, labels, len(_RANGES)):
            best, better = name, now
    return best


@dataclass(frozen=True)
class Order:
    """Another order of the classes, in which many more images are right.

    name: what order it is. mapping: (K,), the network's class of every label. before, now: (M,), which of the images
    that it wasn't chosen by are right as they are, and in it.
    """

    name: str
    mapping: IntArray
    before: NDArray[np.bool_]
    now: NDArray[np.bool_]


def better_order(
    predicted: IntArray,
    labels: IntArray,
    count: int,
    samples: Samples,
    right: NDArray[np.bool_] | None = None,
    tried: int = 1,
) -> Order | None:
    """In which other order of the classes the labels (N,) fit what was predicted (N,) much better than `right` (N,).

    right: which are right as they are; those of `predicted` if left out. tried: of how many predictions these are one.
    """
    right = predicted == labels if right is None else right
    everyone = np.ones(len(labels), np.bool_)
    learned, held_out = _learned(predicted, labels, count)
    orders = [(name, mapping, everyone) for name, mapping in _known_orders(count, samples)]
    orders.append(("another one", learned, held_out))
    # Of orders that fit alike, the first: one that has a name before one that only fits.
    name, mapping, where = max(orders, key=lambda order: _share((predicted == order[1][labels])[order[2]]))
    before, now = right[where], (predicted == mapping[labels])[where]
    if not len(before) or not _is_better(now, before, labels[where], len(orders) * tried):
        return None
    return Order(name, mapping, before, now)


def better_both(
    predicted: IntArray, labels: IntArray, elsewhere: Elsewhere, count: int, samples: Samples
) -> tuple[str, Order | None]:
    """In which other range and order at once many more images are right, where neither helps by itself.

    A network that knows [0, 255] and another order of the classes is wrong in either, and looks as if it only guessed.
    """
    right = predicted == labels
    found = [
        (name, better_order(called, labels, count, samples, right, len(elsewhere)))
        for name, called in elsewhere.items()
    ]
    return max(found, key=lambda one: _share(one[1].now) if one[1] else 0.0, default=("", None))


def _order_told(order: Order, samples: Samples) -> str:
    shares = f"{percent(order.before.mean())} of {len(order.now)} images are right, {percent(order.now.mean())}"
    return (
        f"{shares} if classes are numbered in {order.name}: {_pairs(order, samples)}; data and network don't number "
        "them alike. List the classes in the order of the network in `names`, or mend the labels"
    )


def _both_told(moved: str, order: Order, samples: Samples) -> str:
    shares = f"{percent(order.before.mean())} of {len(order.now)} images are right, {percent(order.now.mean())}"
    return (
        f"{shares} if they are {moved} and classes are numbered in {order.name}: {_pairs(order, samples)}; the network "
        "knows other values and another order. Say so in `preprocessing`, and list the classes in its order in `names`"
    )


def _pairs(order: Order, samples: Samples) -> str:
    labels = np.unique(samples.labels).tolist()
    moved = [label for label in labels if order.mapping[label] != label][:_SHOWN]
    return ", ".join(f"{samples.class_name(label)} ({label}) as {order.mapping[label]}" for label in moved)


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else 0.0


def _known_orders(count: int, samples: Samples) -> Iterator[tuple[str, IntArray]]:
    """Orders that are often meant, each as the class of the network for every label (K,)."""
    numbers = np.arange(count)
    if samples.classes is not None and len(samples.classes) == count:
        text = sorted(samples.classes)
        if text != list(samples.classes):
            yield "text order", np.array([text.index(name) for name in samples.classes])
    # Where they would make one class of two they are no order: whoever answers little else would gain by it.
    if samples.labels.min() > 0:
        yield "an order that begins at 1", np.maximum(numbers - 1, 0)
    if samples.labels.max() < count - 1:
        yield "an order that begins one later", np.minimum(numbers + 1, count - 1)


def _learned(predicted: IntArray, labels: IntArray, count: int) -> tuple[IntArray, NDArray[np.bool_]]:
    """The order that fits every other image of a class best (K,), and which images it wasn't chosen by (N,)."""
    from scipy.optimize import linear_sum_assignment

    turn = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    chosen = turn % 2 == 0
    confusion = 0.5 * np.eye(count)  # of two that fit alike, the order as it is
    np.add.at(confusion, (labels[chosen], predicted[chosen]), 1)
    _, mapping = linear_sum_assignment(confusion, maximize=True)
    return mapping, ~chosen


def _is_better(now: NDArray[np.bool_], before: NDArray[np.bool_], labels: IntArray, tried: int) -> bool:
    """Whether so many more images are right than before, and than by always naming one class, that chance doesn't
    explain it, of so many ways tried.
    """
    from scipy.stats import binomtest

    won, lost, chance = int((now & ~before).sum()), int((before & ~now).sum()), commonest_share(labels)
    if won - lost < _GAIN * len(now) or now.mean() - chance < _GAIN:
        return False
    if chance < 1 and binomtest(int(now.sum()), len(now), chance, "greater").pvalue > _RISK / tried:
        return False
    return bool(binomtest(won, won + lost, 0.5, "greater").pvalue < _RISK / tried)
