"""What accuracy is left when the world changes the images: noise, blur, weather, compression, changed shapes?

What it measures
    The share of images that get their true class after each of up to 27 kinds of corruption at five severities: the 19
    of ImageNet-C, and eight of MNIST-C that make sense for any image. It needs no gradients.

Why it matters
    Nobody attacks a camera in the rain. Faults that simply happen are what a released classifier meets first, and
    accuracy on clean images says little about them.

How to read it
    `corrupted_accuracy` is the mean over all kinds and severities, `corrupted_accuracy.fog` that over the severities of
    one kind, `accuracy_at.fog.3` the accuracy under one kind at one severity; `worst_corruption_accuracy` is that of
    the kind with the lowest mean, of all kinds asked for. An image counts once, with the share of its corrupted
    versions that are right. `accuracy_drop` is how much less that is than on the same images as they were.
    Strengths depend on the size of the images: at 224 pixels and above they are those of ImageNet-C, at 32 and below
    those of CIFAR-10-C, in between they follow a power law through both. The contact sheet shows what that makes of an
    image: look at it before you rely on the numbers. A family stands for those of its kinds that suit the images; what
    was left out is told. With a `baseline`, or beside a baseline run, the mean corruption error is told too: the errors
    under each kind as a share of the baseline's, averaged over kinds. Gates rest on `gain_over_baseline` or `max_drop`.
    Real shifts (other cameras, places, years) are not simulated by any of these.

References
    Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR 2019.
    Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.corruptions import (
    CORRUPTIONS,
    FAMILIES,
    SEVERITIES,
    Family,
    Kind,
    corrupt,
    every_family,
    named_kinds,
    of_family,
)
from auditor.measuring import (
    Answers,
    all_at,
    answered,
    changes_images,
    classified_corrupted,
    corruption_errors,
    fewest,
    lints,
    natural_panel,
    relative_errors,
    several,
    share,
    small,
    suited_kinds,
    unchanged,
    unfit_kinds,
)
from auditor.telling.numbers import percent
from auditor.values import (
    A_DIFFERENCE,
    A_SHARE,
    WORLD,
    Context,
    Count,
    EachOnce,
    Evidence,
    Expectation,
    FloatArray,
    Heatmap,
    IntArray,
    Metric,
    MetricInfo,
    ModelName,
    Parameters,
    Passes,
    Remark,
    Strip,
    Table,
    lowest,
    mean,
    pictured,
    proportion,
)


class Params(Parameters):
    """Which corruptions, how strong, and on how many images."""

    kinds: Annotated[list[Family | Kind], Field(min_length=1), *EachOnce] = Field(default_factory=every_family)
    """Kinds of corruption, and families of them, of which those count that suit the images; all if left out."""
    severities: Annotated[list[Annotated[int, Field(ge=1, le=5)]], Field(min_length=1), *EachOnce] = Field(
        default_factory=lambda: [*SEVERITIES]
    )
    """How strong, from 1 to 5."""
    samples: Count = 500
    """How many images, every class in proportion; fewer if there aren't as many."""
    baseline: ModelName | None = None
    """A model of the spec to compare with, image by image and by its corruption errors; none if left out."""
    show: Count = 8
    """How many of the most fragile images to show."""


METRICS = {
    "corrupted_accuracy": MetricInfo(
        "mean", "share of an image's corrupted versions given its true class", "higher", bounds=A_SHARE
    ),
    "corrupted_accuracy.*": MetricInfo("mean", "the same for one kind, over its severities", "higher", bounds=A_SHARE),
    "worst_corruption_accuracy": MetricInfo("lowest", "that of the kind with the lowest one, of all kinds", "higher"),
    "accuracy_drop": MetricInfo("mean", "accuracy less that on corrupted versions", "lower", bounds=A_DIFFERENCE),
    "gain_over_baseline": MetricInfo(
        "mean", "`corrupted_accuracy` less that of the model to compare with", "higher", bounds=A_DIFFERENCE
    ),
    "clean_accuracy": MetricInfo("proportion", "share of the same images right as they are", "higher"),
    "accuracy_at.*": MetricInfo("proportion", "share of images right under one kind at one severity", "higher"),
}

_MILD = 2


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    return dict.fromkeys(METRICS, fewest(params.samples, images))


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    versions = len(named_kinds(params.kinds)) * len(params.severities) * (1 if params.baseline is None else 2)
    return Passes(predictions=fewest(params.samples, images) * (1 + versions))


def instead(params: Params) -> Mapping[str, str]:
    """The metrics of kinds and severities that aren't asked for."""
    asked = set(named_kinds(params.kinds))
    kinds = {f"corrupted_accuracy.{kind}": "corrupted_accuracy" for kind in CORRUPTIONS if kind not in asked}
    cells = {
        f"accuracy_at.{kind}.{severity}": "corrupted_accuracy"
        for kind in CORRUPTIONS
        for severity in SEVERITIES
        if kind not in asked or severity not in params.severities
    }
    alone = {} if params.baseline else {"gain_over_baseline": "corrupted_accuracy"}
    return kinds | cells | alone


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the claim weak."""
    if not lints.claims(expectations, ("corrupted_accuracy", "worst_corruption_accuracy"), ("accuracy_drop",)):
        return
    if max(params.severities) <= _MILD:
        yield Remark(("severities",), f"no severity above {_MILD} is tried, and a pass says nothing of those above")
    absent = [family for family in FAMILIES if not set(of_family(family)) & set(named_kinds(params.kinds))]
    if len(absent) == len(FAMILIES) - 1:
        yield Remark(("kinds",), f"one family alone is tried; a pass says nothing of {', '.join(absent)}")


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return WORLD


@dataclass(frozen=True)
class _Seen:
    """The images looked at, and what was said of them: right as they are (n,), right when corrupted, by kind
    (severities, n), and of each image the share of its versions that are right (n,).
    """

    chosen: IntArray
    clean: NDArray[np.bool_]
    right: Mapping[Kind, NDArray[np.bool_]]
    answers: Mapping[Kind, Answers]
    held: FloatArray


def unfit(params: Params, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """Parameters that images of shape (H, W, C) can't be measured with, and why."""
    return unfit_kinds(params.kinds, shape)


def beside(now: Mapping[str, Metric], before: Mapping[str, Metric]) -> str:
    """The mean corruption error relative to a baseline of the same kinds and severities."""
    names = [f"corrupted_accuracy.{kind}" for kind in CORRUPTIONS]
    both = [name for name in names if name in now and name in before]
    errors = list(relative_errors({name: (1 - now[name].value, 1 - before[name].value) for name in both}).values())
    if not errors:
        return ""
    told = f"Mean corruption error relative to the baseline: {percent(float(np.mean(errors)))}"
    return f"{told}, of {several(len(errors), 'kind')} under which the baseline errs."


def run(context: Context, params: Params) -> Evidence:
    """Classify images as they are, and under every kind at every severity."""
    samples, severities = context.samples, sorted(params.severities)
    chosen = context.sample(params.samples)
    labels, rows = samples.labels[chosen], samples.indices[chosen]
    kinds, left_out = suited_kinds(params.kinds, samples.images.shape[1:])
    clean = context.classifier.predict(samples.images[chosen]).argmax(axis=1) == labels
    answers = classified_corrupted(context, context.classifier, chosen, kinds, severities)
    right = {kind: answer.predicted == labels for kind, answer in answers.items()}
    by_kind = {kind: mean(hits.mean(axis=0), (0.0, 1.0), rows) for kind, hits in right.items()}
    held = _held(right)
    metrics: dict[str, Metric] = {
        "corrupted_accuracy": mean(held, (0.0, 1.0), rows),
        "worst_corruption_accuracy": lowest(
            {kind: mean(m.values, (0.0, 1.0), rows) for kind, m in by_kind.items() if m.values is not None}
        ),
        "accuracy_drop": mean(clean - held, A_DIFFERENCE, rows),
        "clean_accuracy": proportion(clean, rows=rows),
        **{f"corrupted_accuracy.{kind}": metric for kind, metric in by_kind.items()},
        **{
            f"accuracy_at.{kind}.{severity}": proportion(hits[i], rows=rows)
            for kind, hits in right.items()
            for i, severity in enumerate(severities)
        },
    }
    seen = _Seen(chosen, clean, right, answers, held)
    tables, compared = [_table(seen, by_kind)], ""
    if params.baseline is not None:
        other = classified_corrupted(context, context.model(params.baseline), chosen, kinds, severities)
        before = {kind: answer.predicted == labels for kind, answer in other.items()}
        metrics["gain_over_baseline"] = mean(held - _held(before), A_DIFFERENCE, rows)
        error, table = corruption_errors(right, before, params.baseline)
        tables.append(table)
        told = "unknown: it makes none" if np.isnan(error) else percent(error)
        compared = f" The mean corruption error relative to {params.baseline} is {told}."
    weakest = min(by_kind, key=lambda kind: by_kind[kind].value)
    # A ratio of two means: no kind of metric has its limits, so it is told, and no gate rests on it.
    lost = f" (a relative drop of {percent(1 - held.mean() / clean.mean())})" if clean.any() else ""
    summary = (
        f"{percent(held.mean())} of the corrupted images get their true class, as do "
        f"{share(metrics['clean_accuracy'])} as they are{lost}; the worst kind is {weakest}, with "
        f"{percent(by_kind[weakest].value)}.{compared}"
    )
    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(
            lambda: _matrix(right, severities),
            lambda: _fragile(context, params, seen, severities),
            lambda: _sheet(context, seen, severities),
        ),
        tables=tuple(tables),
        diagnostics=(changes_images(answers),),
        notes=(*left_out, *unchanged(answers, severities)),
        arrays={
            "kinds": np.array(kinds),
            "severities": np.array(severities),
            "predicted": np.stack([answer.predicted for answer in answers.values()]).astype(np.int32),
            "moved": np.stack([answer.moved for answer in answers.values()]).astype(np.float32),
            "labels": labels,
            "indices": rows,
        },
    )


def _held(right: Mapping[Kind, NDArray[np.bool_]]) -> FloatArray:
    """Of each image the share of its versions that are right (n,), of (severities, n) by kind."""
    held: FloatArray = np.mean([hits.mean(axis=0) for hits in right.values()], axis=0)
    return held


def _table(seen: _Seen, by_kind: Mapping[Kind, Metric]) -> Table:
    clean = seen.clean.mean()
    rows = tuple(
        (kind, CORRUPTIONS[kind].family, one.value, 100 * (clean - one.value), 255 * seen.answers[kind].moved.mean())
        for kind, one in sorted(by_kind.items(), key=lambda named: named[1].value)
    )
    columns = ("kind", "family", "accuracy", "drop, in points", "change, in grey levels")
    title = f"Kinds, the worst first, of {several(len(seen.clean), 'image')}; a change is the root mean square over one"
    return Table(title, columns, rows, shares=("accuracy",))


def _matrix(right: Mapping[Kind, NDArray[np.bool_]], severities: Sequence[int]) -> Heatmap:
    values = np.stack([hits.mean(axis=1) for hits in right.values()])
    cells = [f"{kind} at severity {severity}" for kind in right for severity in severities]
    least = f"{all_at(values.min(), cells, values.ravel())}, {percent(values.min())}"
    return Heatmap(
        title="Accuracy by kind and severity",
        caption=f"Share of the images that get their true class; the lowest: {least}.",
        alt=f"Accuracy under {several(len(right), 'kind')} of corruption; the lowest: {least}.",
        values=values,
        row_labels=tuple(kind.replace("_", " ") for kind in right),
        column_labels=tuple(map(str, severities)),
        row_title="kind",
        column_title="severity",
        n=np.stack([np.full(len(hits), hits.shape[1]) for hits in right.values()]),
    )


def _sheet(context: Context, seen: _Seen, severities: Sequence[int]) -> Strip:
    """One image under everything: the first that is right as it is."""
    samples, at = context.samples, int(np.flatnonzero(seen.clean)[0]) if seen.clean.any() else 0
    position = seen.chosen[at]
    image, row = samples.images[position : position + 1], samples.indices[position : position + 1]
    kinds = list(seen.right)
    before = np.repeat(small(image), len(kinds), axis=0)
    panels = [natural_panel(before, samples.box, "as it is")]
    for i, severity in enumerate(severities):
        made = [small(corrupt(image, kind, severity, samples.box, row, context.seed)) for kind in kinds]
        said = tuple(samples.class_name(int(seen.answers[kind].predicted[i, at])) for kind in kinds)
        panels.append(natural_panel(np.concatenate(made), samples.box, f"severity {severity}", said))
    true, tall = samples.class_name(int(samples.labels[position])), image.shape[1]
    shrunk = " Images are shown smaller than they are." if before.shape[1] < tall else ""
    return Strip(
        title="Contact sheet",
        caption=f"Row {row[0]}, a {true} of {tall} × {image.shape[2]} pixels, under every kind at every severity, with "
        f"the class it is given.{shrunk} Is it still a {true} to you?",
        alt=f"An image of a {true} under {several(len(kinds), 'kind')} of corruption.",
        panels=tuple(panels),
        row_labels=tuple(kind.replace("_", " ") for kind in kinds),
    )


def _fragile(context: Context, params: Params, seen: _Seen, severities: Sequence[int]) -> tuple[Strip, ...]:
    """The images of which most versions are wrong, though right as they are, each with the mildest that breaks it."""
    samples, kinds = context.samples, list(seen.right)
    order = [int(i) for i in np.argsort(seen.held, kind="stable") if seen.clean[i] and seen.held[i] < 1]
    shown = order[: params.show]
    if not shown:
        return ()
    before, after, marks, held = [], [], [], []
    for at in shown:
        wrong = np.stack([~seen.right[kind][:, at] for kind in kinds])
        moved = np.where(wrong, np.stack([seen.answers[kind].moved[:, at] for kind in kinds]), np.inf)
        which, level = divmod(int(moved.argmin()), moved.shape[1])
        kind, severity, position = kinds[which], severities[level], seen.chosen[at]
        image, row = samples.images[position : position + 1], samples.indices[position : position + 1]
        before.append(small(image))
        after.append(small(corrupt(image, kind, severity, samples.box, row, context.seed)))
        answer = answered(samples, seen.answers[kind].predicted[level, at : at + 1], None)[0]
        marks.append(f"{answer}, {kind.replace('_', ' ')} {severity}")
        held.append(f"{samples.class_name(int(samples.labels[position]))}, {percent(seen.held[at])} right")
    return (
        Strip(
            title="The most fragile images",
            caption="Right as they are, and wrong under most corruptions: true class and the share of its versions "
            "that are right, and the smallest change that made it wrong, with the class it is given then.",
            alt=f"{several(len(shown), 'fragile image')}; the first is a {held[0]}.",
            panels=(
                natural_panel(np.concatenate(before), samples.box, "as it is", tuple(held)),
                natural_panel(np.concatenate(after), samples.box, "wrong under", tuple(marks)),
            ),
        ),
    )
