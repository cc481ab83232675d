"""What a model and its data are, found by opening them as an audit would: scanned, tried in another process, asked.

Nothing is taken for granted that can be looked at, and what can't be known is asked.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any, get_args

import numpy as np
import yaml

from auditor import catalog
from auditor.classifiers import Loaded, sized
from auditor.loading.opening import behind_preprocessing
from auditor.loading.resources import Resources
from auditor.measuring.suited import Order, better_both, better_order, better_range, in_ranges, near_chance
from auditor.search import gives_gradient
from auditor.spec import Plan, make_plan
from auditor.starting import formats
from auditor.starting.graphs import tensors
from auditor.telling.lists import listed
from auditor.telling.numbers import percent, times
from auditor.values import (
    Classifier,
    DataError,
    FloatArray,
    IntArray,
    Metric,
    ModelError,
    Output,
    Samples,
    declared_output_problem,
    in_turn,
    lowest,
    proportion,
)

Ask = Callable[[str, str, Sequence[str]], str]
"""A question, its likely answer, and all there are, if they are few: gives the answer."""
Say = Callable[[str], None]

_NAME = "release"
_LOOKED = 2000
_PROBED = 64
_TRIED = 200  # in other ranges
_LISTED = 20
_BOXES = ([0.0, 1.0], [0.0, 255.0], [-1.0, 1.0])
# What `preprocessing` makes of images that a network knows in another range.
_PREPROCESSING: Mapping[str, dict[str, Any]] = {
    "multiplied by 255": {"scale": 255},
    "divided by 255": {"mean": 0, "std": 255},
    "brought from [0, 1] to [-1, 1]": {"mean": 0.5, "std": 0.5},
    "brought from [-1, 1] to [0, 1]": {"mean": -1, "std": 2},
    "brought from [0, 255] to [-1, 1]": {"mean": 127.5, "std": 127.5},
    "brought from [-1, 1] to [0, 255]": {"mean": -1, "std": 0.00784313725490196},
}


@dataclass(frozen=True)
class Found:
    """A model with data that fit it: what a spec says of both, and what it gets right of how many.

    model, data: their entries in a spec. gradients: whether it gives any. logits: (N, K) of the images looked
    at, whose classes are labels (N,). digest: SHA-256 of the model's files; of one that a server has, nothing.
    """

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    samples: Samples
    output: Output
    gradients: bool
    logits: FloatArray
    labels: IntArray
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> Metric:
        """The share of images looked at that are right."""
        return proportion(self.logits.argmax(axis=1) == self.labels)

    @property
    def doubt(self) -> str:
        """Why nothing is to be claimed of it yet: no more images are right than by always naming one class."""
        return near_chance(self.logits.argmax(axis=1), self.labels)

    @property
    def worst_class(self) -> Metric:
        """The accuracy on the class with the lowest one."""
        right = self.logits.argmax(axis=1) == self.labels
        return lowest({str(c): proportion(right[self.labels == c]) for c in range(self.logits.shape[1])})


@dataclass
class _Looker:
    """What is known so far, and the resources that open it."""

    resources: Resources
    ask: Ask
    say: Say
    notes: list[str] = field(default_factory=list)

    def plan(self, model: Mapping[str, Any], data: Mapping[str, Any]) -> Plan:
        """A plan of nothing but this model on this data."""
        spec = {
            "audit": "look",
            "models": {_NAME: _plain(model)},
            "data": _plain(data),
            "checks": [{"id": "look", "check": "accuracy"}],
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "look.audit.yaml"
            path.write_text(yaml.safe_dump(spec), encoding="utf-8")
            return make_plan(path)

    def samples(self, model: Mapping[str, Any], data: Mapping[str, Any]) -> Samples:
        """The data, as an audit lets it in; loaded once for as long as its entry stays."""
        return self.resources.samples(self.plan(model, data))

    def opened(self, model: Mapping[str, Any], data: Mapping[str, Any]) -> Classifier:
        """The model by itself, whether or not the data fits it."""
        return self.resources.let_in(self.plan(model, data), _NAME)

    def prepared(
        self, opened: Classifier, model: Mapping[str, Any], data: Mapping[str, Any], shape: tuple[int, ...]
    ) -> Classifier:
        """What was opened, behind the preprocessing of the model's entry, for images (H, W, C); not held against it."""
        return behind_preprocessing(_NAME, sized(opened, shape), self.plan(model, data).models[_NAME], shape)

    def classifier(self, model: Mapping[str, Any], data: Mapping[str, Any]) -> Classifier:
        """The model as an audit measures it on the data."""
        return self.resources.classifier(self.plan(model, data), _NAME)


def look(model: str, data: Path | None, ask: Ask, say: Say, allow_code: bool = False) -> Found:
    """Open a model and data, and find out what a spec has to say of them; raise an AuditError where they can't be.

    model: its path, or the address of a server's. ask: answers what can't be known. say: is told what was found.
    """
    looker = _Looker(Resources(allow_code=allow_code), ask, say)
    found: dict[str, Any] = {**formats.model_entry(model), "output": "scores"}
    say(f"{model} is of the format `{found['format']}`")
    entry = formats.dataset(data.resolve() if data else None, (28, 28, 1) if data is None else None)
    if found["format"] == "torch":
        # A torch module doesn't say what it takes: what the data has is likely.
        entry, samples = _data_as_it_is(looker, found, entry)
        height, width, channels = samples.images.shape[1:]
        found["shape"] = _shape(ask, (height, width, channels))
    if found["format"] in ("tf1_checkpoint", "frozen_graph"):
        found |= tensors(found["path"], ask)
    opened = _opened(looker, found, entry)
    any_size = isinstance(opened, Loaded) and opened.at is not None
    rows = opened.input_shape[:2] == (1, 1)
    size = f"any size and {opened.input_shape[2]} channels" if any_size else times(opened.input_shape)
    taken = f"an image as a row of {opened.input_shape[2]} numbers" if rows else f"images of {size}"
    say(f"it takes {taken} and tells {opened.class_count} classes apart")
    entry, samples = _fitting_data(looker, found, entry, _as_images(opened.input_shape), any_size)
    entry, samples = _named_data(looker, found, entry, samples, opened)
    steps: dict[str, Any] = {}
    if rows and samples.images.shape[3] > 1:
        say("rows of colours may be in two orders; they are taken pixel by pixel")
        steps["layout"] = "flat"
    if isinstance(opened, Loaded) and opened.whole and opened.whole.few(*samples.box):
        say("it takes whole numbers; images are multiplied by 255 for it")
        steps["scale"] = 255
    found |= {"preprocessing": steps} if steps else {}
    say(
        f"{samples.source}: {len(samples)} images of {times(samples.images.shape[1:])}, "
        f"values from {samples.box[0]:g} to {samples.box[1]:g}"
    )
    shape, opened_as = samples.images.shape[1:], found["output"]
    found["output"] = _output(looker, looker.prepared(opened, found, entry, shape), samples, opened_as)
    chosen = in_turn(samples.labels, min(_LOOKED, len(samples)))
    images, labels = samples.images[chosen], samples.labels[chosen]
    classifier = looker.classifier(found, entry)
    logits = classifier.predict(images)
    moved = _range(classifier, samples, images[:_TRIED], labels[:_TRIED], logits[:_TRIED].argmax(axis=1))
    if (
        moved
        and ask(f"images would be classified much better if they were {moved}; do so", "yes", ("yes", "no")) == "yes"
    ):
        found["preprocessing"] = {**steps, **_PREPROCESSING[moved]}
        # What logits of a range that it doesn't know look like says little of what they are.
        again = looker.prepared(opened, found, entry, shape)
        if declared_output_problem(again.answers(samples.images[:_PROBED]), found["output"]):
            found["output"] = _output(looker, again, samples, opened_as)
        classifier = looker.classifier(found, entry)
        logits = classifier.predict(images)
    order = better_order(logits.argmax(axis=1), labels, classifier.class_count, samples)
    if order:
        entry, samples, labels = _ordered_data(looker, found, entry, samples, labels, logits.argmax(axis=1), order)
    gradients = gives_gradient(classifier, images[:1]) and not (isinstance(opened, Loaded) and opened.whole)
    digest = "".join(looker.resources.digests(looker.plan(found, entry).models[_NAME]).values())  # a server has none
    return Found(found, entry, samples, found["output"], gradients, logits, labels, digest, tuple(looker.notes))


def _opened(looker: _Looker, found: dict[str, Any], entry: Mapping[str, Any]) -> Classifier:
    """The model by itself, its output not yet interpreted; what a format still has to be told goes into `found`."""
    try:
        return looker.opened(found, entry)
    except ModelError as error:
        # A single unit can't be scores of two classes; as a sigmoid it opens, if that is what was wrong.
        found["output"] = "sigmoid"
        try:
            return looker.opened(found, entry)
        except ModelError:
            raise error from None


def _data_as_it_is(
    looker: _Looker, found: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[dict[str, Any], Samples]:
    """The data as it lies there; of numbers in a file, in the first box that holds all of them."""
    *others, last = [{**entry, "box": box} for box in _BOXES] if entry["dataset"] == "npz" else [{**entry}]
    for tried in others:
        with suppress(DataError):
            return tried, looker.samples(found, tried)
    return last, looker.samples(found, last)


def _fitting_data(
    looker: _Looker, found: Mapping[str, Any], entry: Mapping[str, Any], shape: tuple[int, int, int], any_size: bool
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
    return _data_as_it_is(looker, found, entry)


def _as_images(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The square images that rows of numbers (1, 1, n) are likely to be, grey or in colour; others as they are."""
    side, coloured = isqrt(shape[2]), isqrt(shape[2] // 3)
    if shape[:2] != (1, 1):
        return shape
    if side**2 == shape[2]:
        return side, side, 1
    return (coloured, coloured, 3) if 3 * coloured**2 == shape[2] else shape


def _named_data(
    looker: _Looker, found: Mapping[str, Any], entry: dict[str, Any], samples: Samples, opened: Classifier
) -> tuple[dict[str, Any], Samples]:
    """The data with the names of its classes in the model's order, where its file, or one beside it, lists these."""
    own = list(opened.classes) if isinstance(opened, Loaded) else []
    names = own or (formats.labels_beside(found["path"]) if "path" in found else [])
    count = opened.class_count
    takes = "names" in catalog.params_of("datasets", entry["dataset"]).model_fields
    known = samples.classes is not None and set(samples.classes) <= set(names)
    if not takes or not known or len(names) != count or tuple(names) == samples.classes:
        return entry, samples
    whose = "the model" if own else "a file beside the model"
    looker.say(f"{whose} has its classes in another order than the data, or more: {', '.join(names)}")
    named = {**entry, "names": names}
    return named, looker.samples(found, named)


def _range(classifier: Classifier, samples: Samples, images: FloatArray, labels: IntArray, predicted: IntArray) -> str:
    """In which range the model knows images, where it isn't that of the data, whatever the order of its classes."""
    elsewhere = in_ranges(classifier, images, labels, predicted)
    moved = better_range(predicted, labels, elsewhere)
    if moved or better_order(predicted, labels, classifier.class_count, samples):
        return moved
    return better_both(predicted, labels, elsewhere, classifier.class_count, samples)[0]


def _ordered_data(
    looker: _Looker,
    found: Mapping[str, Any],
    entry: dict[str, Any],
    samples: Samples,
    labels: IntArray,
    predicted: IntArray,
    order: Order,
) -> tuple[dict[str, Any], Samples, IntArray]:
    """The data with its classes in another order, and labels (N,) in it, where it is clear which, and can be said."""
    classes, count = samples.classes, len(order.mapping)
    told = f"{percent(order.before.mean())} of the images are right, {percent(order.now.mean())} if the model's classes"
    takes = "names" in catalog.params_of("datasets", entry["dataset"]).model_fields
    each = len(set(order.mapping.tolist())) == count
    clear = each and all((predicted[labels == one] == order.mapping[one]).mean() > 0.5 for one in np.unique(labels))
    if not takes or classes is None or len(classes) != count or not clear:
        looker.notes.append(
            f"{told} are in another order than the data's: mend the labels, or list its classes in `names`"
        )
        return entry, samples, labels
    names = [classes[label] for label in np.argsort(order.mapping)]
    if looker.ask(f"{told} are, in its order, {listed(names, _LISTED)}; say so", "yes", ("yes", "no")) != "yes":
        return entry, samples, labels
    looker.notes.append(
        "the order of `names` is the one that fits the model's answers; hold it against how it was trained"
    )
    named = {**entry, "names": names}
    return named, looker.samples(found, named), order.mapping[labels]


def _output(looker: _Looker, model: Classifier, samples: Samples, opened_as: str) -> Output:
    """Which of the outputs a model's own answers can be, the likeliest first, asked for where several can."""
    answers = model.answers(samples.images[:_PROBED])
    if opened_as == "sigmoid":  # a single unit, which answers for two classes
        return "sigmoid" if ((answers >= 0) & (answers <= 1)).all() else "logits"
    possible = [kind for kind in get_args(Output) if kind != "scores" and not declared_output_problem(answers, kind)]
    ranked: list[Output] = sorted(possible, key=("probabilities", "log_probabilities", "sigmoid", "logits").index)
    if not ranked:
        looker.notes.append("what its output means isn't known, so nothing is said of probabilities")
        return "scores"
    if ranked == ["logits"]:
        asked = "rows of its output are no probabilities; was a softmax to follow when it was trained"
        return "logits" if looker.ask(asked, "yes", ("yes", "no")) == "yes" else "scores"
    looker.say(f"its output looks like {ranked[0]}")
    if len(ranked) == 1:
        return ranked[0]
    said = looker.ask("what does its output give", ranked[0], ranked)
    [output] = [kind for kind in ranked if kind == said]
    return output


def _shape(ask: Ask, likely: tuple[int, ...]) -> list[int]:
    """Height, width and channels, as somebody says them."""
    said = ask("what does it take: height width channels", " ".join(map(str, likely)), ())
    try:
        return [int(part) for part in said.replace(",", " ").split()]
    except ValueError as error:
        raise ModelError(f"{said!r} isn't a shape; write numbers, such as `224 224 3`") from error


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in entry.items()}
