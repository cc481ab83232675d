"""What a classifier says of images that the world has changed: block by block, by any engine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from auditor.compute import generator, progress
from auditor.corruptions import CORRUPTIONS, Family, Kind, corrupt, named_kinds
from auditor.search import block_size
from auditor.telling.numbers import percent
from auditor.values import CheckError, Classifier, Context, Diagnostic, FloatArray, IntArray, Table

_GREY = 0.5 / 255
"""What changes no value by half a grey level of 8 bits, in widths of the box, leaves an image as it was."""
_CHANGES = "corruptions change images"
_Name = TypeVar("_Name", bound=str)
_VALUES = 50_000  # of images that are corrupted at a time: as many as a processor keeps near


@dataclass(frozen=True)
class Task:
    """A block of images (n, H, W, C) with their rows (n,), to be corrupted and classified at several severities."""

    kind: Kind
    severities: tuple[int, ...]
    images: FloatArray
    rows: IntArray
    box: tuple[float, float]
    seed: int


@dataclass(frozen=True)
class Answers:
    """What a classifier says of corrupted images, and how much these were changed.

    predicted: classes (severities, n). moved: root mean square of the change, in widths of the box (severities, n).
    changed: whether some value changed by half a grey level or more (severities, n).
    """

    predicted: IntArray
    moved: NDArray[np.float64]
    changed: NDArray[np.bool_]


def classified_corrupted(
    context: Context, classifier: Classifier, chosen: IntArray, kinds: Sequence[Kind], severities: Sequence[int]
) -> dict[Kind, Answers]:
    """What a classifier says of the samples at the positions `chosen`, under every kind at every severity."""
    samples = context.samples
    size = block_size(samples.images[0].size)
    blocks = [chosen[first : first + size] for first in range(0, len(chosen), size)]
    tasks = [
        Task(kind, tuple(severities), samples.images[part], samples.indices[part], samples.box, context.seed)
        for kind in kinds
        for part in blocks
    ]
    found = context.engine(answered, classifier, tasks)
    by_kind = {kind: found[i * len(blocks) : (i + 1) * len(blocks)] for i, kind in enumerate(kinds)}
    return {kind: _joined(parts) for kind, parts in by_kind.items()}


def unfit_kinds(named: Sequence[Family | Kind], shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """What of `kinds` images of shape (H, W, C) can't be corrupted by: a kind that is named by itself and doesn't suit
    them, or all where none of any family does. None where nothing is named.
    """
    asked = named_kinds(named)
    unfit = {kind: why for kind in asked if (why := CORRUPTIONS[kind].unfit(shape))}
    for kind, why in unfit.items():
        if kind in named:
            yield "kinds", f"`kinds`: {kind!r} doesn't suit the images: {why}; leave it out"
    if asked and len(unfit) == len(asked):
        yield "kinds", f"`kinds`: no kind of {', '.join(named)} suits the images: {unfit[asked[0]]}"


def suited_kinds(named: Sequence[Family | Kind], shape: tuple[int, ...]) -> tuple[tuple[Kind, ...], tuple[str, ...]]:
    """The kinds to apply to images of shape (H, W, C), of those named and of families named, and notes on those of a
    family that don't suit them; raise CheckError for what `unfit_kinds` tells.
    """
    for _, message in unfit_kinds(named, shape):
        raise CheckError(message)
    asked = {kind: CORRUPTIONS[kind].unfit(shape) for kind in named_kinds(named)}
    left_out = tuple(f"`{kind}` is left out: {why}." for kind, why in asked.items() if why)
    return tuple(kind for kind, why in asked.items() if not why), left_out


def answered(classifier: Classifier, task: Task) -> Answers:
    """Corrupt and classify one block."""
    progress.told(task.kind)
    made = np.stack([_corrupted(task, severity) for severity in task.severities])
    said = classifier.predict(made.reshape(-1, *task.images.shape[1:])).argmax(axis=1)
    change = np.abs(made.astype(np.float64) - task.images) / (task.box[1] - task.box[0])
    within = (2, 3, 4)
    return Answers(
        said.reshape(len(task.severities), -1),
        np.sqrt((change**2).mean(axis=within)),
        change.max(axis=within) >= _GREY,
    )


@dataclass(frozen=True)
class Mixed:
    """Images (n, H, W, C), each under one kind drawn for it. same: how many came out as they were. notes: what of a
    family doesn't suit them.
    """

    images: FloatArray
    same: int
    notes: tuple[str, ...]

    def diagnostic(self, inflates: Sequence[str] = (), deflates: Sequence[str] = ()) -> Diagnostic:
        """Whether most images changed; inflates, deflates: metrics that are off where they didn't."""
        told = f"{self.same} of {len(self.images)} images came out as they were"
        if 2 * self.same <= len(self.images):
            return Diagnostic(_CHANGES, True, told)
        message = f"{told}, so that little was tested: choose other `kinds`, or a higher `severity`"
        return Diagnostic(_CHANGES, False, message, tuple(inflates), tuple(deflates))


def each_under_one_kind(context: Context, chosen: IntArray, named: Sequence[Family | Kind], severity: int) -> Mixed:
    """The samples at the positions `chosen` (n,), each under one kind of those named, or of families named.

    So they stay independent of each other, as versions of one image aren't. Which kind it is belongs to the image.
    Raises CheckError where no kind suits the images, or one that is named by itself doesn't.
    """
    samples = context.samples
    kinds, left_out = suited_kinds(named, samples.images.shape[1:])
    images, rows = samples.images[chosen], samples.indices[chosen]
    drawn = np.array([generator(context.seed, "kind", int(row)).integers(len(kinds)) for row in rows])
    made = np.empty(images.shape, np.float32)
    for i in np.unique(drawn):
        at = np.flatnonzero(drawn == i)
        made[at] = corrupt(images[at], kinds[i], severity, samples.box, rows[at], context.seed)
    return Mixed(made, int((made == images).all(axis=(1, 2, 3)).sum()), left_out)


def changes_images(answers: Mapping[Kind, Answers]) -> Diagnostic:
    """Whether every kind changes most images at some severity: accuracy under one that doesn't says nothing of it."""
    idle = [kind for kind, answer in answers.items() if answer.changed.mean(axis=1).max() < 0.5]
    if not idle:
        return Diagnostic(_CHANGES, True, "every kind changes most images by half a grey level or more")
    inflated = ("corrupted_accuracy", "worst_corruption_accuracy", "accuracy_at")
    message = (
        f"{', '.join(idle)} left most images as they were, at every severity: nothing was tested by that; leave it out"
    )
    return Diagnostic(_CHANGES, False, message, inflates=inflated, deflates=("accuracy_drop",))


def unchanged(answers: Mapping[Kind, Answers], severities: Sequence[int]) -> Iterator[str]:
    """A note on every kind that left some images as they were."""
    for kind, answer in answers.items():
        same = (~answer.changed).sum(axis=1)
        if same.any():
            told = ", ".join(
                f"{count} at severity {s}" for s, count in zip(severities, same.tolist(), strict=True) if count
            )
            yield f"`{kind}` left images as they were: {told}, of {answer.changed.shape[1]}."


def relative_errors(wrong: Mapping[_Name, tuple[float, float]]) -> dict[_Name, float]:
    """Of each kind, the share of another model's errors (second) that a model makes (first), as Hendrycks and
    Dietterich (2019) count it; of one under which the other makes none it is unknown, and left out.
    """
    return {kind: own / other for kind, (own, other) in wrong.items() if other > 0}


def corruption_errors(
    right: Mapping[Kind, NDArray[np.bool_]], before: Mapping[Kind, NDArray[np.bool_]], name: str
) -> tuple[float, Table]:
    """The mean corruption error against the model called `name`, and that of every kind, in a table.

    right, before: which images are right, of the model and of `name`, (severities, n) each. Kinds without a
    `relative_errors` aren't counted. NaN where there is none.
    """
    wrong = {kind: (float(1 - hits.mean()), float(1 - before[kind].mean())) for kind, hits in right.items()}
    known = relative_errors(wrong)
    rows = [(kind, own, other, percent(known[kind]) if kind in known else "–") for kind, (own, other) in wrong.items()]
    columns = ("kind", "error", f"error of {name}", "corruption error")
    table = Table(f"Corruption errors, relative to {name}", columns, tuple(rows), shares=columns[1:3])
    return float(np.mean(list(known.values()))) if known else float("nan"), table


def _corrupted(task: Task, severity: int) -> FloatArray:
    few = max(1, _VALUES // task.images[0].size)
    parts = range(0, len(task.images), few)
    made = [
        corrupt(task.images[i : i + few], task.kind, severity, task.box, task.rows[i : i + few], task.seed)
        for i in parts
    ]
    return np.concatenate(made)


def _joined(parts: Sequence[Answers]) -> Answers:
    return Answers(
        np.concatenate([part.predicted for part in parts], axis=1),
        np.concatenate([part.moved for part in parts], axis=1),
        np.concatenate([part.changed for part in parts], axis=1),
    )
