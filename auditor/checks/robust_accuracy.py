"""What accuracy survives an attack?

What it measures
    Correctly classified images are attacked within a ball of radius `eps`, by one attack after another, each
    on the images that held so far. What is left, out of all images, is the robust accuracy.

Why it matters
    It is the number that says what an attacker with this budget can do. It is an upper bound: a stronger
    attack may find less.

How to read it
    `eps` and all norms are in the units of the box. An image counts as broken only if its change lies within
    ball and box, measured in float64, and the classifier errs on it when asked once more. The table shows
    what each attack added; if a later one breaks much, the first was weak. What held against all is attacked once more
    by a surrogate, a small network that has learned the model's answers and nothing else: what that breaks counts, and
    if it is much, gradients or scores led the attacks astray. Plain CNNs on MNIST fall to about
    0 at L∞ 0.3; adversarially trained ones keep around 0.9. With a `target` it is another question, which is
    easier to stand: only images of other classes are looked at, what isn't driven to that one class holds, and the
    metrics are called `targeted_robust_accuracy` and `targeted_success_rate`, so that nobody takes them for the rest.

References
    Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018.
    Carlini et al., On Evaluating Adversarial Robustness, 2019.
    Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free
    Attacks, ICML 2020.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.compute import both
from auditor.measuring import (
    IN_FULL,
    Attackable,
    Attacked,
    Doubts,
    Rival,
    Stage,
    as_recorded,
    attackable,
    broken_images,
    by_knowledge,
    called,
    cascade,
    challenged,
    challenged_by,
    check_radius,
    cost_challenged,
    cost_elsewhere,
    cost_of,
    cost_within_ball,
    elsewhere,
    fewest,
    images_of,
    instead_of,
    lints,
    several,
    share,
    within_ball,
)
from auditor.search import Keep, ThreatModel, distance
from auditor.telling.numbers import number, percent, radius
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
    IntArray,
    Metric,
    MetricInfo,
    Passes,
    Proof,
    Real,
    Recount,
    Remark,
    Series,
    Table,
    evenly,
    mean,
    pictured,
    proportion,
)

MAKES_IMAGES = True


class Params(Attacked):
    """The threat model, the attacks, and how many images."""

    eps: Annotated[Real, Field(ge=0)]
    """Radius of the ball, in the units of the box; `8/255` is a number."""
    target: ClassChoice | None = None
    """A class to reach, by number or name; any wrong class if left out."""
    samples: Count = 500
    """How many images, every class in proportion; fewer if there aren't as many."""
    full_length: bool = False
    """Whether every image takes all steps, as images for `transfer` must; otherwise one that is broken is left."""
    show: Count = 6
    """How many broken images to show."""


METRICS = {
    "robust_accuracy": MetricInfo(
        "proportion", "share of images classified right whatever the attacks tried", "higher"
    ),
    "clean_accuracy": MetricInfo("proportion", "share of the same images right without an attack", "higher"),
    "attack_success_rate": MetricInfo("proportion", "share of the images attacked that became adversarial", "lower"),
    "targeted_robust_accuracy": MetricInfo(
        "proportion", "with a target: share of images of other classes that are right and never called it", "higher"
    ),
    "targeted_success_rate": MetricInfo(
        "proportion", "with a target: share of the images attacked that were called it", "lower"
    ),
    "distance": MetricInfo("mean", "norm of the change, over the adversarial images", "higher", bounds=NOT_NEGATIVE),
}


# What the plain names are called with a target: rates that can't be compared with the plain ones.
_TARGETED = {"robust_accuracy": "targeted_robust_accuracy", "attack_success_rate": "targeted_success_rate"}


@dataclass(frozen=True)
class _Outcome:
    """The attacked images (N rows), where they ended, and the class they get there."""

    adversarial: AdversarialImages
    said: IntArray
    distances: NDArray[np.float64]


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    count = fewest(params.samples, images)
    holds, breaks = _names(params)
    return {holds: count, "clean_accuracy": count, breaks: count}


def instead(params: Params) -> dict[str, str]:
    """Metrics that these parameters don't give, each with the one that they give in its place."""
    return instead_of(_TARGETED, params.target)


def _names(params: Params) -> tuple[str, str]:
    """What the share that holds and the share that is broken are called."""
    holds, breaks = (called(name, _TARGETED, params.target) for name in _TARGETED)
    return holds, breaks


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count = fewest(params.samples, images)
    keep: Keep = "last" if params.full_length else "first"
    attacked = cost_of(params, keep, class_count, params.target is not None) * count
    tests = cost_within_ball(params, count, class_count) + cost_challenged(params.norm, images, count)
    return attacked + tests + cost_elsewhere(params, images, count, class_count, params.target is not None)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the threat model weak, before it is tried."""
    holds, breaks = _names(params)
    resists = lints.claims(expectations, (holds,), (breaks,))
    if not params.eps:
        yield lints.of_nothing(("eps",), (holds, breaks))
    elif resists:
        yield from lints.of_attacks(params, lints.gradient_free(params.norm))
    yield from lints.of_target(params.target, expectations, (holds,), (breaks,))
    yield from lints.of_radius(params, [params.eps], box, resists)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.attacks_without_gradients(params, (model,), blind, lints.gradient_free(params.norm))


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *by_knowledge(params))


def run(context: Context, params: Params) -> Evidence:
    """Attack what is classified right, and count what holds."""
    check_radius(context, params.norm, params.eps)
    samples, classifier = context.samples, context.classifier
    subject = attackable(context, params.samples, params.target)
    job = subject.job(samples, params.eps)
    threat = ThreatModel(params.norm, samples.box, params.target is not None)
    holds, breaks = _names(params)
    ended, broken, stages = cascade(context, threat, params.attacks, job, "last" if params.full_length else "first")
    doubts = Doubts((holds, "distance"), (breaks,))
    looked, left = len(subject.looked), broken
    tested, (rival, others) = both(
        lambda: within_ball(context, threat, stages, job, left, doubts),
        lambda: (
            challenged(context, threat, job, ended, left),
            elsewhere(context, threat, params.attacks, looked, job, left),
        ),
    )
    ended, broken = rival.images, rival.broken
    after = classifier.predict(ended)
    said = after.argmax(axis=1)
    counted = Counted(holds, fell=0.0), Counted(breaks, fell=1.0)
    proof = Proof(params.norm, samples.box, job.logits, after, counted, job.eps)
    aims = said if params.target is None else job.targets
    adversarial = AdversarialImages(
        ended, job.images, job.labels, aims, broken, job.rows, context.model_name, not params.full_length, proof
    )
    outcome = _Outcome(adversarial, said, distance(ended, job.images, params.norm))
    counts, notes = _counts(context, params, subject, adversarial), []
    if params.target is not None:
        goal = samples.class_name(int(subject.targets[0]))
        notes.append(f"Images of class {goal} can't be driven to it, so they weren't looked at.")
    if not params.full_length:
        notes.append("Images were left as soon as they were adversarial: they can't be used for transfer.")
    return Evidence(
        summary=counts.summary,
        metrics=counts.metrics,
        figures=pictured(lambda: _figures(context, params, outcome, stages)),
        diagnostics=(*tested, challenged_by(rival.won, doubts, others)),
        tables=(_table(stages, rival, len(subject.right), classifier.class_count),),
        notes=tuple(notes),
        arrays={"distances": outcome.distances, "said": said, IN_FULL: np.array([rival.in_full])},
        adversarial=adversarial,
    )


def recount(context: Context, params: Params, evidence: Evidence) -> Recount:
    """What the images of a record say: which should have been attacked is found out again, the broken are counted."""
    subject, made = attackable(context, params.samples, params.target), images_of(evidence)
    return _counts(context, params, as_recorded(context, subject, made), made)


def _counts(context: Context, params: Params, subject: Attackable, made: AdversarialImages) -> Recount:
    """What is said of the images attacked, as they ended."""
    (holds, breaks), broken = _names(params), made.fooled
    metrics: dict[str, Metric] = {
        holds: proportion(subject.held(broken), rows=subject.looked),
        "clean_accuracy": proportion(subject.right, rows=subject.looked),
        breaks: proportion(broken, rows=made.indices),
    }
    if broken.any():
        sizes = distance(made.images, made.originals, params.norm)
        metrics["distance"] = mean(sizes[broken], (0.0, params.eps), made.indices[broken])
    names = ", ".join(choice.name for choice in params.attacks)
    who, how = "the images", ""
    if params.target is not None:
        goal = context.samples.class_name(context.class_number(params.target, "target"))
        who, how = f"the images of other classes than {goal}", f" that aim for {goal}"
    summary = (
        f"{share(metrics[holds])} of {who} hold against {names} and a surrogate{how} within {params.norm} "
        f"{radius(params.eps)}; without an attack {share(metrics['clean_accuracy'])} are right."
    )
    radii, targets = np.full(len(made.images), params.eps), None if params.target is None else subject.targets
    return Recount(metrics, summary, params.norm, context.samples.box, radii, targets=targets)


def _table(stages: list[Stage], rival: Rival, total: int, class_count: int) -> Table:
    rows, left = [], len(rival.broken)
    for stage in stages:
        broken = int(stage.result.success.sum())
        left -= broken
        passes = (stage.result.gradients + stage.result.predictions) / len(stage.attacked)
        params = stage.choice.params
        rivals = min(params.rival_classes, class_count - 1)
        aims = f", {several(rivals, 'rival')}" if rivals else ""
        name = f"{stage.choice.name} ({params.steps} steps, {params.value}{aims})"
        rows.append((name, len(stage.attacked), broken, left / total, passes, stage.seconds))
    for way in rival.ways:
        left -= way.broken
        rows.append((way.name, way.given, way.broken, left / total, way.questions / way.given, way.seconds))
    columns = ("attack", "given", "broken", "share left", "passes per image", "seconds")
    title = f"Each attack, on what was left of {several(total, 'image')}"
    return Table(title, columns, tuple(rows), shares=("share left",))


def _figures(context: Context, params: Params, outcome: _Outcome, stages: list[Stage]) -> tuple[Figure, ...]:
    strongest = max(stages, key=lambda stage: int(stage.result.success.sum()))
    steps = np.arange(len(strongest.result.rate))
    reached = float(strongest.result.rate[-1])
    figures: list[Figure] = []
    broken = np.flatnonzero(outcome.adversarial.fooled)
    if broken.size:
        rows = broken[evenly(len(broken), params.show)]
        figures.append(broken_images(context, outcome.adversarial, rows, params.norm, "Broken images"))
    figures.append(
        Curve(
            title=f"{strongest.choice.name}: images broken, step by step",
            caption="Of the attack that broke most: share of its images broken by each step of its first start.",
            alt=f"{strongest.choice.name} breaks {percent(reached)} of its images within {len(steps) - 1} steps.",
            x=steps,
            series=(Series("broken", strongest.result.rate, n=np.full(len(steps), len(strongest.result.images))),),
            x_label="step",
            y_label="share broken",
        )
    )
    losses = strongest.result.loss
    if np.isfinite(losses).all():
        low, high = float(losses.min()), float(losses.max())
        figures.append(
            Curve(
                title=f"{strongest.choice.name}: loss, step by step",
                caption="Mean loss of the images still attacked; it drops where the easy ones have left.",
                alt=f"The mean loss moves between {number(low)} and {number(high)}.",
                x=steps,
                series=(Series(strongest.choice.params.value, losses),),
                x_label="step",
                y_label="loss",
                y_limits=(low, high if high > low else low + 1),
            )
        )
    return tuple(figures)
