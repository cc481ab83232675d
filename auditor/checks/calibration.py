"""Does the classifier know how sure it may be?

What it measures
    How far confidence, the probability of the class that is chosen, lies from how often that class is the true one: on
    average over bins of confidence (the expected calibration error), and with its sign (overconfidence). Beside it
    the Brier score and the likelihood, which judge whole distributions, and what dividing the logits by one number,
    the temperature, would mend, fitted on one half of the images and judged on the other.

Why it matters
    Whoever acts on an answer acts on its probability: a threshold, a second reader, a cost. A classifier that says 0.99
    and is right nine times in ten is wrong ten times as often as it says.

How to read it
    `ece` is 0 for a classifier that keeps its word; of few images it comes out too high, as chance alone moves bins. A
    ceiling over it is judged by a limit that holds for every distribution. `overconfidence` is mean confidence less
    accuracy: above 0, it is too sure. In the reliability diagram a calibrated classifier stays within the band, in
    which 95% of audits of one would lie. With `kinds` the images are corrupted, each by one kind: classifiers that keep
    their word on clean images often don't there. Equal-mass bins, the largest error of a bin and the debiased error
    stand in a table with bootstrap intervals: those describe, and no gate can rest on them.

References
    Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017 (ECE, temperature).
    Kumar, Liang and Ma, Verified Uncertainty Calibration, NeurIPS 2019 (debiased error).
    Bröcker and Smith, Increasing the Reliability of Reliability Diagrams, Weather and Forecasting 2007 (the band).
    Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review 1950.
    Ovadia et al., Can You Trust Your Model's Uncertainty?, NeurIPS 2019 (under corruption).
    Nixon et al., Measuring Calibration in Deep Learning, CVPR workshops 2019 (how bins change the answer).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated

import numpy as np
from pydantic import Field

from auditor.compute import generator
from auditor.corruptions import Family, Kind
from auditor.measuring import Binned, each_under_one_kind, fewest, reliability, several, unfit_kinds
from auditor.telling.numbers import number, percent
from auditor.values import (
    A_DIFFERENCE,
    A_SHARE,
    ACCURACY,
    WORLD,
    Bars,
    CheckError,
    Context,
    Count,
    Curve,
    Diagnostic,
    EachOnce,
    Evidence,
    FloatArray,
    IntArray,
    Metric,
    MetricInfo,
    Parameters,
    Passes,
    Series,
    Table,
    binned,
    check_tells_probabilities,
    exact,
    mean,
    pictured,
    probabilities,
    proportion,
)

Cut = Callable[[FloatArray, int], IntArray]


class Params(Parameters):
    """Which images, and how their confidences are put into bins."""

    samples: Count = 5000
    """Look at so many images at most, every class in proportion."""
    kinds: Annotated[list[Family | Kind], *EachOnce] = Field(default_factory=list)
    """Kinds of corruption, and families of them, of which each image is under one, drawn for it; images as they are if
    left out."""
    severity: Annotated[int, Field(ge=1, le=5)] = 3
    """How strong corruptions are, from 1 to 5."""
    bins: Annotated[int, Field(ge=2, le=100)] = 15
    """Bins of confidence, all of the same width from 0 to 1."""


METRICS = {
    "ece": MetricInfo("binned", "expected calibration error: |confidence less accuracy| of bins, on average", "lower"),
    "overconfidence": MetricInfo(
        "mean", "confidence less being right, mean of images; below 0, it is too unsure", bounds=A_DIFFERENCE
    ),
    "brier": MetricInfo("mean", "Brier score: squared distance of probabilities from the truth, all classes", "lower"),
    "nll": MetricInfo("mean", "negative log-likelihood of the true class, in nats; it has no bounds", "lower"),
    "accuracy": MetricInfo("proportion", "share of images given their true class", "higher"),
    "confidence": MetricInfo("mean", "probability of the predicted class", bounds=A_SHARE),
    "temperature": MetricInfo("exact", "what logits are best divided by, on the half that it is fitted on"),
    "ece_unscaled": MetricInfo("binned", "the same error on the other half of the images", "lower"),
    "ece_scaled": MetricInfo("binned", "the error that is left there once logits are divided by it", "lower"),
}


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    looked = fewest(params.samples, images)
    halved = dict.fromkeys(("ece_scaled", "ece_unscaled"), looked - looked // 2)
    return {**dict.fromkeys(("ece", "overconfidence", "brier", "nll", "accuracy", "confidence"), looked), **halved}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    return Passes(predictions=fewest(params.samples, images))


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return WORLD if params.kinds else ACCURACY


def unfit(params: Params, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """Parameters that images of shape (H, W, C) can't be measured with, and why."""
    return unfit_kinds(params.kinds, shape)


def run(context: Context, params: Params) -> Evidence:
    """Predict once; compare what was said with how often it was so."""
    samples, model = context.samples, context.classifier
    check_tells_probabilities(model.output)
    at = context.sample(params.samples)
    if at.size < 2:
        raise CheckError(f"calibration is about many images, and there is {several(at.size, 'image')}")
    labels, rows = samples.labels[at], samples.indices[at]
    images, notes, diagnostics = _looked_at(context, params, at)
    logits = model.predict(images)
    told = probabilities(logits, model.output)
    confidence, right = reliability.chosen(logits, labels, model.output)
    classes = model.class_count
    most_of_brier = float(classes) if model.output == "sigmoid" else 2.0
    fitted = np.isin(at, context.sample(at.size // 2, at))
    scale = reliability.temperature(logits[fitted], labels[fitted], model.output)
    error = partial(_error, params.bins)
    metrics = {
        "ece": error(confidence, right, rows),
        "overconfidence": mean(confidence - right, A_DIFFERENCE, rows),
        "brier": mean(reliability.brier(told, labels), (0.0, most_of_brier), rows),
        "nll": mean(reliability.negative_log_likelihood(logits, labels, model.output), rows=rows),
        "accuracy": proportion(right > 0, rows=rows),
        "confidence": mean(confidence, (0.0, 1.0), rows),
        "temperature": exact(scale),
        "ece_unscaled": error(confidence[~fitted], right[~fitted], rows[~fitted]),
        "ece_scaled": error(*reliability.chosen(logits[~fitted] / scale, labels[~fitted], model.output), rows[~fitted]),
    }
    inside = reliability.equal_width(confidence, params.bins)
    counted = reliability.in_bins(confidence, right, inside)
    names = [samples.class_name(c) for c in range(classes)]
    together, chance = metrics["confidence"].clusters, generator(context.seed, "calibration")
    sure, got = metrics["confidence"].value, metrics["accuracy"].value
    summary = (
        f"Expected calibration error {number(metrics['ece'].value)}: {percent(sure)} sure on average, "
        f"{percent(got)} right; dividing logits by {number(scale)} takes it from "
        f"{number(metrics['ece_unscaled'].value)} to {number(metrics['ece_scaled'].value)} on the half that this "
        "wasn't fitted on."
    )
    return Evidence(
        summary,
        metrics,
        pictured(
            partial(_diagram, confidence, inside, counted, together, chance), partial(_spread, confidence, params.bins)
        ),
        tables=(
            _otherwise(confidence, right, params.bins, together, chance),
            _by_class(confidence, right, logits.argmax(axis=1), names),
        ),
        notes=notes,
        diagnostics=diagnostics,
        arrays={"labels": labels, "probabilities": told.astype(np.float32), "indices": rows},
    )


def _looked_at(
    context: Context, params: Params, at: IntArray
) -> tuple[FloatArray, tuple[str, ...], tuple[Diagnostic, ...]]:
    """The images at these positions, as they are or corrupted, what was left out, and whether that changed them."""
    if not params.kinds:
        return context.samples.images[at], (), ()
    made = each_under_one_kind(context, at, params.kinds, params.severity)
    told = f"Images are corrupted: each is under one kind of {', '.join(params.kinds)}, at severity {params.severity}."
    wrong = ("ece", "overconfidence", "brier", "nll", "ece_unscaled", "ece_scaled")
    return made.images, (told, *made.notes), (made.diagnostic(inflates=("accuracy",), deflates=wrong),)


def _error(bins: int, confidence: FloatArray, right: FloatArray, rows: IntArray) -> Metric:
    inside = reliability.equal_width(confidence, bins)
    return binned(confidence - right, inside, [f"{i / bins:.3g} to {(i + 1) / bins:.3g}" for i in range(bins)], rows)


def _otherwise(
    confidence: FloatArray, right: FloatArray, bins: int, clusters: IntArray | None, rng: np.random.Generator
) -> Table:
    """The same question by other ways of counting, each with a bootstrap interval."""

    def over(cut: Cut, counted: Callable[[Binned], float]) -> reliability.Statistic:
        return lambda sure, true: counted(reliability.in_bins(sure, true, cut(sure, bins)))

    wide, mass = reliability.equal_width, reliability.equal_mass
    ways = {
        "expected error, bins of equal width": over(wide, reliability.expected_error),
        "expected error, bins of equal mass": over(mass, reliability.expected_error),
        "largest error of a bin of equal mass": over(mass, reliability.largest_error),
        "mean squared error, equal mass, debiased": over(mass, reliability.debiased_squared_error),
    }
    rows = [
        (
            name,
            round(way(confidence, right), 5),
            reliability.bootstrap(way, confidence, right, clusters, rng),
        )
        for name, way in ways.items()
    ]
    parts = reliability.decomposition(reliability.in_bins(confidence, right, wide(confidence, bins)), right)
    named = zip(("reliability", "resolution", "uncertainty"), parts, strict=True)
    rows += [(f"Brier score of being right, {name}", round(part, 5), "") for name, part in named]
    return Table("Calibration, counted in other ways", ("what", "value", "95% bootstrap"), tuple(rows))


def _by_class(confidence: FloatArray, right: FloatArray, predicted: IntArray, names: Sequence[str]) -> Table:
    """Confidence beside accuracy for each class that was chosen, the furthest apart first."""
    rows = []
    for label in np.unique(predicted):
        said = predicted == label
        sure, true = float(confidence[said].mean()), float(right[said].mean())
        rows.append((names[label], int(said.sum()), round(sure, 4), round(true, 4), round(100 * (sure - true), 2)))
    rows.sort(key=lambda row: -abs(row[-1]))
    columns = ("chosen class", "images", "confidence", "right", "difference, in points")
    return Table("Confidence and accuracy by class", columns, tuple(rows), shares=("confidence", "right"))


def _diagram(
    confidence: FloatArray, inside: IntArray, counted: Binned, clusters: IntArray | None, rng: np.random.Generator
) -> Curve:
    """The reliability diagram: bins that have images, at their mean confidence."""
    band = reliability.consistency(confidence, inside, clusters, rng)
    filled = several(len(counted.counts), "bin")
    if band is None:
        told = f"no band, as it isn't known which images belong together, in {filled} that have images"
    else:
        outside = int(((counted.right < band[0]) | (counted.right > band[1])).sum())
        whose = "a classifier that keeps its word"
        if clusters is not None:
            whose += ", right or wrong about images of one cluster together,"
        told = f"the band is where 95% of audits of {whose} would lie; {outside} of {filled} lie outside"
    return Curve(
        title="Reliability diagram",
        caption=f"Share right over confidence, bin by bin: {told}.",
        alt=f"Reliability diagram: {told}.",
        x=counted.confidence,
        series=(
            Series("as it says", counted.confidence, *(band or ())),
            Series("measured", counted.right, n=counted.counts),
        ),
        x_label="mean confidence of a bin",
        y_label="share right",
    )


def _spread(confidence: FloatArray, bins: int) -> Bars:
    """How many images there are of each confidence."""
    shares = np.bincount(reliability.equal_width(confidence, bins), minlength=bins) / len(confidence)
    first = int(np.flatnonzero(shares)[0])
    labels = tuple(f"{number(i / bins)} to {number((i + 1) / bins)}" for i in range(first, bins))
    return Bars(
        title="Confidences",
        caption=f"Share of {several(len(confidence), 'image')} by confidence; none has less than "
        f"{number(first / bins)}.",
        alt=f"{percent(shares[-1])} of images have a confidence of {number(1 - 1 / bins)} or more.",
        labels=labels,
        values=shares[first:],
        n=np.full(bins - first, len(confidence)),
    )
