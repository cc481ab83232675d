"""How little must an image change before the classifier errs?

What it measures
    For every correctly classified image, the smallest change that any of the attacks found, in one norm and
    within the box. Every attack works on every image; the closest result is kept and predicted once more.

Why it matters
    It needs no radius to be chosen beforehand, and shows the whole distribution: the images that break under
    almost nothing, and those that hold out longest.

How to read it
    Distances are in the units of the box (L0 counts values that changed) and are upper bounds: a better attack
    may find smaller ones. `median_distance: {min: 0.2}` gates the typical image. `nearest_distance` is the worst
    image among those looked at and says nothing of others: with more images it falls, so a gate on it needs
    `samples`. The curve is the share of the images that hold at each radius, as far as these attacks can tell. An
    image for which nothing was found counts as infinitely far, and `found` says how many that are; where they are
    half or more, the median is infinite as well. A surrogate, that has learned the model's answers and nothing else,
    looks for images closer by a tenth; what it finds counts. With a `target` only images of other classes are looked
    at, and the metrics are called `targeted_median_distance` and so on.

References
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017.
    Croce and Hein, Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary Attack, ICML 2020.
    Pintor et al., Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints, NeurIPS 2021.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from auditor.measuring import (
    IN_FULL,
    Attackable,
    AttackChoice,
    Attacked,
    Doubts,
    Stage,
    as_recorded,
    attackable,
    broken_images,
    by_knowledge,
    called,
    cascade,
    challenged_closest,
    choose,
    closest,
    cost_challenged_closest,
    cost_closest,
    cost_of,
    fewest,
    images_of,
    instead_of,
    lints,
    nearer_by,
    share,
)
from auditor.search import Norm, ThreatModel, distance
from auditor.statistics import interval
from auditor.telling.numbers import number
from auditor.values import (
    EVASION,
    NOT_NEGATIVE,
    AdversarialImages,
    ClassChoice,
    Context,
    Count,
    Counted,
    Curve,
    Evidence,
    Expectation,
    Figure,
    FloatArray,
    Metric,
    MetricInfo,
    Passes,
    Proof,
    Recount,
    Remark,
    Series,
    Table,
    exact,
    median,
    pictured,
    proportion,
)

MAKES_IMAGES = True
_SEEKING = ("distance", "boundary")


def _seek_distance(choice: AttackChoice) -> AttackChoice:
    if choice.module.SEEKS not in _SEEKING:
        raise ValueError(f"attack {choice.name!r} searches within a ball; this check needs one that seeks the closest")
    return choice


class Params(Attacked):
    """The norm, the attacks, and how many images."""

    norm: Norm = "l2"
    """The norm to minimise: `linf`, `l2`, `l1` or `l0`."""
    attacks: Annotated[list[Annotated[AttackChoice, AfterValidator(_seek_distance)]], Field(min_length=1)] = Field(
        default_factory=lambda: [choose({"attack": "fmn"})]
    )
    """The attacks; each works on every image."""
    target: ClassChoice | None = None
    """A class to reach, by number or name; any wrong class if left out."""
    samples: Count = 200
    """How many images, every class in proportion; fewer if there aren't as many."""
    show: Count = 3
    """How many of the nearest and of the farthest images to show."""


_DISTANCES = {
    "median_distance": MetricInfo(
        "median", "distance to the closest adversarial image found", "higher", bounds=NOT_NEGATIVE
    ),
    "nearest_distance": MetricInfo(
        "exact", "the least of these distances, of the images looked at", "higher", True, bounds=NOT_NEGATIVE
    ),
    "farthest_distance": MetricInfo(
        "exact", "the greatest of those that were found", "higher", True, bounds=NOT_NEGATIVE
    ),
    "found": MetricInfo("proportion", "share of the images for which an adversarial image was found", "lower"),
}
# What they are called with a target, which is further away than the nearest class: they can't be compared.
_TARGETED = {name: f"targeted_{name}" for name in _DISTANCES}

METRICS = {
    **_DISTANCES,
    "clean_accuracy": MetricInfo("proportion", "share of the images classified right without an attack", "higher"),
    **{
        _TARGETED[name]: dataclasses.replace(info, text=f"with a target, on images of other classes: {info.text}")
        for name, info in _DISTANCES.items()
    },
}


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    count = fewest(params.samples, images)
    return {_called(name, params): count for name in ("median_distance", "found", "clean_accuracy")}


def instead(params: Params) -> dict[str, str]:
    """Metrics that these parameters don't give, each with the one that they give in its place."""
    return instead_of(_TARGETED, params.target)


def _called(name: str, params: Params) -> str:
    """What a metric is called with these parameters."""
    return called(name, _TARGETED, params.target)


def _doubts(params: Params) -> Doubts:
    """Which metrics are too large, and which too small, if the attack was weaker than it seems."""
    large = (_called(name, params) for name in ("median_distance", "nearest_distance", "farthest_distance"))
    return Doubts(tuple(large), (_called("found", params),))


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count = fewest(params.samples, images)
    attacked = cost_of(params, "closest", class_count, params.target is not None) * count
    challenged = cost_challenged_closest(params.norm, images, count)
    return attacked + cost_closest(params, count, class_count) + challenged


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the threat model weak, before it is tried."""
    doubts = _doubts(params)
    if lints.claims(expectations, doubts.inflates, doubts.deflates):
        yield from lints.of_attacks(params, _without_gradients(params))
    yield from lints.of_target(params.target, expectations, doubts.inflates, doubts.deflates)
    yield from lints.of_closest(params, box)
    yield from lints.of_distances({_called("median_distance", params): params.norm}, expectations, box)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.attacks_without_gradients(params, (model,), blind, _without_gradients(params))


def _without_gradients(params: Params) -> str:
    """The attack in the norm that needs no gradient."""
    return "hopskipjump" if params.norm in ("linf", "l2") else "pointwise"


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *by_knowledge(params))


def run(context: Context, params: Params) -> Evidence:
    """Take every image as close to its boundary as the attacks can, and look at the distances."""
    samples, classifier = context.samples, context.classifier
    subject = attackable(context, params.samples, params.target)
    job = subject.job(samples, np.inf)
    threat = ThreatModel(params.norm, samples.box, params.target is not None)
    ended, found, stages = cascade(context, threat, params.attacks, job, "closest")
    reached = np.where(found, distance(ended, job.images, params.norm), np.inf)
    tested = closest(context, threat, stages, job, reached, _doubts(params))
    rival = challenged_closest(context, threat, job, ended, reached)
    ended, found = rival.images, rival.broken
    sizes = np.where(found, distance(ended, job.images, params.norm), np.inf)
    after = classifier.predict(ended)
    said = after.argmax(axis=1)
    notes = ["Images lie just past the boundary, and may be called right again after any change: not for transfer."]
    if not np.isfinite(np.median(sizes)):
        notes.append("`median_distance` is infinite: nothing was found for half of the images or more.")
    proof = Proof(params.norm, samples.box, job.logits, after, (Counted(_called("found", params), fell=1.0),))
    aims = said if params.target is None else job.targets
    adversarial = AdversarialImages(
        ended, job.images, job.labels, aims, found, job.rows, context.model_name, stopped_early=True, proof=proof
    )
    counts = _counts(context, params, subject, adversarial)
    return Evidence(
        summary=counts.summary,
        metrics=counts.metrics,
        figures=pictured(lambda: _figures(context, params, adversarial, sizes)),
        diagnostics=(*tested, nearer_by(rival.won, _doubts(params))),
        tables=(_table(stages, sizes),),
        notes=tuple(notes),
        arrays={"distances": sizes, "said": said, IN_FULL: np.array([rival.in_full])},
        adversarial=adversarial,
    )


def recount(context: Context, params: Params, evidence: Evidence) -> Recount:
    """What the images of a record say: which should have been attacked is found out again, distances are measured."""
    subject, made = attackable(context, params.samples, params.target), images_of(evidence)
    return _counts(context, params, as_recorded(context, subject, made), made)


def _counts(context: Context, params: Params, subject: Attackable, made: AdversarialImages) -> Recount:
    """What is said of the closest images that were found."""
    found = made.fooled
    sizes = np.where(found, distance(made.images, made.originals, params.norm), np.inf)
    metrics: dict[str, Metric] = {
        "median_distance": median(sizes, (0.0, np.inf), made.indices),
        "found": proportion(found, rows=made.indices),
        "clean_accuracy": proportion(subject.right, rows=subject.looked),
    }
    if np.isfinite(metrics["median_distance"].value):
        summary = f"Half of the images are broken within {params.norm} {number(metrics['median_distance'].value)}"
    else:
        summary = f"An adversarial image was found for only {share(metrics['found'])} of the images"
    if found.any():
        metrics["nearest_distance"] = exact(float(sizes.min()))
        metrics["farthest_distance"] = exact(float(sizes[found].max()))
        summary += f"; the nearest is broken at {number(sizes.min())}"
    by_name = {_called(name, params): metric for name, metric in metrics.items()}
    targets = None if params.target is None else subject.targets
    return Recount(by_name, summary + ".", params.norm, context.samples.box, targets=targets)


def _table(stages: list[Stage], best: NDArray[np.float64]) -> Table:
    rows = []
    for stage in stages:
        result = stage.result
        own = np.where(result.success, result.distances, np.inf)
        closest = float((result.success & (own <= best * (1 + 1e-6))).mean())
        passes = (result.gradients + result.predictions) / len(best)
        middle = float(np.median(own))
        rows.append((stage.choice.name, float(result.success.mean()), middle, closest, passes, stage.seconds))
    columns = ("attack", "found", "median distance", "closest for", "passes per image", "seconds")
    title = f"Each attack, on all images (n = {len(best)})"
    return Table(title, columns, tuple(rows), shares=("found", "closest for"))


def _figures(
    context: Context, params: Params, made: AdversarialImages, sizes: NDArray[np.float64]
) -> tuple[Figure, ...]:
    finite = np.sort(sizes[np.isfinite(sizes)])
    if not finite.size:
        return ()
    order = np.argsort(sizes, kind="stable")[: finite.size]
    return (
        broken_images(context, made, order[: params.show], params.norm, "The nearest images"),
        broken_images(context, made, order[::-1][: params.show], params.norm, "The farthest images"),
        _curve(params, made, sizes, finite),
    )


def _curve(params: Params, made: AdversarialImages, sizes: NDArray[np.float64], finite: FloatArray) -> Curve:
    x = np.linspace(0.0, float(finite[-1]), 41)
    holds = [proportion(sizes > radius, rows=made.indices) for radius in x]
    bounds = np.array([interval(metric, 0.95) for metric in holds])
    y = np.array([metric.value for metric in holds])
    return Curve(
        title="How many hold at each radius",
        caption="Share of the images, among those classified right, whose closest adversarial image lies beyond; the "
        "band is the exact 95% interval.",
        alt=f"Half of the images are broken by {params.norm} {number(np.median(sizes))}, the last found at "
        f"{number(finite[-1])}.",
        x=x,
        series=(Series("holding", y, bounds[:, 0], bounds[:, 1], n=np.array([metric.n for metric in holds])),),
        x_label=f"{params.norm} radius",
        y_label="share holding",
    )
