"""What a model takes pixels as: what its own layers say of it, and what images of the data are called in every way.

Shares alone decide: how sure a model is grows with the size of its input, and says nothing of what is right.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers import Loaded
from auditor.classifiers.presets import PRESETS
from auditor.compute import tensorflow
from auditor.measuring.suited import better_both, commonest_share
from auditor.starting.looker import Entry, Looker
from auditor.statistics import limits
from auditor.telling.lists import listed
from auditor.telling.numbers import percent
from auditor.values import Classifier, FloatArray, IntArray, ModelError, Samples, proportion

AS_IS = "as-is"
_FEWEST, _TRIED, _FURTHER = 50, 200, 2000
_MOST_VALUES = 30_000_000  # of all images that are tried: of large ones, fewer
_RISK, _HARDLY = 0.01, 0.01
_SHOWN = 4
_BYTES = 255
_LAYERS_BEFORE = ("Functional", "Sequential", "Model", "Resizing", "CenterCrop")
_NEAR = 0.02


@dataclass(frozen=True)
class _Way:
    """What may be done to pixels. told: what images then are. steps: of `preprocessing`."""

    told: str
    steps: Mapping[str, Any]


# From each box to the ranges that networks are trained on.
_RANGES: Mapping[tuple[float, float], Mapping[str, _Way]] = {
    (0.0, 1.0): {
        "0..255": _Way("multiplied by 255", {"scale": 255}),
        "-1..1": _Way("brought from [0, 1] to [-1, 1]", {"mean": 0.5, "std": 0.5}),
    },
    (0.0, 255.0): {
        "0..1": _Way("divided by 255", {"mean": 0, "std": 255}),
        "-1..1": _Way("brought from [0, 255] to [-1, 1]", {"mean": 127.5, "std": 127.5}),
    },
    (-1.0, 1.0): {
        "0..1": _Way("brought from [-1, 1] to [0, 1]", {"mean": -1, "std": 2}),
        "0..255": _Way("brought from [-1, 1] to [0, 255]", {"mean": -1, "std": 2 / _BYTES}),
    },
}
# What was perhaps done once too often, or not at all, when it was trained; tried where hardly anything is right.
_ODD: Mapping[str, _Way] = {
    "divided": _Way("divided by 255", {"mean": 0, "std": 255}),
    "multiplied": _Way("multiplied by 255", {"scale": 255}),
}
# `mobilenet` is what `imagenet-tf` is, and both are -1..1.
_PRESETS = ("imagenet-torch", "imagenet-caffe", "clip")


@dataclass(frozen=True)
class Tried:
    """What images with labels (N,) are called in every way that was tried, (N,) each, the likeliest way first."""

    labels: IntArray
    called: Mapping[str, IntArray]

    def right(self, way: str) -> int:
        """How many are right in a way."""
        return int((self.called[way] == self.labels).sum())

    @property
    def best(self) -> str:
        """The way in which most are right; the first of those in which as many are."""
        return max(self.called, key=self.right)

    def rivals(self) -> list[str]:
        """The ways that aren't clearly worse than the best, by an exact paired test that knows how many were tried."""
        right = {way: called == self.labels for way, called in self.called.items()}
        return [way for way in right if not worse(right[way], right[self.best], len(right))]

    def told(self, way: str) -> str:
        """How many images are right in a way, and between which shares that leaves the truth."""
        low, high = limits(proportion(self.called[way] == self.labels), _RISK / 2)
        return f"{self.right(way)} of {len(self.labels)} ({percent(low, to='lower')} to {percent(high, to='upper')})"


def worse(right: NDArray[np.bool_], other: NDArray[np.bool_], tried: int) -> bool:
    """Whether so many fewer images (N,) are right than in another way that chance doesn't explain it, of so many."""
    from scipy.stats import binomtest

    won, lost = int((other & ~right).sum()), int((right & ~other).sum())
    return won > lost and bool(binomtest(won, won + lost, 0.5, "greater").pvalue < _RISK / tried)


def whole_steps(opened: Classifier, samples: Samples) -> dict[str, Any]:
    """What brings images to the whole numbers that a model takes, where hardly any of these would be left of them."""
    whole, (low, high) = opened.whole if isinstance(opened, Loaded) else None, samples.box
    if whole is None or not whole.few(low, high):
        return {}
    least, greatest = whole.span
    scale = round(_BYTES / (high - low), 6)
    scale = int(scale) if scale.is_integer() else scale
    # Of eight bits all are used, below 0 too; of more, those of pixels.
    start = least if round(greatest - least) == _BYTES else 0
    shift = scale * low - start
    return {"scale": scale} | ({"mean": shift} if shift else {})


def pixels_taken(
    looker: Looker, opened: Classifier, found: Entry, entry: Entry, samples: Samples, chosen: IntArray, base: Entry
) -> dict[str, Any]:
    """The `preprocessing` of pixels that fits the model, asked for where several do, or where another one does better.

    chosen: rows of the samples, in the order in which they are to be tried. base: what is known of it already.
    """
    ways = _ways(samples, base)
    known = _known(looker, opened, samples, ways)
    count = min(len(chosen), _few_of(samples))
    tries = tried(looker, opened, found, entry, samples, chosen[:count], base)
    more = chosen[: min(len(chosen), _FURTHER, max(count, _MOST_VALUES // (3 * samples.images[0].size)))]
    if len(tries.rivals()) > 1 and len(more) > count and _shows(tries, tries.best):
        tries = tried(looker, opened, found, entry, samples, more, base, tries.rivals())
    if not _mostly_right(tries, opened.class_count):
        # A network with classes in another order is wrong in every way, and in the right one perhaps most of all.
        right_as = tries.called[tries.best]
        _, order = better_both(right_as, tries.labels, tries.called, opened.class_count, samples)
        tries = Tried(order.mapping[tries.labels], tries.called) if order else tries
    best, rivals = tries.best, tries.rivals()
    if not _shows(tries, best):
        return {**base, **(ways[known].steps if known else {})}
    if known in rivals:
        return {**base, **ways[known].steps}
    if len(rivals) > 1:
        # What is right on weak inputs is right on strong ones of the same kind, but not the other way round; of ways as
        # strong, such as the presets of ImageNet and of CLIP, the commoner one.
        near = [way for way in rivals if tries.right(best) - tries.right(way) <= len(tries.labels) * _HARDLY]
        likely = min(near, key=lambda way: _strength(ways[way], samples.box))
        shares = listed((f"{way} gets {tries.right(way)} right" for way in rivals), _SHOWN)
        told = f"{len(tries.labels)} images can't tell how the model takes pixels ({shares})"
        taken = looker.ask(f"{told}; which is it", likely, rivals)
        looker.notes.append(f"{told}: hold `{taken}`, which was taken, against how it was trained")
        return {**base, **ways[taken].steps}
    if best == AS_IS:
        return dict(base)
    question = (
        f"{tries.told(best)} images would be right if they were {ways[best].told}, {tries.told(AS_IS)} as they are; "
        "do so"
    )
    return {**base, **(ways[best].steps if looker.ask(question, "yes", ("yes", "no")) == "yes" else {})}


def tried(
    looker: Looker,
    opened: Classifier,
    found: Entry,
    entry: Entry,
    samples: Samples,
    rows: IntArray,
    base: Entry,
    names: Sequence[str] | None = None,
) -> Tried:
    """What images in rows (N,) are called in each way, or in those that are named."""
    images, labels, unit = samples.images[rows], samples.labels[rows], found["output"] == "sigmoid"
    ways = _ways(samples, base)
    called: dict[str, IntArray] = {}

    def call(way: str, steps: Mapping[str, Any]) -> None:
        entry_of_model = {**found, "preprocessing": {**base, **steps}} if base or steps else found
        with suppress(ModelError):  # outputs that aren't finite: it isn't that way
            model = looker.prepared(opened, entry_of_model, entry, samples.images.shape[1:])
            called[way] = _classes(model.answers(images), unit)

    for name in names or [name for name in ways if name not in _ODD]:
        call(name, ways[name].steps)
    if names is None and called and not _mostly_right(Tried(labels, called), opened.class_count):
        for name in _ODD.keys() & ways.keys():
            call(name, ways[name].steps)
    if AS_IS not in called:  # what it gives isn't finite, which whoever measures it says
        called[AS_IS] = np.full(len(labels), -1)
    return Tried(labels, called)


def _strength(way: _Way, box: tuple[float, float]) -> int:
    """From black to white, to a power of two, what a network is given."""
    if "preset" in way.steps:
        preset = PRESETS[way.steps["preset"]]
        return round(log2(preset.full / float(np.mean(1.0 if preset.std is None else preset.std))))
    return round(log2((box[1] - box[0]) * way.steps.get("scale", 1) / way.steps.get("std", 1)))


def _few_of(samples: Samples) -> int:
    return max(_FEWEST, min(_TRIED, _MOST_VALUES // int(samples.images[0].size)))


def _classes(answers: FloatArray, unit: bool) -> IntArray:
    """Classes (N,) of answers (N, K); those of a unit were opened as a sigmoid, which a logit isn't."""
    if unit and not ((answers >= 0) & (answers <= 1)).all():
        positive: IntArray = (answers[:, 1] > 0).astype(np.int64)
        return positive
    classes: IntArray = answers.argmax(axis=1)
    return classes


def _mostly_right(tries: Tried, classes: int) -> bool:
    return tries.right(tries.best) / len(tries.labels) > (1 + 1 / classes) / 2


def _shows(tries: Tried, way: str) -> bool:
    """Whether more are right than by always naming the commonest class."""
    return limits(proportion(tries.called[way] == tries.labels), _RISK)[0] > commonest_share(tries.labels)


def _ways(samples: Samples, base: Entry) -> dict[str, _Way]:
    """What may be done to pixels of the samples, by name, the likeliest first, where `base` is done in any case."""
    found = {AS_IS: _Way("as they are", {})}
    ranges = {} if "scale" in base else _RANGES.get(samples.box, {})  # whole numbers are of one range
    found |= ranges
    if samples.images.shape[3] == 3:
        if ranges:
            found |= {name: _Way(f"prepared as `{name}`", {"preset": name}) for name in _PRESETS}
        blue_first = {
            f"bgr {name}": _Way(f"{way.told}, with blue first", {"channels": "bgr", **way.steps})
            for name, way in found.items()
            if "preset" not in way.steps
        }
        if "layout" not in base:
            found |= blue_first
    told = {way.told for way in found.values()}
    return found | ({} if base else {name: way for name, way in _ODD.items() if way.told not in told})


def _known(looker: Looker, opened: Classifier, samples: Samples, ways: Mapping[str, _Way]) -> str:
    """The way that a layer which rescales its input tells, or nothing."""
    told = own_range(opened)
    if told is None:
        return ""
    layer, white = told
    given = "0..255" if white == _BYTES else "0..1"
    looker.say(f"the model rescales its input itself (layer `{layer}`): give it {given}")
    if samples.box == (0.0, white):
        return AS_IS
    return given if given in ways else ""


def own_range(opened: Classifier) -> tuple[str, float] | None:
    """The layer that rescales the input before anything else does, and what white is before it, 1 or 255; None where
    there is no such layer, or it takes something else.
    """
    if not isinstance(opened, Loaded):
        return None
    first = next((layer for layer in opened.layers() if layer.kind not in _LAYERS_BEFORE), None)
    if first is None or first.kind not in ("Rescaling", "Normalization"):
        return None
    ends = np.stack([np.full(opened.input_shape, value, np.float32) for value in (0, 1)])
    black, one = np.asarray(first.activations(tensorflow().constant(ends))).reshape(2, -1).mean(axis=1)
    scale = float(one - black)
    if not scale:
        return None
    if first.kind == "Normalization":  # what it takes for the mean tells the range
        mean = -float(black) / scale
        return (first.name, _BYTES) if 2 < mean < _BYTES else (first.name, 1.0) if 0 < mean < 1 else None
    becomes = {white: scale * white + float(black) for white in (1.0, float(_BYTES))}
    # White becomes 1, or a byte's greatest where [0, 1] is given and bytes are wanted inside.
    known = [white for white, made in becomes.items() if abs(made - 1) < _NEAR or abs(made / _BYTES - 1) < _NEAR]
    return (first.name, known[0]) if len(known) == 1 else None
