"""Metrics of groups of images, counted from what a check says of each image: nothing is measured for it once more."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.likeness import properties
from auditor.values import (
    SLICED,
    Attribute,
    CheckError,
    Evidence,
    Groups,
    IntArray,
    Metric,
    MetricInfo,
    Samples,
    Slice,
    Table,
    grouped,
    mean,
    median,
    of_groups,
    one_of,
    proportion,
)


def by_groups(
    evidence: Evidence, samples: Samples, slices: Sequence[Slice], promised: Mapping[str, MetricInfo]
) -> Evidence:
    """Evidence with the metrics of every group that slices make; raise CheckError where they make none."""
    if not slices:
        return evidence
    groups = groups_of(samples, slices)
    added = metrics_of_groups(evidence.metrics, samples, groups, promised)
    if not added:
        raise CheckError("`slices`: no metric of this check is of single images of the data; leave it out")
    tables = tuple(_table(one, groups[one.attribute]) for one in slices)
    return dataclasses.replace(evidence, metrics={**evidence.metrics, **added}, tables=(*evidence.tables, *tables))


def groups_of(samples: Samples, slices: Sequence[Slice]) -> Mapping[str, Groups]:
    """The groups of the samples, by attribute; raise CheckError for an attribute that there isn't."""
    known = dict(samples.attributes)
    if any(one.attribute not in known for one in slices):
        known = {**properties(samples.images, samples.box), **known}
    return {one.attribute: grouped(_attribute(known, samples, one.attribute), one) for one in slices}


def _attribute(known: Mapping[str, Attribute], samples: Samples, name: str) -> Attribute:
    if name not in known:
        hint = "; images have a `size` where `resize` made them of one" if name == "size" else ""
        names = dict.fromkeys([*samples.attributes, *known])
        raise CheckError(f"`slices`: {one_of(name, list(names), 'attribute')}{hint}")
    return known[name]


def metrics_of_groups(
    metrics: Mapping[str, Metric], samples: Samples, groups: Mapping[str, Groups], promised: Mapping[str, MetricInfo]
) -> dict[str, Metric]:
    """The metrics of groups, of every metric that is of single images of the samples."""
    found: dict[str, Metric] = {}
    for name, metric, at in of_single_images(metrics, samples, promised):
        for attribute, by in groups.items():
            parts = {group: part_of(metric, by.of[at] == number) for number, group in enumerate(by.names)}
            found |= of_groups(name, Slice(attribute), parts, promised[name].better == "lower")
    return found


def of_single_images(
    metrics: Mapping[str, Metric], samples: Samples, promised: Mapping[str, MetricInfo]
) -> Iterator[tuple[str, Metric, IntArray]]:
    """Every metric that has a value for each of some images of the samples, with its name and their positions (n,)."""
    order = np.argsort(samples.indices)
    for name, info in promised.items():
        metric = metrics.get(name)
        if metric is None or metric.kind not in SLICED or info.of_those or metric.rows is None or metric.values is None:
            continue
        at = order[np.searchsorted(samples.indices[order], metric.rows).clip(max=len(order) - 1)]
        if np.array_equal(samples.indices[at], metric.rows):  # else of noise, or of other data
            yield name, metric, at


def part_of(metric: Metric, chosen: NDArray[np.bool_]) -> Metric:
    """The same metric of some of its images, chosen (n,)."""
    values, rows = np.asarray(metric.values)[chosen], np.asarray(metric.rows)[chosen]
    if metric.kind == "proportion":
        part = proportion(values > 0, rows=rows)
    else:
        part = (mean if metric.kind == "mean" else median)(values, metric.bounds, rows)
    clusters = metric.clusters
    known = clusters is not None and clusters.size == chosen.size
    return dataclasses.replace(part, clusters=clusters[chosen] if clusters is not None and known else clusters)


def _table(one: Slice, groups: Groups) -> Table:
    rows = tuple(
        (name or "not known", groups.sizes[name], means if one.parts and name else "")
        for name, means in zip(groups.names, groups.means, strict=True)
    )
    return Table(f"Groups of the data by {one}", (one.attribute, "images", "from, to"), rows)
