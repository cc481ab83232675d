"""How often is the classifier right, and what does it get wrong?

What it measures
    The share of real images that get their true class, overall and for each class, with the confusion
    matrix and the misclassified images themselves.

Why it matters
    It is the floor under every other number: robustness of a classifier that is often wrong means little.
    Looking at the mistakes tells labelling errors and odd images apart from blind spots.

How to read it
    `accuracy.3` is the accuracy on images of class 3, `worst_class_accuracy` that of the weakest class. A floor
    under it passes only if every class that the model knows has shown that it lies above, so a class of few images
    leaves it open, and so does one of none. `majority` is what always answering the most frequent class would get: an
    accuracy near it says nothing. `precision.3` is how often an answer of 3 is right. Scores that mix several counts
    (F1, balanced accuracy, kappa) stand in a table and take no gate. The gallery shows the most confident mistakes
    first: an image marked `7 → 3, 0.98` is a 7 that the classifier calls a 3 with probability 0.98.

References
    Sokolova and Lapalme, A Systematic Analysis of Performance Measures, 2009 (precision, recall, F1, their averages).
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (confidence and being right differ).
    Clopper and Pearson, The Use of Confidence or Fiducial Limits, Biometrika 26, 1934 (the interval).
    Berger, Multiparameter Hypothesis Testing and Acceptance Sampling, Technometrics 24, 1982 (every class at once).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.compute import generator
from auditor.measuring import answered, fewest, natural_panel, scores, several, share
from auditor.telling.lists import listed
from auditor.values import (
    A_SHARE,
    ACCURACY,
    NOT_NEGATIVE,
    CheckError,
    Context,
    Count,
    Evidence,
    Figure,
    Heatmap,
    ImageGrid,
    Metric,
    MetricInfo,
    Parameters,
    Passes,
    exact,
    lowest,
    mean,
    pictured,
    proportion,
    seen_and_unseen,
    told_probabilities,
)


class Params(Parameters):
    """Which images to look at, and how many mistakes to show."""

    top: Count = 5
    """An image counts for `top_accuracy` if its true class is among so many that rank highest."""
    first: Count | None = None
    """Look at the first so many images only, as they stand in the data, whatever classes these are of; all if left
    out."""
    gallery: Count = 30
    """Show at most so many misclassified images."""


METRICS = {
    "accuracy": MetricInfo("proportion", "share of images given their true class", "higher"),
    "accuracy.*": MetricInfo("proportion", "the same for the images of one class", "higher"),
    "worst_class_accuracy": MetricInfo("lowest", "accuracy on the class with the lowest one, of all classes", "higher"),
    "top_accuracy": MetricInfo("proportion", "share of images whose class is among the `top` highest", "higher"),
    "precision.*": MetricInfo("proportion", "share of the answers of one class that are right", "higher"),
    "majority": MetricInfo("exact", "accuracy of always answering the most frequent class", bounds=A_SHARE),
    "errors": MetricInfo(
        "exact", "number of misclassified images among those looked at", "lower", True, bounds=NOT_NEGATIVE
    ),
    "confidence": MetricInfo("mean", "probability of the predicted class", bounds=A_SHARE),
}


def most(params: Params, images: int | None) -> dict[str, int | None]:
    """The greatest n each metric can have, of so many images."""
    looked = images if params.first is None else params.first
    return {"accuracy": looked, "top_accuracy": looked}


def most_of_each(params: Params, sizes: Mapping[str, int]) -> dict[str, int | None]:
    """The greatest n of what is measured class by class, where the classes are of these sizes."""
    if params.first is not None:
        return {}
    by_class: dict[str, int | None] = {f"accuracy.{name}": size for name, size in sizes.items()}
    return {**by_class, "worst_class_accuracy": min(sizes.values())}


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    return Passes(predictions=fewest(params.first or images, images))


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return ACCURACY


def run(context: Context, params: Params) -> Evidence:
    """Classify the images once and compare."""
    samples, available = context.samples, len(context.samples)
    count = params.first or available
    if count > available:
        repeated = f"; {len(samples.repeats)} more repeat one of them" if samples.repeats else ""
        raise CheckError(f"`first: {count}` asks for more images than the {available} of {samples.source}{repeated}")
    images, labels, rows = samples.images[:count], samples.labels[:count], samples.indices[:count]
    # What the checkpoint itself answers: of classes that come out equal, it gives the first.
    answers, output = context.classifier.answers(images), context.classifier.output
    predicted = answers.argmax(axis=1)
    # Of scores nothing says how certain they are.
    told = None if output == "scores" else told_probabilities(answers, output)
    confidence = np.zeros(count) if told is None else told[np.arange(count), predicted]
    right = predicted == labels
    classes = [int(c) for c in np.unique(labels)]
    names = [samples.class_name(c) for c in range(context.classifier.class_count)]

    by_class: dict[str, Metric] = {
        f"accuracy.{names[c]}": proportion(right[labels == c], rows=rows[labels == c]) for c in classes
    }
    least = 0.0 if output == "sigmoid" else 1 / len(names)
    every = {name: proportion(right[labels == c], rows=rows[labels == c]) for c, name in enumerate(names)}
    weakest = min((name for name in every if every[name].n), key=lambda name: every[name].value)
    metrics = {
        "accuracy": proportion(right, rows=rows),
        "worst_class_accuracy": lowest(every),
        "errors": exact(int((~right).sum())),
        **({} if told is None else {"confidence": mean(confidence, (least, 1.0), rows)}),
        **(
            {}
            if params.top >= len(names)
            else {"top_accuracy": proportion(scores.among(answers, labels, params.top), rows=rows)}
        ),
        "majority": exact(np.bincount(labels).max() / count),
        **by_class,
        **{
            f"precision.{names[c]}": proportion(right[predicted == c], rows=rows[predicted == c])
            for c in np.unique(predicted)
        },
    }
    overall = metrics["accuracy"]
    summary = f"{share(overall)} right; the weakest class is {weakest}, with {share(every[weakest])}."
    absent = [name for name, group in every.items() if not group.n]
    notes = [_unknown(absent, len(every))] if absent else []

    confusion = np.zeros((len(names), len(names)), np.int32)
    np.add.at(confusion, (labels, predicted), 1)
    off = confusion.copy()
    np.fill_diagonal(off, 0)
    if off.max():
        pairs = [f"a {names[true]} was called a {names[said]}" for true, said in np.argwhere(off == off.max())]
        times = several(int(off.max()), "time") + (" each" if pairs[1:] else "")
        often = f"most often {listed(pairs, 3, rest='other pairs as often')} ({times})"
    else:
        often = "there is no mistake"
    if told is None:
        notes.append("`confidence` is left out: the model gives scores, no probabilities.")
    if params.top >= len(names):
        notes.append(f"`top_accuracy` is left out: all {len(names)} classes are among the {params.top} highest.")
    if params.first is not None:
        looked = f"the first {several(count, 'image')} of {available}, as they stand in the data"
        notes.append(f"Looked at are {looked}: {seen_and_unseen(labels, names)}.")

    def matrix() -> Heatmap:
        return Heatmap(
            title="Confusion matrix",
            caption=f"Rows are true classes, columns what the classifier said; {often}.",
            alt=f"Confusion matrix over {several(count, 'image')}: {often}.",
            values=confusion,
            row_labels=tuple(names),
            column_labels=tuple(names),
            row_title="true class",
            column_title="predicted class",
            limits=(0.0, float(confusion.max())),
            decimals=0,
        )

    def gallery() -> tuple[Figure, ...]:
        wrong = np.flatnonzero(~right)
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][: params.gallery]
        if not wrong.size:
            return ()
        answers = answered(samples, predicted[wrong], None if told is None else confidence[wrong])
        marks = tuple(f"{names[labels[i]]}, {answer}" for i, answer in zip(wrong, answers, strict=True))
        most_confident, order = ("first", "in order") if told is None else ("most confident", "most confident first")
        shown = "all" if wrong.size == (~right).sum() else f"the {wrong.size} {most_confident}"
        return (
            ImageGrid(
                title="Misclassified images",
                caption=f"True class, and what it is called{', how surely' if told is not None else ''}; {shown} of "
                f"{several(int((~right).sum()), 'mistake')}.",
                alt=f"Gallery of {several(wrong.size, 'misclassified image')}, {order}: {listed(marks, 1)}",
                panel=natural_panel(images[wrong], samples.box, labels=marks),
            ),
        )

    return Evidence(
        summary=summary,
        metrics=metrics,
        figures=pictured(matrix, gallery),
        tables=(
            scores.table(
                labels, predicted, told, len(names), metrics["accuracy"].clusters, generator(context.seed, "scores")
            ),
        ),
        notes=tuple(notes),
        arrays={
            "labels": labels,
            "predicted": predicted,
            "confidence": confidence,
            "indices": rows,
        },
    )


def _unknown(absent: Sequence[str], of: int) -> str:
    return (
        f"Of {several(len(absent), 'class')} among the {of} that the model knows there is no image: "
        f"{listed(absent, 12)}. Nothing is known of them, so no floor under `worst_class_accuracy` can pass."
    )
