"""The weakest group of images: searched for on one half of them, and measured on the other, which had no part in it.

The worst of many groups looks worse than it is, as it was chosen for that. Images that weren't looked at for choosing
tell what it is (Cox, A note on data-splitting for the evaluation of significance levels, Biometrika 1975): their
interval holds whatever was tried, and however. Groups are those of single attributes and of every two together, after
Chung, Kraska, Polyzotis, Tae and Whang, Slice Finder: Automated Data Slicing for Model Validation, ICDE 2019.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.slices import groups_of, of_single_images, part_of
from auditor.measuring.words import several
from auditor.values import (
    CheckError,
    Evidence,
    FloatArray,
    Groups,
    IntArray,
    Metric,
    MetricInfo,
    Samples,
    Slice,
    Table,
    highest,
    in_turn,
    lowest,
    ranking,
    searched,
)

Mask = NDArray[np.bool_]
_DIGITS = 9  # of a score: what differs by rounding is the same


@dataclass(frozen=True)
class Weakest:
    """The weakest group by one metric. group: its name; means: what it is, where the name doesn't tell. tried: how
    many groups there were. by: the metric of it on the half it was found on; metric: on the other.
    """

    group: str
    means: str
    tried: int
    by: Metric
    metric: Metric


def with_weakest(
    evidence: Evidence,
    samples: Samples,
    slices: Sequence[Slice],
    least: int | None,
    seed: int,
    promised: Mapping[str, MetricInfo],
) -> Evidence:
    """Evidence with the metric of the weakest group, by every metric that has one; as it is where least is None.

    Raises CheckError where there is no group to try.
    """
    if least is None:
        return evidence
    found = weakest_groups(evidence.metrics, samples, slices, least, seed, promised)
    metrics = {**evidence.metrics, **metrics_of_weakest(found, promised)}
    note = f"`[weak]`: {_rule(least, clusters=samples.clusters is not None)}"
    return dataclasses.replace(
        evidence, metrics=metrics, tables=(*evidence.tables, table_of_weakest(found)), notes=(*evidence.notes, note)
    )


def metrics_of_weakest(found: Mapping[str, Weakest], promised: Mapping[str, MetricInfo]) -> Mapping[str, Metric]:
    """What is reported of weakest groups, by the metrics that found them: each is the extreme of one group, named."""
    extreme = {name: highest if promised[name].better == "lower" else lowest for name in found}
    return {f"{name}[weak]": extreme[name]({one.group: one.metric}) for name, one in found.items()}


def table_of_weakest(found: Mapping[str, Weakest]) -> Table:
    """What was found, of how many, and how it was there and is elsewhere."""
    columns = ("metric", "group", "that is", "groups tried", "found by", "was there", "measured on", "is")
    rows = tuple(
        (name, *(w.group, w.means, w.tried, w.by.n, round(w.by.value, 6), w.metric.n, round(w.metric.value, 6)))
        for name, w in found.items()
    )
    counted = all(w.by.kind == w.metric.kind == "proportion" for w in found.values())
    title = "Weakest groups, found on one half of the images and measured on the other"
    return Table(title, columns, rows, shares=("was there", "is") if counted else ())


def weakest_groups(
    metrics: Mapping[str, Metric],
    samples: Samples,
    slices: Sequence[Slice],
    least: int,
    seed: int,
    promised: Mapping[str, MetricInfo],
) -> Mapping[str, Weakest]:
    """The weakest group of at least so many images on either half, by every metric with a better and a worse side."""
    groups = searched(samples.attributes, slices, groups_of(samples, slices))
    if not groups:
        raise CheckError(
            "`weak_segments`: the data has no attributes to search; name some, or properties of images under `slices`, "
            "such as [{brightness: 4}]"
        )
    found, short = {}, []
    for name, metric, at in of_single_images(metrics, samples, promised):
        better = promised[name].better
        if better is None:
            continue
        half = _half(samples, metric, at, seed)
        one = _weakest(metric, half, {by: (group, group.of[at]) for by, group in groups.items()}, least, better)
        if one is None:
            short.append(f"{name} ({several(metric.n, 'image')})")
        else:
            found[name] = one
    if not found and short:
        raise CheckError(
            f"`weak_segments`: no group of {', '.join(short)} has {several(least, 'image')} on each half, of two "
            "clusters where images belong together; take more images, or a smaller number"
        )
    if not found:
        raise CheckError(
            "`weak_segments`: no metric of this check is of single images of the data, with a worse side; leave it out"
        )
    return found


def _half(samples: Samples, metric: Metric, at: IntArray, seed: int) -> Mask:
    """Which of a metric's images, at positions (n,), are searched: half of every class, or of all clusters."""
    names, units = [samples.fingerprints[i] for i in at], _clusters(metric)
    if units is None:
        labels = samples.labels[at]
        chosen = in_turn(labels, len(at) // 2, ranking(seed, labels, names))
        return np.isin(np.arange(len(at)), chosen)
    _, of = np.unique(units, return_inverse=True)
    known = [min(itertools.compress(names, of == number)) for number in range(int(of.max()) + 1)]
    alike = np.zeros(len(known), np.int64)
    chosen = in_turn(alike, len(known) // 2, ranking(seed, alike, known))
    return np.isin(of, chosen)


def _clusters(metric: Metric) -> IntArray | None:
    """The clusters (n,) of a metric's images; None where each is one of its own."""
    return None if metric.clusters is None or metric.clusters.size != metric.n else metric.clusters


def _weakest(
    metric: Metric, half: Mask, groups: Mapping[str, tuple[Groups, IntArray]], least: int, better: str
) -> Weakest | None:
    """Of all groups that are large enough on both halves, and not everything, the one that lies the most standard
    errors on the worse side of all other images; of equal ones the largest.
    """
    held = np.asarray(metric.values, np.float64)
    if metric.kind == "median":  # some may be infinite, so by their order
        held = np.unique(held, return_inverse=True)[1].astype(np.float64)
    worse = held if better == "lower" else -held
    units = _clusters(metric)
    units = np.arange(metric.n) if units is None else np.unique(units, return_inverse=True)[1]
    best: tuple[tuple[float, int], tuple[Groups, ...], tuple[str, ...], int, IntArray] | None = None
    tried = 0
    for attributes, by, codes in _ways(groups):
        here, there = (np.bincount(codes[side], minlength=int(codes.max()) + 1) for side in (half, ~half))
        several_units = np.minimum(*(_units(codes[side], units[side], len(here)) for side in (half, ~half))) > 1
        fit = np.flatnonzero((np.minimum(here, there) >= least) & several_units & (here < half.sum()))
        tried += fit.size
        scores = _standard_errors(worse[half], codes[half], len(here))
        for place in fit.tolist():
            rank = round(float(scores[place]), _DIGITS), int(here[place])
            if best is None or rank > best[0]:
                best = rank, by, attributes, place, codes
    if best is None:
        return None
    _, by, attributes, place, codes = best
    numbers = np.unravel_index(place, [len(one.names) for one in by])
    parts = list(zip(attributes, by, (int(number) for number in numbers), strict=True))
    name = ", ".join(f"{attribute}={one.names[number]}" for attribute, one, number in parts)
    means = ", ".join(
        f"{attribute} {one.means[number]}" for attribute, one, number in parts if one.means[number] != one.names[number]
    )
    inside = codes == place
    return Weakest(name, means, tried, part_of(metric, inside & half), part_of(metric, inside & ~half))


def _ways(
    groups: Mapping[str, tuple[Groups, IntArray]],
) -> Iterator[tuple[tuple[str, ...], tuple[Groups, ...], IntArray]]:
    """Every attribute, and every two: their names, their groups, and which combination each image (n,) is."""
    for number in (1, 2):
        for attributes in itertools.combinations(groups, number):
            by = tuple(groups[name][0] for name in attributes)
            of = tuple(groups[name][1] for name in attributes)
            yield attributes, by, np.ravel_multi_index(of, [len(one.names) for one in by])


def _units(codes: IntArray, units: IntArray, count: int) -> IntArray:
    """In how many units (clusters, or single images) each of so many groups lies."""
    width = int(units.max(initial=0)) + 1
    return np.bincount(np.unique(codes * width + units) // width, minlength=count)


def _standard_errors(values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """How many standard errors the mean of each group lies above that of all other values (count,)."""
    n, sums = np.bincount(codes, minlength=count), np.bincount(codes, values, minlength=count)
    rest = len(values) - n
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = sums / n - (values.sum() - sums) / rest
        error = np.std(values) * np.sqrt(1 / n + 1 / rest)
        found: FloatArray = np.where((n > 0) & (rest > 0) & (error > 0), apart / error, 0.0)
    return found


def _rule(least: int, clusters: bool) -> str:
    unit = "clusters" if clusters else "images of every class"
    return (
        f"of all groups by one attribute or two with at least {several(least, 'image')} on either half, the one that "
        f"lies the most standard errors on the worse side of all others on one half of the {unit}, drawn by the seed; "
        "the value is that of its images on the other half."
    )
