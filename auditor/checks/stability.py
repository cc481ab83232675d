"""Does an image get the same answer twice, alone and in company, and from another export of the model?

What it measures
    The share of images that get the same class when they are asked about again, when each is asked about alone, when
    they are rounded to the precision of bfloat16 and float16, by the model itself computed in lower precision, and by
    another model of the spec, such as an export in another format; how far probabilities move; and what becomes of
    inputs that nobody should get an answer to: NaN, infinity, another size. It needs no gradients.

Why it matters
    What was audited is one file, asked in one way. What is deployed is often another export of it, in lower precision,
    asked image by image. And a classifier that answers NaN with a class passes a broken sensor off as a finding.

How to read it
    `same.twice`, `same.alone`, `same.bfloat16`, `same.float16` and `same.other` are shares of images that keep their
    class, whatever the true one is; a model that always says the same is perfectly stable. `same.in_bfloat16`,
    `same.in_float16` and `same.in_int8` are those of the model itself, its weights and activations in that precision
    (`precision`, of Keras networks), on the images as they are; ranges of int8 are taken from up to 100 other images
    of the data, or from these where there are fewer than ten. `drift.*` is the greatest
    change of any class's probability, mean over images, `largest_drift.*` the greatest of all of those looked at. The
    model is asked by its format's own call, as whoever deploys it would. `unusable_answered` counts those of five
    unusable inputs that are given a class: 0 is a model that fails closed, by itself or by its runtime. Times are those
    of this machine, one image at a time; they describe, and no gate rests on them.

References
    Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019
    (flip rates of nearly equal images).
    Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR
    2018.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.measuring import answered, fewest, natural_panel, odd_inputs, several, share, small
from auditor.statistics import interval
from auditor.telling.numbers import number, percent
from auditor.values import (
    A_SHARE,
    NOT_NEGATIVE,
    WORLD,
    Bars,
    CheckError,
    Classifier,
    Context,
    Count,
    Diagnostic,
    EachOnce,
    Evidence,
    Expectation,
    FloatArray,
    IntArray,
    Lowerable,
    Metric,
    MetricInfo,
    ModelName,
    Parameters,
    Passes,
    Precision,
    Remark,
    Strip,
    Table,
    exact,
    mean,
    pictured,
    proportion,
    told_probabilities,
)

Way = Literal["twice", "alone", "bfloat16", "float16", "in_bfloat16", "in_float16", "in_int8", "other"]


class Params(Parameters):
    """How many images, and what to hold the model against."""

    samples: Count = 200
    """How many images, every class in proportion; fewer if there aren't as many."""
    precision: Annotated[list[Precision], *EachOnce] = Field(default_factory=list)
    """The precisions to compute the model itself in: `bfloat16`, `float16`, `int8`, where its format can."""
    other: ModelName | None = None
    """Another model of the spec that should answer alike: an export, a quantised one; none if left out."""
    show: Count = 8
    """How many of the images whose class changes to show."""


METRICS = {
    "same.*": MetricInfo("proportion", "share of images that keep their class when asked in another way", "higher"),
    "drift.*": MetricInfo("mean", "greatest change of a probability, mean over images", "lower", bounds=A_SHARE),
    "largest_drift.*": MetricInfo("exact", "greatest change of a probability of any image", "lower", True, A_SHARE),
    "unusable_answered": MetricInfo(
        "exact", "unusable inputs, of five, that are given a class", "lower", bounds=(0.0, 5.0)
    ),
    "answered.*": MetricInfo("exact", "whether one odd input is given a class: 1 or 0", bounds=A_SHARE),
    "flips": MetricInfo("exact", "images looked at that change class in any way", "lower", True, NOT_NEGATIVE),
}

_WORDS: Mapping[Way, str] = {
    "twice": "asked again",
    "alone": "asked alone",
    "bfloat16": "rounded to bfloat16",
    "float16": "rounded to float16",
    "in_bfloat16": "computed in bfloat16",
    "in_float16": "computed in float16",
    "in_int8": "computed in int8",
    "other": "asked of the other model",
}
_IN: Mapping[Precision, Way] = {"bfloat16": "in_bfloat16", "float16": "in_float16", "int8": "in_int8"}
_MOST_EXAMPLES, _FEWEST_EXAMPLES = 100, 10
_ODD = 10
_WARM = 3  # images that are asked about before times are taken


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    return dict.fromkeys(("same.*", "drift.*"), fewest(params.samples, images))


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    ways = 5 + len(params.precision) + (params.other is not None)
    return Passes(predictions=ways * fewest(params.samples, images) + _WARM + _ODD)


def instead(params: Params) -> Mapping[str, str]:
    """What another model, or a precision, would be asked for, where none is named."""
    unasked = [way for one, way in _IN.items() if one not in params.precision] + ([] if params.other else ["other"])
    return {f"{name}.{way}": f"{name}.twice" for way in unasked for name in ("same", "drift", "largest_drift")}


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the claim weak."""
    for precision in ("bfloat16", "float16"):
        gated = any(e.metric == f"same.{precision}" and e.min is not None for e in expectations)
        if gated and precision not in params.precision:
            told = f"`same.{precision}` rounds images alone, and says nothing of the model in {precision}"
            yield Remark(("precision",), f"{told}; that is `same.in_{precision}`, by `precision: [{precision}]`")


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return WORLD


@dataclass(frozen=True)
class _Answers:
    """What was given for images (n, K), and how it is told: as probabilities, unless they are scores."""

    given: FloatArray
    told: FloatArray | None

    @property
    def said(self) -> IntArray:
        """Classes (n,)."""
        found: IntArray = self.given.argmax(axis=1)
        return found


def run(context: Context, params: Params) -> Evidence:
    """Ask in every way, compare with the first answers, and try what is no image."""
    samples, model, chosen = context.samples, context.classifier, context.sample(params.samples)
    images, rows = samples.images[chosen], samples.indices[chosen]
    first = _asked(model, images)
    one_by_one, seconds = _alone(model, images)
    ways: dict[Way, _Answers] = {
        "twice": _asked(model, images),
        "alone": one_by_one,
        "bfloat16": _asked(model, _rounded(images, "bfloat16", samples.box)),
        "float16": _asked(model, _rounded(images, "float16", samples.box)),
    }
    for precision in params.precision:
        ways[_IN[precision]] = _told(model, _lowered(context, precision, chosen)(images))
    if params.other is not None:
        other = context.model(params.other)
        if other.class_count != model.class_count:
            told = f"{other.class_count} classes, and {context.model_name!r} {model.class_count}"
            raise CheckError(f"`other`: {params.other!r} tells apart {told}; name an export of the same model")
        ways["other"] = _asked(other, images)
    same = {way: one.said == first.said for way, one in ways.items()}
    moved = {way: values for way, one in ways.items() if (values := _drift(one, first)) is not None}
    tried = odd_inputs.tried(model, samples)
    unusable = [one for one in tried if one.name in odd_inputs.UNUSABLE]
    kept = np.all(list(same.values()), axis=0)
    metrics: dict[str, Metric] = {
        **{f"same.{way}": proportion(hits, rows=rows) for way, hits in same.items()},
        "unusable_answered": exact(sum(one.answered for one in unusable)),
        **{f"drift.{way}": mean(values, A_SHARE, rows) for way, values in moved.items()},
        **{f"largest_drift.{way}": exact(values.max()) for way, values in moved.items()},
        **{f"answered.{one.name}": exact(int(one.answered)) for one in tried},
        "flips": exact(int((~kept).sum())),
    }
    how = [f"{share(metrics[f'same.{way}'])} {_WORDS[way]}" for way in ways]
    answered = int(metrics["unusable_answered"].value)
    summary = (
        f"Images keep their class: {', '.join(how)}. Of {len(unusable)} unusable inputs {answered} are given a class."
    )
    notes = [] if len(moved) == len(ways) else ["`drift` is left out where a model gives scores, no probabilities."]
    names = ("input", "what it shows", "what happens")
    return Evidence(
        summary,
        metrics,
        pictured(lambda: _kept(metrics, ways), lambda: _flips(context, params, chosen, first, ways, same)),
        tables=(
            Table("Odd inputs", names, tuple((one.name.replace("_", " "), one.shows, one.told) for one in tried)),
            _latency(seconds),
        ),
        diagnostics=tuple(_computed_so(_IN[one], ways[_IN[one]], first) for one in params.precision),
        notes=tuple(notes),
        arrays={
            "indices": rows,
            "first": first.given.astype(np.float32),
            **{way: one.given.astype(np.float32) for way, one in ways.items()},
        },
    )


def _computed_so(way: Way, one: _Answers, first: _Answers) -> Diagnostic:
    """Whether lower precision moves any answer: else the model was hardly computed in it, or shows no difference."""
    moved = not np.array_equal(one.given, first.given)
    name = f"lower precision, {way[3:]}"
    if moved:
        return Diagnostic(name, True, "lower precision moves answers")
    told = f"lower precision moves no answer at all, so that nothing shows it was {_WORDS[way]}"
    return Diagnostic(name, False, told, (f"same.{way}",), (f"drift.{way}", f"largest_drift.{way}"))


def _lowered(context: Context, precision: Precision, chosen: IntArray) -> Callable[[FloatArray], FloatArray]:
    """The model's answers in another precision; images at positions (n,) are those looked at."""
    model = context.classifier
    if not isinstance(model, Lowerable):
        told = f"model {context.model_name!r} can't be computed in {precision}"
        raise CheckError(f"`precision`: {told}; name an export in it as `other`")
    return model.lowered(precision, _examples(context, chosen))


def _examples(context: Context, chosen: IntArray) -> FloatArray:
    """Images for ranges of activations: the next ones after those at positions (n,), or these where few are left."""
    others = context.sample(len(chosen) + _MOST_EXAMPLES)[len(chosen) :]
    found: FloatArray = context.samples.images[others if len(others) >= _FEWEST_EXAMPLES else chosen[:_MOST_EXAMPLES]]
    return found


def _drift(one: _Answers, first: _Answers) -> FloatArray | None:
    """The greatest change of a probability of each image (n,); None where either tells none."""
    if one.told is None or first.told is None:
        return None
    found: FloatArray = np.abs(one.told - first.told).max(axis=1)
    return found


def _asked(model: Classifier, images: FloatArray) -> _Answers:
    return _told(model, model.answers(images))


def _told(model: Classifier, given: FloatArray) -> _Answers:
    return _Answers(given, None if model.output == "scores" else told_probabilities(given, model.output))


def _alone(model: Classifier, images: FloatArray) -> tuple[_Answers, FloatArray]:
    """What is said of each image alone, and how long that took (n,), in seconds."""
    for i in range(min(_WARM, len(images))):
        model.answers(images[i : i + 1], batch=1)
    given, seconds = [], []
    for i in range(len(images)):
        began = time.perf_counter()
        given.append(model.answers(images[i : i + 1], batch=1))
        seconds.append(time.perf_counter() - began)
    return _told(model, np.concatenate(given)), np.array(seconds)


def _rounded(images: FloatArray, precision: Literal["bfloat16", "float16"], box: tuple[float, float]) -> FloatArray:
    """Images rounded to a lower precision, as shares of the box, and back in float32.

    bfloat16 keeps the upper half of a float32; half of the lower is added first, so that it rounds to the nearest.
    """
    low, high = box
    shares = np.ascontiguousarray((images - low) / (high - low), np.float32)
    if precision == "float16":
        rounded = shares.astype(np.float16).astype(np.float32)
    else:
        rounded = ((shares.view(np.uint32) + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)
    found: FloatArray = np.clip(low + rounded * (high - low), low, high).astype(np.float32)
    return found


def _latency(seconds: FloatArray) -> Table:
    """Percentiles of the time that one image took, asked alone."""
    at = (50, 90, 99, 100)
    found = np.percentile(seconds, at) * 1000
    rows = tuple((f"{p}th percentile" if p < 100 else "longest", number(ms)) for p, ms in zip(at, found, strict=True))
    return Table(f"Time for one image, on this machine, of {several(len(seconds), 'image')}", ("", "ms"), rows)


def _kept(metrics: Mapping[str, Metric], ways: Mapping[Way, _Answers]) -> Bars:
    shares = [metrics[f"same.{way}"] for way in ways]
    ends = np.array([interval(one, 0.95) for one in shares])
    told = ", ".join(f"{percent(one.value)} {_WORDS[way]}" for way, one in zip(ways, shares, strict=True))
    return Bars(
        title="Images that keep their class",
        caption=f"Share of {several(shares[0].n, 'image')} whose class is the one of the first time, with 95% limits.",
        alt=f"Images that keep their class: {told}.",
        labels=tuple(_WORDS[way] for way in ways),
        values=np.array([one.value for one in shares]),
        low=ends[:, 0],
        high=ends[:, 1],
        n=np.array([one.n for one in shares]),
    )


def _flips(
    context: Context,
    params: Params,
    chosen: IntArray,
    first: _Answers,
    ways: Mapping[Way, _Answers],
    same: Mapping[Way, NDArray[np.bool_]],
) -> Sequence[Strip]:
    """Images whose class changes, in the first way that changes it."""
    samples = context.samples
    changed = {int(i): way for way in reversed(get_args(Way)) if way in same for i in np.flatnonzero(~same[way])}
    shown = sorted(changed)[: params.show]
    if not shown:
        return ()
    images = small(samples.images[chosen[shown]])

    def named(answers: _Answers, i: int) -> str:
        number = int(answers.said[i])
        sure = None if answers.told is None else answers.told[i : i + 1, number]
        return answered(samples, answers.said[i : i + 1], sure)[0]

    before = tuple(named(first, i) for i in shown)
    after = tuple(f"{named(ways[changed[i]], i)}, {_WORDS[changed[i]]}" for i in shown)
    return (
        Strip(
            title="Images that change class",
            caption=f"{len(shown)} of {len(changed)}, with the class and its probability the first time, and in the "
            "way that changes it.",
            alt=f"{several(len(shown), 'image')} that change class; the first is {before[0]} and then {after[0]}.",
            panels=(
                natural_panel(images, samples.box, "the first time", before),
                natural_panel(images, samples.box, "in another way", after),
            ),
        ),
    )
