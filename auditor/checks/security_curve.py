"""How does accuracy fall as the attacker's budget grows?

What it measures
    Robust accuracy over a range of radii, one curve for each attack. An image broken at one radius stays
    broken at every larger one.

Why it matters
    One radius can flatter or slander a classifier. The curve shows where it breaks, and an attack whose curve
    doesn't come down to 0 at large radii is broken itself.

How to read it
    `robust_accuracy.0.1` is the accuracy at radius 0.1 under the strongest attack for each image (six digits name a
    radius; all of them, where two radii share six), a surrogate that has learned the model's answers among them;
    `half_eps` is the least radius asked for at which less than half of the images hold; where at least half do
    at every radius, it lies beyond the last. Between two radii, before the first and past the last nobody looks: a
    floor of 0.1 passes where surely half of the images hold at 0.1 or at a larger radius that was asked for.

References
    Biggio and Roli, Wild Patterns: Ten Years After the Rise of Adversarial Machine Learning, 2018.
    Carlini et al., On Evaluating Adversarial Robustness, 2019 (sweeping the budget as a sanity test).
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.measuring import (
    IN_FULL,
    Attackable,
    AttackChoice,
    Attacked,
    Doubts,
    Stage,
    as_recorded,
    attackable,
    broken_at,
    by_knowledge,
    cascade,
    challenged,
    challenged_by,
    check_radius,
    cost_challenged,
    cost_of,
    cost_widening,
    cost_within_ball,
    fewest,
    images_of,
    lints,
    share,
    widening,
    within_ball,
)
from auditor.search import ThreatModel
from auditor.statistics import interval
from auditor.telling.numbers import percent, radius
from auditor.values import (
    EVASION,
    AdversarialImages,
    Context,
    Count,
    Counted,
    Curve,
    Diagnostic,
    Evidence,
    Expectation,
    FloatArray,
    IntArray,
    Metric,
    MetricInfo,
    Passes,
    Proof,
    Real,
    Recount,
    Remark,
    Series,
    crossing,
    pictured,
    proportion,
)


class Params(Attacked):
    """The radii, the attacks, and how many images."""

    eps: Annotated[list[Annotated[Real, Field(ge=0)]], Field(min_length=2)]
    """The radii, in the units of the box; their order doesn't matter."""
    samples: Count = 500
    """How many images, every class in proportion; fewer if there aren't as many."""


METRICS = {
    "robust_accuracy.*": MetricInfo(
        "proportion", "share of images that hold against all attacks at one radius", "higher"
    ),
    "clean_accuracy": MetricInfo("proportion", "share of the same images right without an attack", "higher"),
    "half_eps": MetricInfo("crossing", "least radius asked for at which less than half of the images hold", "higher"),
}


_DOUBTS = Doubts(("robust_accuracy", "half_eps"))


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    count = fewest(params.samples, images)
    return {"robust_accuracy.*": count, "clean_accuracy": count}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count = fewest(params.samples, images)
    swept = cost_of(params, "first", class_count) * (len(set(params.eps)) * count)
    tests = cost_within_ball(params, count, class_count) + cost_widening(params, count, class_count)
    return swept + tests + cost_challenged(params.norm, images, len(set(params.eps)) * count)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the threat model weak, before it is tried."""
    resists = lints.claims(expectations, ("robust_accuracy", "half_eps"))
    if resists:
        yield from lints.of_attacks(params, lints.gradient_free(params.norm))
    if 0 in params.eps:
        yield lints.of_nothing(("eps", params.eps.index(0)), ("robust_accuracy.0",))
    yield from lints.of_radius(params, params.eps, box, resists)
    yield from lints.of_distances({"half_eps": params.norm}, expectations, box)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.attacks_without_gradients(params, (model,), blind, lints.gradient_free(params.norm))


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *by_knowledge(params))


def run(context: Context, params: Params) -> Evidence:
    """Sweep the radii upwards, each attack on what held against it so far."""
    radii = sorted(set(params.eps))
    check_radius(context, params.norm, radii[-1])
    subject = attackable(context, params.samples, None)
    right = subject.right
    swept = {
        _name(params, i): _sweep(context, params, choice, subject, radii) for i, choice in enumerate(params.attacks)
    }
    tested = _tested(context, params, subject, radii, list(swept.values()))
    rival, in_full, doubt = _outlasting(context, params, subject, radii, list(swept.values()))
    swept["surrogate, on what held"] = rival
    held = {name: one.held for name, one in swept.items()}
    worst = np.logical_and.reduce(list(held.values()))
    made = _closest(context, params, subject, list(swept.values()))
    counts = _counts(context, params, subject, made)
    x = np.array([0.0, *radii])
    series = tuple(_series(name, np.vstack([right, rows]), subject.looked) for name, rows in held.items())
    return Evidence(
        summary=counts.summary,
        metrics=counts.metrics,
        figures=pictured(
            lambda: Curve(
                title="Security curve",
                caption="Accuracy under each attack; bands are exact 95% intervals.",
                alt=f"Accuracy falls from {percent(right.mean())} without an attack to {percent(worst[-1].mean())} "
                f"at {radius(radii[-1])}.",
                x=x,
                series=series,
                x_label=f"{params.norm} radius",
                y_label="accuracy",
            ),
        ),
        diagnostics=(*tested, doubt),
        arrays={"eps": np.array(radii), IN_FULL: in_full, **{f"held/{name}": rows for name, rows in held.items()}},
        adversarial=made,
    )


def recount(context: Context, params: Params, evidence: Evidence) -> Recount:
    """What the images of a record say: which should have been attacked is found out again, the broken are counted."""
    made = images_of(evidence)
    return _counts(context, params, as_recorded(context, attackable(context, params.samples, None), made), made)


def _counts(context: Context, params: Params, subject: Attackable, made: AdversarialImages) -> Recount:
    """What is said of the images attacked, each at the least radius at which it was broken."""
    radii = sorted(set(params.eps))
    least = broken_at(made, radii)
    worst = np.stack([subject.held(least <= eps) for eps in radii])
    by_radius = {_metric(eps, radii): proportion(worst[i], rows=subject.looked) for i, eps in enumerate(radii)}
    metrics: dict[str, Metric] = {"clean_accuracy": proportion(subject.right, rows=subject.looked), **by_radius}
    metrics["half_eps"] = crossing(radii, worst, subject.looked)
    half = metrics["half_eps"].value
    last = by_radius[_metric(radii[-1], radii)]
    clean = share(metrics["clean_accuracy"])
    summary = f"{share(last)} of the images hold at {params.norm} {radius(radii[-1])}; {clean} without an attack"
    summary += f"; less than half from {radius(half)} on." if np.isfinite(half) else "; at least half at every radius."
    return Recount(metrics, summary, params.norm, context.samples.box, np.where(np.isinf(least), 0.0, least))


def _metric(eps: float, radii: Sequence[float]) -> str:
    """The metric of a radius: by six digits of it, or by all where another's six are the same."""
    short = f"{eps:g}"
    alike = {radius for radius in radii if f"{radius:g}" == short}
    return f"robust_accuracy.{short if len(alike) == 1 else repr(eps)}"


def _name(params: Params, position: int) -> str:
    name = params.attacks[position].name
    same = [i for i, choice in enumerate(params.attacks) if choice.name == name]
    return name if len(same) == 1 else f"{name} no. {same.index(position) + 1}"


@dataclass(frozen=True)
class _Swept:
    """What one attack left at each radius: which samples hold (radii, M), and its stages by radius, on all tried.

    images: (N, H, W, C), of those tried, the adversarial one at the least radius broken_at (N,) where there is one.
    """

    held: NDArray[np.bool_]
    stages: tuple[list[Stage], ...]
    images: FloatArray
    broken_at: NDArray[np.float64]


def _sweep(context: Context, params: Params, choice: AttackChoice, subject: Attackable, radii: list[float]) -> _Swept:
    threat = ThreatModel(params.norm, context.samples.box)
    holding, rows, by_radius = np.ones(len(subject.tried), np.bool_), [], []
    images, broken_at = context.samples.images[subject.tried].copy(), np.full(len(subject.tried), np.inf)
    for eps in radii:
        left, stages = np.flatnonzero(holding), []
        if left.size and eps > 0:
            job = subject.job(context.samples, eps).only(left)
            ended, broken, found = cascade(context, threat, [choice], job, "first")
            holding[left] = ~broken
            images[left[broken]], broken_at[left[broken]] = ended[broken], eps
            stages = [dataclasses.replace(stage, attacked=left[stage.attacked]) for stage in found]
        held = subject.right.copy()
        held[held] = holding
        rows.append(held)
        by_radius.append(stages)
    return _Swept(np.stack(rows), tuple(by_radius), images, broken_at)


def _outlasting(
    context: Context, params: Params, subject: Attackable, radii: list[float], swept: list[_Swept]
) -> tuple[_Swept, NDArray[np.bool_], Diagnostic]:
    """What a surrogate left at each radius of what held against all attacks there, at which of them all was tried
    (radii,), and what that says of the attacks, at the widest radius at which any image held.
    """
    threat = ThreatModel(params.norm, context.samples.box)
    worst = np.logical_and.reduce([one.held for one in swept])[:, subject.right]
    images, broken_at, rows = context.samples.images[subject.tried].copy(), np.full(len(subject.tried), np.inf), []
    won, in_full = np.zeros(0, np.bool_), np.zeros(len(radii), np.bool_)
    for at, (holding, eps) in enumerate(zip(worst, radii, strict=True)):
        known = ~holding | np.isfinite(broken_at)
        if eps > 0 and not known.all():
            rival = challenged(context, threat, subject.job(context.samples, eps), images, known, at)
            in_full[at], fresh = rival.in_full, rival.tried[rival.won]
            images[fresh], broken_at[fresh] = rival.images[fresh], eps
        if eps > 0 and holding.any():
            won = np.isfinite(broken_at)[holding]
        rows.append(subject.held(~holding | np.isfinite(broken_at)))
    return _Swept(np.stack(rows), (), images, broken_at), in_full, challenged_by(won, _DOUBTS)


def _closest(context: Context, params: Params, subject: Attackable, swept: list[_Swept]) -> AdversarialImages:
    """Of every image tried, the adversarial one at the least radius any attack needed."""
    radii = np.stack([one.broken_at for one in swept])
    best = radii.argmin(axis=0)
    everyone = np.arange(len(best))
    images, broken_at = np.stack([one.images for one in swept])[best, everyone], radii[best, everyone]
    job = subject.job(context.samples, max(params.eps))
    after = context.classifier.predict(images)
    counted = tuple(Counted(_metric(eps, params.eps), 0.0, eps) for eps in sorted(set(params.eps)))
    sizes = np.where(np.isinf(broken_at), 0.0, broken_at)
    proof = Proof(params.norm, context.samples.box, job.logits, after, counted, sizes)
    said, broken = after.argmax(axis=1), np.isfinite(broken_at)
    return AdversarialImages(
        images, job.images, job.labels, said, broken, job.rows, context.model_name, stopped_early=True, proof=proof
    )


def _tested(
    context: Context, params: Params, subject: Attackable, radii: list[float], swept: list[_Swept]
) -> tuple[Diagnostic, ...]:
    """The tell-tale tests, at the widest radius at which any image held against all attacks, and whether the attacks
    still work on all that they broke when their budget grows.
    """
    worst = np.logical_and.reduce([one.held for one in swept])
    at = max([i for i, row in enumerate(worst) if row.any() and radii[i] > 0], default=len(radii) - 1)
    stages = [stage for one in swept for stage in one.stages[at]]
    job, threat = subject.job(context.samples, radii[at]), ThreatModel(params.norm, context.samples.box)
    broken = ~worst[:-1].all(axis=0)[subject.right]
    wider = subject.job(context.samples, radii[-1]).only(np.flatnonzero(broken))
    grows = widening(context, threat, params.attacks, wider, _DOUBTS)
    return *within_ball(context, threat, stages, job, ~worst[at][subject.right], _DOUBTS), grows


def _series(name: str, held: NDArray[np.bool_], rows: IntArray) -> Series:
    bounds = np.array([interval(proportion(row, rows=rows), 0.95) for row in held])
    return Series(name, held.mean(axis=1), bounds[:, 0], bounds[:, 1], n=np.full(len(held), held.shape[1]))
