"""Does the classifier notice what it isn't for, or is it certain of nonsense?

What it measures
    How certain the classifier is of images from outside: uniform noise, other data of the spec, and corrupted images;
    and how well its own answers tell these from the images that it is for. It needs no gradients.

Why it matters
    A classifier has no answer for what is none of its classes, and gives one all the same. Where it is as certain then
    as ever, no threshold on its certainty protects anybody.

How to read it
    `certain.noise` is the share of noise that gets a probability of at least `certain`: certainty of nonsense, exactly
    counted. `auroc.noise.energy` is how often an image inside has a higher score than one outside, ties counting half:
    1 is perfect, 0.5 a coin. Scores are the greatest probability, the greatest logit, (minus) the energy and the
    entropy. `fpr_at_95_tpr` is the share from outside that passes a threshold which lets 95% of the images inside pass;
    its interval is for the threshold that these images set. Limits of an AUROC hold for every distribution. Areas under
    precision and recall stand in a table with bootstrap intervals: they depend on how many images of each kind there
    are, and take no gate. Noise is the easiest outside there is: a pass on it says nothing of data that is nearer.
    Corrupted images are made of one half of the images, each under one kind, and held against the other half.

References
    Hendrycks and Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, ICLR 2017.
    Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020.
    Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World Settings, ICML 2022 (the greatest logit).
    Hein, Andriushchenko and Bitterwolf, Why ReLU Networks Yield High-Confidence Predictions Far Away from the Training
    Data, CVPR 2019.
    Hoeffding, Probability Inequalities for Sums of Bounded Random Variables, 1963 (limits of a mean over pairs).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Self, get_args

import numpy as np
from pydantic import Field, model_validator

from auditor.compute import generator, uniform
from auditor.corruptions import Family, Kind, every_family
from auditor.measuring import (
    Compared,
    Outside,
    Score,
    answered,
    each_under_one_kind,
    familiarity,
    fewest,
    lints,
    natural_panel,
    outsiders,
    several,
    share,
    small,
    unfit_kinds,
)
from auditor.telling.numbers import number
from auditor.values import (
    WORLD,
    CheckError,
    Context,
    Count,
    DataName,
    Diagnostic,
    EachOnce,
    Evidence,
    Expectation,
    FloatArray,
    ImageGrid,
    IntArray,
    Metric,
    MetricInfo,
    Parameters,
    Passes,
    Real,
    Remark,
    Samples,
    auroc,
    check_tells_probabilities,
    mean,
    pictured,
    proportion,
)


class Params(Parameters):
    """What lies outside, and how many images to look at."""

    noise: bool = True
    """Whether to ask about uniform noise within the box."""
    data: DataName | None = None
    """Data of another kind, by its name under `other_data`; none if left out."""
    kinds: Annotated[list[Family | Kind], *EachOnce] = Field(default_factory=every_family)
    """Kinds of corruption, and families of them, of which those count that suit the images; all if left out, and no
    corrupted images if empty."""
    severity: Annotated[int, Field(ge=1, le=5)] = 5
    """How strong corruptions are, from 1 to 5."""
    samples: Count = 1000
    """How many images inside, and of each kind of outside, at most; those inside every class in proportion."""
    certain: Annotated[Real, Field(gt=0, le=1)] = 0.9
    """The probability from which on it counts as certain."""
    show: Count = 8
    """How many images to show of each outside: those that it is most certain of."""

    @model_validator(mode="after")
    def _something_outside(self) -> Self:
        if not (self.noise or self.data or self.kinds):
            raise ValueError("nothing lies outside: give `noise: true`, `data` or some `kinds` of corruption")
        return self


METRICS = {
    "certain.*": MetricInfo("proportion", "share of images of one outside that it is certain of", "lower"),
    "auroc.*": MetricInfo("auroc", "how often an image inside scores above one from that outside", "higher"),
    "fpr_at_95_tpr.*": MetricInfo("proportion", "share of one outside that passes where 95% inside do", "lower"),
}


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images; how large other data is isn't known before."""
    looked = fewest(params.samples, images)
    found: dict[str, int | None] = {}
    for outside, there in (("noise", params.samples), ("corrupted", looked // 2)):
        pairs = min(there, looked if outside == "noise" else looked - looked // 2)
        found |= {name: pairs if name.startswith("auroc") else there for name in outsiders.metric_names(outside)}
    return found


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    looked = fewest(params.samples, images)
    outside = params.samples * (params.noise + (params.data is not None))
    return Passes(predictions=looked + outside + (looked // 2 if params.kinds else 0))


def instead(params: Params) -> Mapping[str, str]:
    """The metrics of what isn't asked about."""
    asked = _asked(params)
    absent = (outside for outside in get_args(Outside) if outside not in asked)
    return {name: f"{name.split('.')[0]}.{asked[0]}" for outside in absent for name in outsiders.metric_names(outside)}


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the claim weak."""
    if _asked(params) == ["noise"] and lints.claims(expectations, ("auroc",), ("certain", "fpr_at_95_tpr")):
        yield Remark(("noise",), "noise alone lies outside: a pass says nothing of data that is nearer; give `data`")


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return WORLD


def _asked(params: Params) -> list[Outside]:
    asked = {"noise": params.noise, "data": params.data is not None, "corrupted": bool(params.kinds)}
    return [outside for outside in get_args(Outside) if asked[outside]]


def unfit(params: Params, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """Parameters that images of shape (H, W, C) can't be measured with, and why."""
    return unfit_kinds(params.kinds, shape)


def run(context: Context, params: Params) -> Evidence:
    """Ask about images inside and outside once, and compare the answers."""
    samples, output = context.samples, context.classifier.output
    check_tells_probabilities(output)
    chosen = context.sample(params.samples)
    if chosen.size < 2:
        raise CheckError(f"it is about many images, and there is {several(chosen.size, 'image')}")
    half = np.isin(chosen, context.sample(chosen.size // 2, chosen))
    made: dict[Outside, tuple[FloatArray, IntArray, IntArray]] = {}
    apart: dict[Outside, IntArray | None] = {}
    notes: list[str] = []
    diagnostics: list[Diagnostic] = []
    if params.noise:
        noise = uniform(context.seed, "noise", params.samples, samples.images.shape[1:], samples.box)
        made["noise"] = noise, -1 - np.arange(params.samples), np.arange(chosen.size)
    if params.data is not None:
        other, there = _other(context, params.data, params.samples)
        made["data"] = other.images[there], other.indices[there], np.arange(chosen.size)
        apart["data"] = other.clusters_at(there)
    if params.kinds:
        changed = each_under_one_kind(context, chosen[half], params.kinds, params.severity)
        notes += changed.notes
        above = [name for name in outsiders.metric_names("corrupted") if name.startswith("auroc")]
        below = [name for name in outsiders.metric_names("corrupted") if name not in above]
        diagnostics.append(changed.diagnostic(inflates=below, deflates=above))
        made["corrupted"] = changed.images, samples.indices[chosen[half]], np.flatnonzero(~half)
    inside = familiarity.familiar(context.classifier.predict(samples.images[chosen]), output)
    compared = {name: _compared(context, *parts, inside) for name, parts in made.items()}
    if "energy" not in inside:
        notes.append(
            "Energy and the greatest logit are left out: logits are logarithms of probabilities here, of which the one "
            "is always 0 and the other says what the greatest probability says."
        )
    rows = samples.indices[chosen]
    metrics: dict[str, Metric] = {}
    for name, one in compared.items():
        metrics[f"certain.{name}"] = proportion(
            one.confidence >= params.certain, rows=one.rows, clusters=apart.get(name)
        )
    for name, one in compared.items():
        for score, outside in one.outside.items():
            within = mean(one.inside[score], rows=rows[one.against])
            beyond = mean(outside, rows=one.rows, clusters=apart.get(name))
            metrics[f"auroc.{name}.{score}"] = auroc(("inside", within), ("outside", beyond))
    for name, one in compared.items():
        for score, outside in one.outside.items():
            passes = outside >= familiarity.threshold(one.inside[score])
            metrics[f"fpr_at_95_tpr.{name}.{score}"] = proportion(passes, rows=one.rows, clusters=apart.get(name))
    said = [
        f"of {outsiders.WORDS[name]} it is certain in {share(metrics[f'certain.{name}'])} "
        f"(AUROC {number(metrics[f'auroc.{name}.max_probability'].value)})"
        for name in compared
    ]
    rng = generator(context.seed, "familiarity")
    return Evidence(
        summary=f"At a probability of {params.certain:g} or more, {'; '.join(said)}.",
        metrics=metrics,
        figures=pictured(
            lambda: outsiders.confidences(compared, inside["max_probability"]),
            lambda: outsiders.passing(compared),
            lambda: [_surest(context, params, name, one) for name, one in compared.items()],
        ),
        tables=(outsiders.table(compared, metrics, rng),),
        diagnostics=(*diagnostics, outsiders.ties(compared)),
        notes=tuple(notes),
        arrays={
            "indices": rows,
            **{f"inside {score}": values for score, values in inside.items()},
            **{f"{name} {score}": values for name, one in compared.items() for score, values in one.outside.items()},
            **{f"{name} predicted": one.said.astype(np.int32) for name, one in compared.items()},
        },
    )


def _compared(
    context: Context, images: FloatArray, rows: IntArray, against: IntArray, inside: Mapping[Score, FloatArray]
) -> Compared:
    logits = context.classifier.predict(images)
    outside = familiarity.familiar(logits, context.classifier.output)
    both = [score for score in inside if score in outside]
    return Compared(
        images,
        rows,
        against,
        logits.argmax(axis=1),
        outside["max_probability"],
        {score: inside[score][against] for score in both},
        {score: outside[score] for score in both},
    )


def _other(context: Context, name: str, count: int) -> tuple[Samples, IntArray]:
    """Other data, and the positions of those looked at; raise CheckError where some are audited images as well."""
    other = context.data(name)
    shared = set(other.fingerprints) & set(context.samples.fingerprints)
    if shared:
        row = next(int(other.indices[i]) for i, print_ in enumerate(other.fingerprints) if print_ in shared)
        raise CheckError(
            f"`data`: {len(shared)} of the {len(other)} images of {name!r} are audited images too (the first is row "
            f"{row} there), and can't lie inside and outside; give data that shares none"
        )
    return other, replace(context, samples=other).sample(count)


def _surest(context: Context, params: Params, name: Outside, one: Compared) -> ImageGrid:
    """The images of one outside that it is most certain of."""
    samples, shown = context.samples, np.argsort(-one.confidence, kind="stable")[: params.show]
    marks = answered(samples, one.said[shown], one.confidence[shown])
    return ImageGrid(
        title=f"Most certain of: {outsiders.WORDS[name]}",
        caption=f"Of {several(len(one.rows), 'image')} from outside those it is most certain of, with what they "
        "are called, and how surely.",
        alt=f"{several(len(shown), 'image')} from outside; the first is {marks[0]}.",
        panel=natural_panel(small(one.images[shown]), samples.box, labels=marks),
    )
