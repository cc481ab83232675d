"""How few small steps turn a real image into another class?

What it measures
    Real, correctly classified images that are not of the target class take a few small std-normalised
    gradient steps towards it. Counted is how many end as the target, by the classifier's own prediction of
    the result, and how large the change is.

Why it matters
    The change is hardly visible, the verdict is another. Where this happens often, an input's class can be
    chosen by whoever hands it in.

How to read it
    `flip_rate: {max: 0.05}` gates it. Norms are in the units of the box: `linf` of 0.1 means that no pixel
    moved by more than a tenth of the way from black to white. The attack bounds no norm and takes no random
    starts; a low rate is no evidence of robustness, and none at all where images fell short with no gradient to
    follow: a `max` is inconclusive then. With `indices` it looks at just those rows of the data
    source; then `flipped`, a count of exactly those images, says more than a rate.

References
    Szegedy et al., Intriguing Properties of Neural Networks, ICLR 2014.
    Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial Examples, ICLR 2015.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.classifiers import undecided
from auditor.measuring import (
    change_panel,
    check_rows,
    fewest,
    images_of,
    lints,
    natural_panel,
    pushes,
    several,
    share,
    surest,
    told_otherwise,
    told_unlike,
)
from auditor.search import Ascending, Ascent, TargetObjective, ascend_to_targets, passes_of_ascent
from auditor.telling.numbers import number, probability
from auditor.values import (
    A_SHARE,
    EVASION,
    NOT_NEGATIVE,
    WHITE_BOX,
    AdversarialImages,
    Bars,
    CheckError,
    ClassChoice,
    Context,
    Count,
    Counted,
    Curve,
    EachOnce,
    Evidence,
    Expectation,
    Figure,
    FloatArray,
    IntArray,
    Metric,
    MetricInfo,
    Passes,
    PositiveReal,
    Proof,
    Recount,
    Remark,
    Series,
    Strip,
    check_tells_probabilities,
    evenly,
    exact,
    mean,
    pictured,
    probabilities,
    proportion,
)

MAKES_IMAGES = True
_FOLLOWED = 8  # times as many images as are shown are followed, so that those shown can be ones that flip


class Params(Ascending):
    """Which images are pushed where, and how."""

    target: ClassChoice = 3
    """The class to push to, by number or name."""
    samples: Count = 200
    """How many images, every class in proportion to those that qualify; fewer if there aren't as many."""
    indices: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1), *EachOnce] | None = None
    """Look at just these rows of the data source, each once."""
    step_size: PositiveReal | None = None
    """Standard deviation of one step over the pixels of an image, in the units of the box; 0.02 of its width if left
    out."""
    objective: TargetObjective = "probability"
    """What the steps raise: the target's `probability` (as in the article), `log_probability` or `logit`."""
    clip: bool = True
    """Whether images are clipped to the box after every step, and so stay valid."""
    show: Count = 6
    """How many images to show on their way."""

    SHARE: ClassVar[float] = 0.02


METRICS = {
    "flip_rate": MetricInfo("proportion", "share of images that end as the target", "lower"),
    "flipped": MetricInfo("exact", "number of images that end as the target", "lower", True, bounds=NOT_NEGATIVE),
    "end_confidence": MetricInfo("mean", "probability of the target after the last step", "lower", bounds=A_SHARE),
    "least_end_confidence": MetricInfo("exact", "the same where it is lowest", of_those=True, bounds=A_SHARE),
    "l2": MetricInfo("mean", "L2 norm of the change", bounds=NOT_NEGATIVE),
    "linf": MetricInfo("mean", "greatest change of any pixel", bounds=NOT_NEGATIVE),
    "steps_to_flip": MetricInfo(
        "mean", "steps until it gives the target, over images that end so", bounds=NOT_NEGATIVE
    ),
    "vanished": MetricInfo("mean", "share of an image's gradients of standard deviation below 1e-8", bounds=A_SHARE),
}

_DEFLATED = ("flip_rate", "flipped", "end_confidence", "least_end_confidence")


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    return {"flip_rate": len(params.indices) if params.indices else fewest(params.samples, images)}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count, seen = (len(params.indices),) * 2 if params.indices else (fewest(params.samples, images), images)
    looked = Passes(predictions=seen + 2 * count)
    return looked + passes_of_ascent(count, params) + pushes.cost_misled(images, count)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes a low rate weak evidence."""
    yield from lints.of_objective(params.objective, "flip_rate", expectations)
    yield from lints.of_pace(params, box)
    yield from lints.of_distances({"l2": "l2", "linf": "linf"}, expectations, box)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.without_gradients((model,), blind)


@dataclass(frozen=True)
class _Flips:
    """What the push left: probabilities (T+1, N, K), and by image whether it flipped."""

    ascent: Ascent
    originals: NDArray[np.float32]
    labels: IntArray
    probabilities: NDArray[np.float64]
    flipped: NDArray[np.bool_]


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *WHITE_BOX)


def run(context: Context, params: Params) -> Evidence:
    """Choose the images, push them, and let the classifier judge where they ended."""
    check_tells_probabilities(context.classifier.output)
    target = context.class_number(params.target, "target")
    chosen, notes = _choose(context, params, target)
    notes += params.told(context.samples.box)
    samples, classifier, targets = context.samples, context.classifier, np.full(len(chosen), target, np.int64)
    originals, labels, rows = samples.images[chosen], samples.labels[chosen], samples.indices[chosen]
    pace, box, followed = params.pace(samples.box), samples.box if params.clip else None, _FOLLOWED * params.show
    ascent = ascend_to_targets(classifier, params.objective, originals, targets, pace, box, followed, context.engine)
    certain = probabilities(ascent.values, classifier.output)
    after = classifier.predict(ascent.images)
    certain[-1] = probabilities(after, classifier.output)
    flips = _Flips(ascent, originals, labels, certain, after.argmax(axis=1) == target)

    made = AdversarialImages(
        images=ascent.images,
        originals=originals,
        labels=labels,
        targets=targets,
        fooled=flips.flipped,
        indices=rows,
        model=context.model_name,
        proof=Proof("l2", box, classifier.predict(originals), after, (Counted("flip_rate", fell=1.0),)),
    )
    counts = _counts(context, params, made, certain[-1, :, target])
    metrics = {**counts.metrics, "vanished": mean(ascent.vanished.mean(axis=0), (0.0, 1.0), rows)}
    if flips.flipped.any():
        leads = certain.argmax(axis=2) == target
        metrics["steps_to_flip"] = mean(
            leads.argmax(axis=0)[flips.flipped], (0.0, float(params.steps)), rows[flips.flipped]
        )
    else:
        notes.append("`steps_to_flip` is left out: no image flipped.")
    return Evidence(
        summary=counts.summary,
        metrics=metrics,
        figures=pictured(lambda: _figures(context, params, target, flips, rows)),
        diagnostics=(
            pushes.stalled(ascent.vanished[-1] & ~flips.flipped, params.objective, _DEFLATED),
            told_otherwise(told_unlike(ascent.values[-1], after)),
            *pushes.misled(context, originals[~flips.flipped], targets[~flips.flipped], pace, box, _DEFLATED),
        ),
        notes=tuple(notes),
        arrays={"probabilities": certain, "vanished": ascent.vanished},
        adversarial=made,
    )


def recount(context: Context, params: Params, evidence: Evidence) -> Recount:
    """What the images of a record say: which should have been pushed is found out again, what flipped is counted."""
    target, made = context.class_number(params.target, "target"), images_of(evidence)
    wanted = context.samples.indices[_choose(context, params, target)[0]]
    if not np.array_equal(wanted, made.indices):
        wanted = context.samples.indices[_choose(context, params, target, made.indices)[0]]
    check_rows(np.setdiff1d(wanted, made.indices), "to be pushed, and left out")
    if not np.array_equal(wanted, made.indices) or (made.targets != target).any():
        raise CheckError("the record holds other images, or targets, than those that are to be pushed")
    certain = probabilities(context.classifier.predict(made.images), context.classifier.output)
    return _counts(context, params, made, certain[:, target])


def _counts(context: Context, params: Params, made: AdversarialImages, end: FloatArray) -> Recount:
    """What is said of the images as they ended, with the probability (N,) of the target there."""
    flipped, rows = made.fooled, made.indices
    change = (made.images - made.originals).reshape(len(rows), -1)
    low, high = context.samples.box
    span = high - low
    metrics: dict[str, Metric] = {
        "flip_rate": proportion(flipped, rows=rows),
        "flipped": exact(int(flipped.sum())),
        "end_confidence": mean(end, (0.0, 1.0), rows),
        "least_end_confidence": exact(end.min()),
        # Within the box no value changes by more than its width; without clipping nothing bounds a change.
        "l2": mean(np.linalg.norm(change, axis=1), (0.0, span * change.shape[1] ** 0.5) if params.clip else None, rows),
        "linf": mean(np.abs(change).max(axis=1), (0.0, span) if params.clip else None, rows),
    }
    name = context.samples.class_name(int(made.targets[0]))
    summary = (
        f"{share(metrics['flip_rate'])} of the real images become a {name} within {params.steps} steps "
        f"(mean L2 change {number(metrics['l2'].value)}, mean Linf {number(metrics['linf'].value)})."
    )
    return Recount(metrics, summary, "l2", (low, high) if params.clip else None, targets=made.targets)


def _choose(
    context: Context, params: Params, target: int, recorded: IntArray | None = None
) -> tuple[NDArray[np.int64], list[str]]:
    """Positions of the images to push, and notes on what was passed over.

    recorded: rows that a record says were pushed, which decides about images that the classifier can't.
    """
    samples = context.samples
    candidates = np.arange(len(samples))
    if params.indices is not None:
        candidates = np.array([samples.position(row, "`indices`") for row in params.indices], np.int64)
    other = samples.labels[candidates] != target
    logits = context.classifier.predict(samples.images[candidates])
    right = logits.argmax(axis=1) == samples.labels[candidates]
    if recorded is not None:
        right = np.where(undecided(logits, logits), np.isin(samples.indices[candidates], recorded), right)
    qualified = candidates[other & right]
    notes = []
    if params.indices is not None and len(qualified) < len(candidates):
        dropped = ", ".join(str(samples.indices[i]) for i in candidates[~(other & right)])
        notes.append(f"Passed over, as misclassified or already of the target class: rows {dropped}.")
    if not qualified.size:
        message = "no image to push: every one is misclassified to begin with or already of class"
        raise CheckError(f"{message} {samples.class_name(target)}")
    if params.indices is None:
        qualified = context.sample(params.samples, qualified)
        if len(qualified) < params.samples:
            notes.append(f"Only {len(qualified)} of the {params.samples} images asked for qualify.")
    return qualified, notes


def _figures(context: Context, params: Params, target: int, flips: _Flips, rows: IntArray) -> tuple[Figure, ...]:
    samples, name = context.samples, context.samples.class_name(target)
    followed = flips.ascent.shown.shape[1]
    order = np.argsort(~flips.flipped[:followed], kind="stable")[: params.show]
    shown, count = flips.ascent.shown[:, order], len(order)
    towards = flips.probabilities[:, :, target]
    away = flips.probabilities[:, np.arange(len(flips.labels)), flips.labels]
    row_labels = tuple(
        f"{samples.class_name(int(label))} (row {row})"
        for label, row in zip(flips.labels[order], rows[order], strict=True)
    )
    points = evenly(params.steps + 1, 8)
    panels = [
        natural_panel(
            shown[t],
            samples.box,
            "real image" if t == 0 else f"step {t}",
            surest(samples, flips.probabilities[t, order]),
        )
        for t in points
    ]
    norms = np.linalg.norm((shown[-1] - shown[0]).reshape(count, -1), axis=1)
    panels.append(change_panel(shown[-1] - shown[0], "change, amplified", tuple(f"L2 {number(v)}" for v in norms)))
    one = len(flips.labels) == 1
    figures: list[Figure] = [
        Strip(
            title=f"Step by step to a {name}",
            caption="Below each image what it is called, and how surely. The change is amplified to fill the colours: "
            "blue brightens a pixel, red darkens it. Images that flip come first.",
            alt=f"A real {samples.class_name(int(flips.labels[order[0]]))} over {params.steps} steps: the probability "
            f"of {name} goes from {probability(towards[0, order[0]])} to {probability(towards[-1, order[0]])}.",
            panels=tuple(panels),
            row_labels=row_labels,
        ),
        Curve(
            title="Probabilities of both classes",
            caption="The true class against the target"
            + ("." if one else ", median over the images; bands hold the middle 80%."),
            alt=f"The target's probability ends at {probability(float(np.median(towards[-1])))}, the true "
            f"class's at {probability(float(np.median(away[-1])))}.",
            x=np.arange(params.steps + 1),
            series=(_series("true class", away), _series(f"target {name}", towards)),
            x_label="step",
            y_label="probability",
        ),
    ]
    leads = flips.probabilities.argmax(axis=2) == target
    if flips.flipped.sum() > 1:
        needed = np.bincount(leads.argmax(axis=0)[flips.flipped], minlength=params.steps + 1)[1:]
        figures.append(
            Bars(
                title="Steps until the model gives the target",
                caption=f"Of {several(len(flips.labels), 'image')}, how many first became a {name} at each step.",
                alt=f"Most flips happen at step {int(needed.argmax()) + 1} ({int(needed.max())} images).",
                labels=tuple(f"step {t}" for t in range(1, params.steps + 1)),
                values=needed.astype(np.float64),
                unit="images",
            )
        )
    return tuple(figures)


def _series(name: str, values: NDArray[np.float64]) -> Series:
    if values.shape[1] == 1:
        return Series(name, values[:, 0])
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=1)
    return Series(name, middle, low, high)
