"""Can plain noise be pushed until the classifier is certain of a class?

What it measures
    Uniform noise images take a few std-normalised gradient steps towards a target class. Counted is how
    many end as that class with at least `min_confidence`, by the classifier's own prediction of the result.

Why it matters
    A classifier that is certain about noise gives certainty no meaning: its confidence can't be used to
    reject inputs that show nothing at all.

How to read it
    `success_rate: {min: 0.9}` documents the weakness, `{max: 0.05}` gates it. A gradient vanishes where the
    softmax is saturated: harmless once the target is certain, but an image that is `stalled` never got there
    since it had nothing to follow. Stalled images mean that the attack is weak, not that the classifier is
    strong, and make a `max` inconclusive; the objectives `log_probability` and `logit` don't stall so. With
    `target: all` every noise image goes to each class, and counts once, with the mean of its outcomes. With
    `clip: both` the plain names are the unclipped run, as in the article, and `.clipped` is the run whose images
    stay valid.

References
    Nguyen, Yosinski and Clune, Deep Neural Networks are Easily Fooled, CVPR 2015.
    Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial Examples, ICLR 2015 (rubbish classes).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.measuring import (
    Noise,
    all_at,
    drawn,
    images_of,
    lints,
    natural_panel,
    of_each,
    pushes,
    rate,
    rate_text,
    surest,
    told_otherwise,
    told_unlike,
)
from auditor.search import Ascending, Ascent, TargetObjective, ascend_to_targets, passes_of_ascent
from auditor.telling.numbers import percent, probability
from auditor.values import (
    A_SHARE,
    EVASION,
    WHITE_BOX,
    AdversarialImages,
    Bars,
    ChoosesClass,
    ClassNumber,
    Context,
    Count,
    Counted,
    Curve,
    Evidence,
    Expectation,
    Figure,
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


class Params(Ascending):
    """Where the noise is pushed, how, and what counts."""

    target: Annotated[ClassNumber | str, ChoosesClass(also=("all",))] = 3
    """The class to push to, by number or name, or `all` for each class in turn."""
    samples: Count = 100
    """How many noise images; each goes to every target."""
    objective: TargetObjective = "probability"
    """What the steps raise: the target's `probability` (as in the article), `log_probability` or `logit`."""
    clip: bool | Literal["both"] = False
    """Whether images are clipped to the box after every step; `both` measures it either way."""
    min_confidence: Annotated[Real, Field(gt=0, lt=1)] = 0.99
    """Probability of the target from which an image counts."""
    show: Count = 6
    """How many images to show on their way."""


METRICS = {
    "success_rate": MetricInfo("proportion", "share of noise that surely ends as target; of several the mean", "lower"),
    "success_rate.*": MetricInfo("proportion", "the same for one target class, or for `clipped`", "lower"),
    "end_confidence": MetricInfo("mean", "probability of the target after the last step", bounds=A_SHARE),
    "start_confidence": MetricInfo("mean", "the same before the first step; 1 / K with all K targets", bounds=A_SHARE),
    "end_confidence.*": MetricInfo("mean", "the same for `clipped`", bounds=A_SHARE),
    "steps_needed": MetricInfo("mean", "steps until certain enough, over the images that end so"),
    "vanished": MetricInfo("mean", "share of an image's gradients of standard deviation below 1e-8", bounds=A_SHARE),
    "stalled": MetricInfo("proportion", "share of images that missed the target and whose last gradient had vanished"),
    "vanished.*": MetricInfo("mean", "the same for `clipped`", bounds=A_SHARE),
}

_DEFLATED = ("success_rate", "end_confidence")


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have: a noise image counts once, however many targets it goes to."""
    return {"success_rate": params.samples, "success_rate.*": params.samples}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    count = params.samples * (class_count if params.target == "all" else 1)
    each = passes_of_ascent(count, params) + Passes(predictions=count)
    return sum((each for _ in _clips(params)), Passes(predictions=2 * count)) + pushes.cost_misled(images, count)


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes a low rate weak evidence."""
    yield from lints.of_objective(params.objective, "success_rate", expectations)
    yield from lints.of_pace(params, box)


def unsighted(params: Params, model: str, blind: lints.Blind) -> Iterator[Remark]:
    """What can't run since a model gives no gradient; blind: why, by its name."""
    return lints.without_gradients((model,), blind)


@dataclass(frozen=True)
class _Run:
    """One push of all images: probabilities of the target (T+1, N), and which images ended certain enough."""

    ascent: Ascent
    confidence: NDArray[np.float64]
    success: NDArray[np.bool_]

    @property
    def stalled(self) -> NDArray[np.bool_]:
        """Which images fell short with no gradient left: (N,)."""
        stalled: NDArray[np.bool_] = self.ascent.vanished[-1] & ~self.success
        return stalled


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return (*EVASION, *WHITE_BOX)


def run(context: Context, params: Params) -> Evidence:
    """Push the same noise to every target asked for."""
    check_tells_probabilities(context.classifier.output)
    noise = drawn(context, params.samples, params.target)
    start, targets, originals, rows = noise.start, noise.targets, noise.originals, noise.rows
    pace, box = params.pace(context.samples.box), context.samples.box if _clips(params)[0] else None
    runs = {clip: _push(context, params, start, targets, clip) for clip in _clips(params)}
    main = runs[next(iter(runs))]

    def over_noise(values: FloatArray) -> Metric:
        """The mean of a value (N,) of every image, which for several targets is a mean for each noise image."""
        return mean(of_each(values, originals), (0.0, 1.0), rows)

    metrics: dict[str, Metric] = {
        **_counts(context, params, noise, main.success, main.confidence[0], main.confidence[-1]),
        "vanished": over_noise(main.ascent.vanished.mean(axis=0)),
        "stalled": rate(main.stalled, originals, rows),
    }
    missed = ~main.success
    if main.success.any():
        needed = (main.confidence >= params.min_confidence).argmax(axis=0)[main.success]
        own = originals[main.success]
        metrics["steps_needed"] = mean(of_each(needed, own), (0.0, float(params.steps)), rows[np.unique(own)])
    if params.clip == "both":
        metrics["success_rate.clipped"] = rate(runs[True].success, originals, rows)
        metrics["end_confidence.clipped"] = over_noise(runs[True].confidence[-1])
        metrics["vanished.clipped"] = over_noise(runs[True].ascent.vanished.mean(axis=0))
    notes = [
        f"{percent(metrics['vanished'].value)} of the gradients vanished; {rate_text(metrics['stalled'])} of the "
        "images missed the target because of it."
    ]
    notes += params.told(context.samples.box)
    if not main.success.any():
        notes.append("`steps_needed` is left out: no image got there.")
    box = context.samples.box if _clips(params)[0] else None
    before, after = context.classifier.predict(start), context.classifier.predict(main.ascent.images)
    proof = Proof("l2", box, before, after, (Counted("success_rate", fell=1.0),), least=params.min_confidence)
    return Evidence(
        summary=_summary(context, params, metrics),
        metrics=metrics,
        figures=pictured(lambda: _figures(context, params, runs, _by_target(context, noise, main.success), targets)),
        diagnostics=(
            pushes.stalled(np.concatenate([one.stalled for one in runs.values()]), params.objective, _DEFLATED),
            told_otherwise(told_unlike(main.ascent.values[-1], after)),
            *pushes.misled(context, start[missed], targets[missed], pace, box, _DEFLATED, params.min_confidence),
        ),
        notes=tuple(notes),
        arrays={"confidence": main.confidence, "vanished": main.ascent.vanished},
        adversarial=AdversarialImages(
            images=main.ascent.images,
            originals=start,
            labels=np.full(len(start), -1, np.int64),
            targets=targets,
            fooled=main.success,
            indices=np.full(len(start), -1, np.int64),
            model=context.model_name,
            proof=proof,
        ),
    )


def recount(context: Context, params: Params, evidence: Evidence) -> Recount:
    """What the images of a record say: the noise is drawn again, and what got there is counted."""
    made, classifier, noise = images_of(evidence), context.classifier, drawn(context, params.samples, params.target)
    noise.check_same(made)
    each = np.arange(len(noise.targets))
    start, end = (
        probabilities(classifier.predict(images), classifier.output)[each, noise.targets]
        for images in (made.originals, made.images)
    )
    metrics = _counts(context, params, noise, made.fooled, start, end)
    kept = {name: metric for name, metric in evidence.metrics.items() if name.endswith(".clipped")}  # without images
    box = context.samples.box if _clips(params)[0] else None
    summary = _summary(context, params, {**kept, **metrics})
    return Recount(metrics, summary, "l2", box, least=params.min_confidence, targets=made.targets)


def _counts(
    context: Context, params: Params, noise: Noise, success: NDArray[np.bool_], start: FloatArray, end: FloatArray
) -> dict[str, Metric]:
    """What is said of images by whether they got there, and by their target's probability at start and end, (N,) each.

    The probabilities of all classes add up to 1, so their mean is no finding.
    """
    every = params.target == "all"
    return {
        "success_rate": rate(success, noise.originals, noise.rows),
        "start_confidence": exact(start.mean()) if every else mean(start, (0.0, 1.0), noise.rows),
        "end_confidence": mean(of_each(end, noise.originals), (0.0, 1.0), noise.rows),
        **({f"success_rate.{n}": m for n, m in _by_target(context, noise, success).items()} if every else {}),
    }


def _by_target(context: Context, noise: Noise, success: NDArray[np.bool_]) -> dict[str, Metric]:
    classes = np.unique(noise.targets).tolist()
    return {_name(context, c): proportion(success[noise.targets == c], rows=noise.rows) for c in classes}


def _summary(context: Context, params: Params, metrics: Mapping[str, Metric]) -> str:
    goal = "their targets"
    if params.target != "all":
        goal = f"class {context.samples.class_name(context.class_number(params.target, 'target'))}"
    told = (
        f"{rate_text(metrics['success_rate'])} of the noise images end as {goal} with probability "
        f"≥ {params.min_confidence:g} after {params.steps} steps"
    )
    clipped = metrics.get("success_rate.clipped") if params.clip == "both" else None
    return f"{told}; kept within the box, {rate_text(clipped)}." if clipped else f"{told}."


def _name(context: Context, target: int) -> str:
    """A class by its name, unless that is what the clipped run is called."""
    name = context.samples.class_name(target)
    return f"{name} ({target})" if name == "clipped" else name


def _clips(params: Params) -> tuple[bool, ...]:
    return (False, True) if params.clip == "both" else (params.clip,)


def _push(context: Context, params: Params, start: NDArray[np.float32], targets: IntArray, clip: bool) -> _Run:
    classifier, samples = context.classifier, context.samples
    box = samples.box if clip else None
    pace = params.pace(samples.box)
    ascent = ascend_to_targets(classifier, params.objective, start, targets, pace, box, params.show, context.engine)
    confidence = probabilities(ascent.values, classifier.output)[:, np.arange(len(targets)), targets]
    # The classifier has the last word on the images as they ended.
    final = classifier.predict(ascent.images)
    confidence[-1] = probabilities(final, classifier.output)[np.arange(len(targets)), targets]
    success = (final.argmax(axis=1) == targets) & (confidence[-1] >= params.min_confidence)
    return _Run(ascent, confidence, success)


def _figures(
    context: Context, params: Params, runs: dict[bool, _Run], by_target: dict[str, Metric], targets: IntArray
) -> tuple[Figure, ...]:
    figures: list[Figure] = []
    names = {False: "unclipped", True: "clipped to the box"}
    first = context.samples.class_name(int(targets[0]))
    for clip, push in runs.items():
        shown = push.ascent.shown
        told = [probabilities(context.classifier.predict(step), context.classifier.output) for step in shown]
        panels = tuple(
            natural_panel(
                shown[t],
                context.samples.box,
                "noise" if t == 0 else f"step {t}",
                surest(context.samples, told[t]),
            )
            for t in evenly(params.steps + 1, 8)
        )
        figures.append(
            Strip(
                title=f"From noise to class {first}, {names[clip]}",
                caption="Each row is one image on its way; below it what it is called, and how surely.",
                alt=f"Noise images over {params.steps} steps; the first goes from probability "
                f"{probability(push.confidence[0, 0])} to {probability(push.confidence[-1, 0])} of class {first}.",
                panels=panels,
            )
        )
    spread = {clip: np.quantile(push.confidence, (0.5, 0.1, 0.9), axis=1) for clip, push in runs.items()}
    series = [Series(names[clip], *middle_low_high) for clip, middle_low_high in spread.items()]
    figures.append(
        Curve(
            title="Probability of the target, step by step",
            caption="Median over the images; the band holds the middle 80%.",
            alt=f"The median probability of the target goes from {probability(series[0].y[0])} to "
            f"{probability(series[0].y[-1])}.",
            x=np.arange(params.steps + 1),
            series=tuple(series),
            x_label="step",
            y_label="probability of the target",
        )
    )
    if len(by_target) > 1:
        rates, counts = np.array([(metric.value, metric.n) for metric in by_target.values()]).T
        hardest = all_at(rates.min(), list(by_target), rates)
        figures.append(
            Bars(
                title="Success by target class",
                caption=f"Share of noise images that end as each class, {names[next(iter(runs))]}.",
                alt=f"Success rate for {len(rates)} targets, lowest for {hardest} ({percent(rates.min())}).",
                labels=tuple(by_target),
                values=rates,
                n=counts.astype(np.int64),
            )
        )
    return tuple(figures)
