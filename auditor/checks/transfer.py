"""Do images that fool one network fool others too?

What it measures
    The adversarial images another check made on one model are shown to other models. Of the images that
    fooled their source, it counts how many each other model also calls the target, and how many it still
    gets wrong in any way.

Why it matters
    If such images transfer, hiding or retraining the weights is no protection: an attacker crafts them on a
    network of their own.

How to read it
    `transfer_rate.NAME` is the rate for one model; `transfer_rate` is the mean over models. The originals are the
    sample: what several checks, or several targets, made of one counts once, with the mean of its outcomes. A model
    has no say in the images that it made itself, and no rate where it made them all. The noise control moves each
    original just as far (same L2 norm, after clipping) in a random direction: what it also achieves is not the attack's
    doing. Images from pure noise have no true class, so `still_wrong` is left out for them. A low rate says nothing
    where the attack that made the images is doubted, or a model resists only what it sees to be changed, or knows.

References
    Szegedy et al., Intriguing Properties of Neural Networks, ICLR 2014 (section 4.2).
    Papernot, McDaniel and Goodfellow, Transferability in Machine Learning, 2016.
    Liu et al., Delving into Transferable Adversarial Examples, ICLR 2017 (targeted transfer is harder).
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.compute import normal
from auditor.measuring import (
    answered,
    known,
    natural_panel,
    noticed,
    numbered,
    over_models,
    rate,
    rows_of,
    several,
    taken_further,
)
from auditor.telling.numbers import percent, probability
from auditor.values import (
    A_SHARE,
    EVASION,
    NOT_NEGATIVE,
    TRANSFER,
    AdversarialImages,
    CaseIds,
    CheckError,
    Context,
    Count,
    Evidence,
    Figure,
    FloatArray,
    Heatmap,
    IntArray,
    Metric,
    MetricInfo,
    ModelNames,
    Panel,
    Parameters,
    Strip,
    Table,
    evenly,
    exact,
    pictured,
    probabilities,
)


class Params(Parameters):
    """Whose images, shown to whom."""

    adversarial: CaseIds
    """The check, or list of checks, whose images to take; they run first."""
    onto: ModelNames
    """The models to show them to."""
    show: Count = 6
    """How many images to show."""


METRICS = {
    "transfer_rate": MetricInfo(
        "mean", "share of the models that call an image its target, mean over originals", bounds=A_SHARE
    ),
    "transfer_rate.*": MetricInfo("proportion", "share of images that one model calls their target"),
    "still_wrong_rate": MetricInfo(
        "mean", "share of the models that misclassify an image, mean over originals", bounds=A_SHARE
    ),
    "still_wrong_rate.*": MetricInfo("proportion", "share of images that one model misclassifies"),
    "control_target_rate": MetricInfo("mean", "the transfer rate of equally large random changes", bounds=A_SHARE),
    "control_wrong_rate": MetricInfo("mean", "the still-wrong rate of equally large random changes", bounds=A_SHARE),
    "images": MetricInfo(
        "exact", "number of images that fooled their source and were taken further", bounds=NOT_NEGATIVE
    ),
}


_DOUBLINGS, _HALVINGS = 12, 20
_DEFLATED = ("transfer_rate", "still_wrong_rate")


@dataclass(frozen=True)
class _Source:
    """The images of one case that fooled its model, with their norm-matched random twins."""

    case: str
    made: AdversarialImages
    control: FloatArray


@dataclass(frozen=True)
class _Votes:
    """What one model says of all images: predicted classes and the target's probability, (N,) each; none of scores."""

    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64] | None
    control: NDArray[np.int64]


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *TRANSFER)


def run(context: Context, params: Params) -> Evidence:
    """Collect what fooled its source, show it and its random twins to every model."""
    sources = tuple(_source(context, case) for case in params.adversarial)
    images = np.concatenate([s.made.images for s in sources])
    control = np.concatenate([s.control for s in sources])
    targets = np.concatenate([s.made.targets for s in sources])
    labels = np.concatenate([s.made.labels for s in sources])
    votes = {name: _vote(context, name, images, control, targets) for name in dict.fromkeys(params.onto)}
    makers = np.concatenate([[s.made.model] * len(s.made.images) for s in sources])
    others = np.array([makers != name for name in votes])  # (models, N)
    if not others.any():
        message = f"`onto` names only {str(makers[0])!r}, which made the images: what it says of them is no transfer"
        raise CheckError(f"{message}; name another model")
    starts = np.concatenate([s.made.originals for s in sources])
    originals = numbered(starts)
    rows = rows_of(originals, np.concatenate([s.made.indices for s in sources]))
    says_target = np.stack([v.predicted == targets for v in votes.values()])
    control_target = np.stack([v.control == targets for v in votes.values()])
    errs = np.stack([v.predicted != labels for v in votes.values()])
    metrics: dict[str, Metric] = {
        "transfer_rate": over_models(says_target, others, originals, rows),
        **_of_each(votes, "transfer_rate", says_target, others, originals, rows),
        "control_target_rate": over_models(control_target, others, originals, rows),
        "images": exact(len(images)),
    }
    real = labels >= 0
    if real.any():
        control_wrong = np.stack([v.control[real] != labels[real] for v in votes.values()])
        if others[:, real].any():
            metrics["still_wrong_rate"] = over_models(errs[:, real], others[:, real], originals[real], rows)
            metrics["control_wrong_rate"] = over_models(control_wrong, others[:, real], originals[real], rows)
        metrics |= _of_each(votes, "still_wrong_rate", errs[:, real], others[:, real], originals[real], rows)
    reached, chance = metrics["transfer_rate"].value, metrics["control_target_rate"].value
    shares = [hit[which].mean() for hit, which in zip(says_target, others, strict=True) if which.any()]
    span = f"{percent(min(shares))} to {percent(max(shares))}"
    summary = (
        f"Of {several(len(images), 'image')} that fooled their source, other networks call {percent(reached)} the "
        f"target ({span} by network); equally large random changes manage {percent(chance)}."
    )
    count = int(originals.max()) + 1
    own = [s.made.model for s in sources if s.made.model in votes]
    notes = [f"{own[0]!r} made some of the images itself, and has no say in those: that is no transfer."] if own else []
    if count < len(images):
        notes.append(f"They were made of {several(count, 'original')}, each of which counts once.")
    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(
            lambda: _matrix(context, sources, votes, targets), lambda: _strip(context, params, sources, votes)
        ),
        diagnostics=(
            taken_further({s.case: s.made.doubts for s in sources}, _DEFLATED),
            noticed(context, tuple(votes), images[real], starts[real], targets[real], says_target[:, real], _DEFLATED),
            *known(context, tuple(votes), images[real], starts[real], labels[real], errs[:, real], _DEFLATED),
        ),
        tables=(_table(votes, metrics, bool(real.any())),),
        notes=tuple(notes),
        arrays={
            "targets": targets,
            "labels": labels,
            "says_target": says_target,
            "control_target": control_target,
        },
    )


def _of_each(
    votes: Iterable[str],
    name: str,
    hits: NDArray[np.bool_],
    others: NDArray[np.bool_],
    originals: IntArray,
    rows: IntArray,
) -> dict[str, Metric]:
    """For each model, the rate of its hits (models, N) among images that others than itself made; none of one that
    made them all.
    """
    each = [(model, hit[which], originals[which]) for model, hit, which in zip(votes, hits, others, strict=True)]
    return {f"{name}.{model}": rate(hit, own, rows[np.unique(own)]) for model, hit, own in each if own.size}


def _source(context: Context, case: str) -> _Source:
    made = context.adversarial(case)
    if made.stopped_early:
        # Such an image is barely over its source's boundary: 21% still fool a retrained network where 99% of
        # the full-length ones do. Measuring transfer on them would flatter every network.
        message = f"the images of {case!r} stopped as soon as they succeeded (or are the closest images that did)"
        raise CheckError(f"{message}; take those of `robust_accuracy` with `full_length: true`")
    keep = made.fooled
    if not keep.any():
        raise CheckError(f"none of the {len(keep)} images of {case!r} fooled {made.model!r}: nothing to take further")
    kept = AdversarialImages(
        made.images[keep],
        made.originals[keep],
        made.labels[keep],
        made.targets[keep],
        made.fooled[keep],
        made.indices[keep],
        made.model,
        doubts=made.doubts,
    )
    size = len(kept.images)
    change = np.linalg.norm((kept.images - kept.originals).reshape(size, -1), axis=1)
    direction = normal(context.seed, f"control/{case}", len(keep), kept.images.shape[1:])[keep]
    direction /= np.linalg.norm(direction.reshape(size, -1), axis=1).reshape(-1, 1, 1, 1)
    low, high = context.samples.box
    inside = kept.images.min() >= low and kept.images.max() <= high
    box = (low, high) if inside else (-np.inf, np.inf)
    return _Source(case, kept, moved(kept.originals, direction, change, box))


def moved(
    originals: FloatArray, direction: FloatArray, change: NDArray[np.floating], box: tuple[float, float]
) -> NDArray[np.float32]:
    """Images (N, H, W, C) moved along their direction until, clipped to the box, they are `change` (N,) away in L2.

    Clipping takes a quarter off a step from an image that is mostly black, so a step that is only as long before it is
    no fair control. Where the box doesn't reach so far in that direction, an image goes as far as it does.
    """

    def at(scale: NDArray[np.floating]) -> NDArray[np.float32]:
        stepped = np.clip(originals + direction * scale.reshape(-1, 1, 1, 1), *box)
        return np.asarray(stepped, dtype=np.float32)

    def size(scale: NDArray[np.floating]) -> NDArray[np.floating]:
        sizes: NDArray[np.floating] = np.linalg.norm((at(scale) - originals).reshape(len(originals), -1), axis=1)
        return sizes

    low, high = np.zeros(len(originals)), change.astype(np.float64)
    for _ in range(_DOUBLINGS):
        short = size(high) < change
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        short = size(middle) < change
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return at(high)


def _vote(context: Context, name: str, images: FloatArray, control: FloatArray, targets: NDArray[np.integer]) -> _Votes:
    classifier = context.model(name)
    known = classifier.class_count
    if int(targets.max()) >= known:
        raise CheckError(f"model {name!r} has no class {int(targets.max())}: it knows 0 to {known - 1}")
    logits, scores = classifier.predict(images), classifier.output == "scores"
    return _Votes(
        logits.argmax(axis=1),
        None if scores else probabilities(logits, classifier.output)[np.arange(len(targets)), targets],
        classifier.predict(control).argmax(axis=1),
    )


def _table(votes: dict[str, _Votes], metrics: dict[str, Metric], real: bool) -> Table:
    told = {"transfer_rate": "says the target", **({"still_wrong_rate": "still wrong"} if real else {})}

    def row(name: str) -> tuple[str | float, ...]:
        found = (metrics.get(f"{rate}.{name}") for rate in told)
        return name, *("–" if metric is None else metric.value for metric in found)

    return Table("By network", ("network", *told.values()), tuple(map(row, votes)), shares=(*told.values(),))


def _matrix(
    context: Context, sources: tuple[_Source, ...], votes: dict[str, _Votes], targets: NDArray[np.integer]
) -> Heatmap:
    edges = np.cumsum([0, *(len(s.made.images) for s in sources)])
    columns: dict[str, NDArray[np.int64]] = {}
    for name in dict.fromkeys([*(s.made.model for s in sources), *votes]):
        if name in votes:
            columns[name] = votes[name].predicted
        else:
            images = np.concatenate([s.made.images for s in sources])
            columns[name] = context.model(name).predict(images).argmax(axis=1)
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    values = np.array([[(c[p] == targets[p]).mean() for c in columns.values()] for p in parts])
    return Heatmap(
        title="Made on, shown to",
        caption="Share of the images that each network calls the target; the network that made them is included.",
        alt=f"Transfer from {several(len(sources), 'source')} to {several(len(columns), 'network')}: "
        f"{percent(values.min())} to {percent(values.max())}.",
        values=values,
        row_labels=tuple(f"{s.case} (on {s.made.model})" for s in sources),
        column_labels=tuple(columns),
        row_title="made by",
        column_title="shown to",
        n=np.array([[p.stop - p.start] * len(columns) for p in parts]),
    )


def _strip(context: Context, params: Params, sources: tuple[_Source, ...], votes: dict[str, _Votes]) -> Figure:
    """Original, random twin, then the adversarial image once a network, with what it says of it."""
    images = np.concatenate([s.made.images for s in sources])
    originals = np.concatenate([s.made.originals for s in sources])
    control = np.concatenate([s.control for s in sources])
    rows = evenly(len(images), params.show)
    samples = context.samples
    first = next(iter(votes))
    said = tuple(samples.class_name(int(votes[first].control[i])) for i in rows)
    panels: list[Panel] = [
        natural_panel(originals[rows], samples.box, "original"),
        natural_panel(control[rows], samples.box, f"random twin, {first}", said),
    ]
    targets = np.concatenate([s.made.targets for s in sources])
    fooling = sum(int((vote.predicted[rows] == targets[rows]).sum()) for vote in votes.values())
    for name, vote in votes.items():
        sure = vote.confidence
        told = ["" if sure is None else f" (target {probability(sure[i])})" for i in rows]
        said = tuple(f"{a}{b}" for a, b in zip(answered(samples, vote.predicted[rows], None), told, strict=True))
        panels.append(natural_panel(images[rows], samples.box, name, said))
    return Strip(
        title="What each network says",
        caption="The same adversarial image before every network: the class it gives, and its probability of the "
        "target. The random twin moved as far from the original, in a random direction.",
        alt=f"{several(len(rows), 'adversarial image')} before {several(len(votes), 'network')}: "
        f"{fooling} of the {len(rows) * len(votes)} answers are the target.",
        panels=tuple(panels),
    )
