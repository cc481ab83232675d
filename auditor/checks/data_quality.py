"""Can the images be relied on: repeated, shared with training data, mislabelled, odd, or given away by a shortcut?

What it measures
    Of the images themselves: how many look alike, how many are in training data as well, how many seem to be labelled
    wrongly, how even the classes are, how many are constant or far out in brightness, contrast or sharpness, and
    whether such a simple property already gives the label away.

Why it matters
    Every other number of an audit is about these images. Images that were trained on flatter a model, copies make
    intervals too narrow, wrong labels put a ceiling on accuracy, and a label that brightness gives away can be right
    for no good reason.

How to read it
    Shares are facts about these images and have no interval. `near_duplicates` are images that look like an earlier
    one, with brightness, compression or a pixel changed; what is the same within 2.5 grey levels is counted once from
    the start, and is `repeats`. `in_training` and `near_training` compare with `train`. `suspect_labels` come from the
    model's own probabilities: it shows which labels to look at, not which are wrong, and says little where the model is
    poor, and nothing of images it was trained on. `shortcut_auroc` is how often the property that tells one class best
    has a higher (or lower) value in an image of it than in another: chosen on one half of the images and measured on
    the other, so that its limits hold. It may be what the class is about, as a 1 takes less ink than other digits:
    whether it is a shortcut is for you to say.
    Images with NaN are refused before anything is measured.

References
    Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021.
    Northcutt, Athalye and Mueller, Pervasive Label Errors in Test Sets, NeurIPS 2021.
    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010.
    Geirhos et al., Shortcut Learning in Deep Neural Networks, Nature Machine Intelligence 2020.
    Tukey, Exploratory Data Analysis, 1977 (far out).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.measuring import all_at, likeness, lints, natural_panel, several, small
from auditor.reading import resembling
from auditor.statistics import interval
from auditor.telling.numbers import number, percent
from auditor.values import (
    A_SHARE,
    DATA,
    Bars,
    Context,
    Count,
    DataName,
    Diagnostic,
    Evidence,
    Expectation,
    FloatArray,
    ImageGrid,
    IntArray,
    Metric,
    MetricInfo,
    Parameters,
    Passes,
    Remark,
    Samples,
    Strip,
    Table,
    auroc,
    exact,
    mean,
    pictured,
    ranked,
    told_probabilities,
)


class Params(Parameters):
    """What to compare with, and how much to show."""

    train: DataName | None = None
    """What the model was trained on, by its name under `other_data`; nothing is known of shared images if left out."""
    show: Count = 8
    """How many images of each finding to show."""


METRICS = {
    "near_duplicates": MetricInfo("exact", "share of images that look like an earlier one", "lower", bounds=A_SHARE),
    "in_training": MetricInfo("exact", "share of images that are in the training data", "lower", bounds=A_SHARE),
    "near_training": MetricInfo("exact", "share of images that look like one in it, or are", "lower", bounds=A_SHARE),
    "suspect_labels": MetricInfo("exact", "share of images that seem to be of another class", "lower", bounds=A_SHARE),
    "shortcut_auroc": MetricInfo("auroc", "how well one simple property tells one class from the others", "lower"),
    "repeats": MetricInfo("exact", "share of rows that repeat an image", "lower", bounds=A_SHARE),
    "constant_images": MetricInfo("exact", "share of images that show nothing", "lower", bounds=A_SHARE),
    "outliers": MetricInfo("exact", "share of images far out in a simple property", "lower", bounds=A_SHARE),
    "smallest_class": MetricInfo(
        "exact", "share of images that the rarest class that has any has", "higher", bounds=A_SHARE
    ),
}

_MOST_SEEN = 0.1  # of images that the model was trained on, for what it suspects to be believed
_FEWEST = 10  # of a class, in each half, for a shortcut to it to be looked for


def cost(params: Params, images: int, class_count: int) -> Passes:
    """What it takes of a model at most, on so many images of so many classes."""
    return Passes(predictions=images)


def instead(params: Params) -> Mapping[str, str]:
    """What can't be told without training data."""
    return {} if params.train else dict.fromkeys(("in_training", "near_training"), "near_duplicates")


def lint(params: Params, expectations: Sequence[Expectation], box: tuple[float, float]) -> Iterator[Remark]:
    """What makes the claim weak."""
    if params.train is None and lints.claims(expectations, (), ("suspect_labels",)):
        message = "of images that the model learned by heart no label is suspect, and nothing shows whether it did"
        yield Remark(("train",), f"{message}: give what it was trained on")


def controls(params: Params) -> tuple[str, ...]:
    """What this speaks to in the frameworks of `auditor.values.controls`."""
    return DATA


@dataclass(frozen=True)
class _Shortcut:
    """A property that tells a class: its mean for the class and for the others, in the other half, of values that are
    higher where the class has more of it.
    """

    name: str
    number: int
    more: bool
    own: Metric
    others: Metric


def run(context: Context, params: Params) -> Evidence:
    """Look at all images, and once at what the model says of them."""
    samples = context.samples
    looks = resembling.looks(samples.images, samples.box)
    near = resembling.alike(looks)
    found = likeness.properties(samples.images, samples.box)
    constant = likeness.constant(samples.images, samples.box)
    out = {name: likeness.far_out(values) for name, values in found.items()}
    outlying = np.any(list(out.values()), axis=0)
    notes: list[str] = []
    names = [samples.class_name(c) for c in range(context.classifier.class_count)]
    sizes = np.bincount(samples.labels, minlength=len(names))
    rows = len(samples) + len(set(samples.repeats) - set(samples.indices.tolist()))
    metrics: dict[str, Metric] = {"near_duplicates": exact(len(near) / len(samples))}
    shared: Mapping[int, int] = {}
    if params.train is not None:
        train = context.data(params.train)
        known = set(train.fingerprints)
        shared = resembling.alike(looks, resembling.looks(train.images, train.box))
        same = np.array([name in known for name in samples.fingerprints])
        either = same | np.isin(np.arange(len(samples)), list(shared))
        metrics |= {"in_training": exact(same.mean()), "near_training": exact(either.mean())}
    seems: IntArray = np.full(len(samples), -1)
    told: FloatArray | None = None
    if context.classifier.output == "scores":
        notes.append("`suspect_labels` is left out: the model gives scores, no probabilities.")
    else:
        told = told_probabilities(context.classifier.answers(samples.images), context.classifier.output)
        seems = likeness.suspect(told, samples.labels)
        metrics["suspect_labels"] = exact((seems >= 0).mean())
    shortcuts = _shortcuts(context, found)
    if shortcuts:
        best = shortcuts[0]
        metrics["shortcut_auroc"] = _area(best, names)
    else:
        notes.append(f"`shortcut_auroc` is left out: no class has {2 * _FEWEST} images, with as many of others.")
    metrics |= {
        "repeats": exact(len(samples.repeats) / rows),
        "constant_images": exact(constant.mean()),
        "outliers": exact(outlying.mean()),
        "smallest_class": exact(sizes[sizes > 0].min() / len(samples)),
    }
    parts = [f"{len(near)} of {several(len(samples), 'image')} look like another"]
    if params.train is not None:
        parts.append(f"{several(round(metrics['near_training'].value * len(samples)), 'image')} like one of training")
    if told is not None:
        parts.append(f"{several(int((seems >= 0).sum()), 'label')} are suspect")
    if shortcuts:
        said = f"{shortcuts[0].name} tells {names[shortcuts[0].number]} from the others in"
        parts.append(f"{said} {percent(metrics['shortcut_auroc'].value)} of pairs")
    return Evidence(
        "; ".join(parts) + ".",
        metrics,
        pictured(
            lambda: _balance(sizes, names),
            lambda: _pairs(samples, near, samples, params.show, "Images that look alike"),
            lambda: _in_training(context, params, shared),
            lambda: _suspects(samples, seems, told, names, params.show),
            lambda: _odd(samples, constant, out, params.show),
        ),
        tables=(_properties(found, out), _of_shortcuts(shortcuts, names)),
        diagnostics=(_unseen(metrics["in_training"]),) if params.train is not None and told is not None else (),
        notes=tuple(notes),
        arrays={
            "indices": samples.indices,
            "near": np.array(sorted(near.items()), np.int64).reshape(-1, 2),
            "near training": np.array(sorted(shared.items()), np.int64).reshape(-1, 2),
            "seems": seems,
            "outlying": outlying,
        },
    )


def _unseen(in_training: Metric) -> Diagnostic:
    """Whether the labels could be told by a model that hasn't learned them."""
    seen = f"{in_training.value:.1%} of the images are in the training data"
    name = "labels not learned"
    if in_training.value <= _MOST_SEEN:
        return Diagnostic(name, True, seen)
    message = f"{seen}: what a model was taught of an image it won't suspect"
    return Diagnostic(name, False, message, deflates=("suspect_labels",))


def _shortcuts(context: Context, found: Mapping[str, FloatArray]) -> list[_Shortcut]:
    """For each property the class that it tells best on one half of the images, measured on the other; the property
    that told best on the first half first.
    """
    labels, rows = context.samples.labels, context.samples.indices
    half = np.isin(np.arange(len(labels)), context.sample(len(labels) // 2))
    chosen: list[tuple[float, _Shortcut]] = []
    for name, values in found.items():
        best: tuple[float, int, bool] | None = None
        for label in np.unique(labels).tolist():
            own = labels == label
            if min((own & half).sum(), (own & ~half).sum(), (~own & half).sum(), (~own & ~half).sum()) < _FEWEST:
                continue
            area = ranked({"own": mean(values[own & half]), "others": mean(values[~own & half])})
            strength = max(area, 1 - area)
            if best is None or strength > best[0]:
                best = strength, label, area >= 0.5
        if best is not None:
            strength, label, more = best
            sign, own = (1.0 if more else -1.0), labels == label
            parts = [mean(sign * values[at], rows=rows[at]) for at in (own & ~half, ~own & ~half)]
            chosen.append((strength, _Shortcut(name, label, more, *parts)))
    return [shortcut for _, shortcut in sorted(chosen, key=lambda one: -one[0])]


def _area(one: _Shortcut, names: Sequence[str]) -> Metric:
    return auroc((names[one.number], one.own), ("others", one.others))


def _properties(found: Mapping[str, FloatArray], out: Mapping[str, NDArray[np.bool_]]) -> Table:
    rows = []
    for name, values in found.items():
        low, middle, high = np.quantile(values, [0, 0.5, 1])
        rows.append((name, round(float(low), 4), round(float(middle), 4), round(float(high), 4), int(out[name].sum())))
    columns = ("property", "least", "median", "most", "far out")
    return Table("Simple properties, in shares of the box", columns, tuple(rows))


def _of_shortcuts(shortcuts: Sequence[_Shortcut], names: Sequence[str]) -> Table:
    rows = []
    for one in shortcuts:
        area = _area(one, names)
        limits = " to ".join(map(number, interval(area, 0.95)))
        rows.append((one.name, names[one.number], "more" if one.more else "less", round(area.value, 4), limits))
    title = "The class that each property tells best, chosen on one half and measured on the other"
    return Table(title, ("property", "class", "has", "AUROC", "95% limits"), tuple(rows))


def _balance(sizes: IntArray, names: Sequence[str]) -> Bars:
    shares = sizes / sizes.sum()
    most, least = int(sizes.max()), int(sizes.min())
    told = f"most are {all_at(most, names, sizes)} ({most}), fewest {all_at(least, names, sizes)} ({least})"
    told = told if most > least else f"{most} of each class"
    return Bars(
        title="Classes",
        caption=f"Share of {several(int(sizes.sum()), 'image')} by class; {told}.",
        alt=f"Images by class: {told}.",
        labels=tuple(names),
        values=shares,
        limits=(0.0, float(shares.max())),
        n=np.full(len(sizes), sizes.sum()),
    )


def _in_training(context: Context, params: Params, shared: Mapping[int, int]) -> Sequence[Strip]:
    if params.train is None:
        return ()
    title = "Images that look like training data"
    return _pairs(context.samples, shared, context.data(params.train), params.show, title)


def _pairs(samples: Samples, near: Mapping[int, int], other: Samples, show: int, title: str) -> Sequence[Strip]:
    """Images beside those that they look like."""
    shown = sorted(near.items())[:show]
    if not shown:
        return ()
    ours, theirs = ([pair[side] for pair in shown] for side in (0, 1))

    def named(of: Samples, places: Sequence[int]) -> tuple[str, ...]:
        return tuple(f"row {of.indices[i]}, {of.class_name(int(of.labels[i]))}" for i in places)

    return (
        Strip(
            title=title,
            caption=f"{len(shown)} of {several(len(near), 'image')}, each beside the one that it looks like.",
            alt=f"{several(len(shown), 'pair')} of images that look alike; the first is {named(samples, ours)[0]}.",
            panels=(
                natural_panel(small(samples.images[ours]), samples.box, "image", named(samples, ours)),
                natural_panel(small(other.images[theirs]), other.box, "looks like", named(other, theirs)),
            ),
        ),
    )


def _suspects(
    samples: Samples, seems: IntArray, told: FloatArray | None, names: Sequence[str], show: int
) -> Sequence[ImageGrid]:
    """Images that seem to be of another class, the surest first."""
    at = np.flatnonzero(seems >= 0)
    if not at.size or told is None:
        return ()
    at = at[np.argsort(told[at, samples.labels[at]] - told[at, seems[at]], kind="stable")]
    marks = tuple(f"{names[samples.labels[i]]} → {names[seems[i]]}, row {samples.indices[i]}" for i in at[:show])
    return (
        ImageGrid(
            title="Suspect labels",
            caption=f"Label → what it seems to be, the surest first: {len(marks)} of {at.size}. Look, then relabel.",
            alt=f"{several(len(marks), 'image')} with suspect labels; the first is {marks[0]}.",
            panel=natural_panel(small(samples.images[at[:show]]), samples.box, labels=marks),
        ),
    )


def _odd(
    samples: Samples, constant: NDArray[np.bool_], out: Mapping[str, NDArray[np.bool_]], show: int
) -> Sequence[ImageGrid]:
    """Images that are constant or far out, with why."""
    why = {int(i): "constant" for i in np.flatnonzero(constant)}
    for name, far in out.items():
        for i in np.flatnonzero(far):
            why.setdefault(int(i), name)
    shown = sorted(why)[:show]
    if not shown:
        return ()
    marks = tuple(f"row {samples.indices[i]}, {why[i]}" for i in shown)
    return (
        ImageGrid(
            title="Odd images",
            caption=f"Constant, or far out in a property: {len(shown)} of {len(why)}.",
            alt=f"{several(len(shown), 'odd image')}; the first is {marks[0]}.",
            panel=natural_panel(small(samples.images[shown]), samples.box, labels=marks),
        ),
    )
