"""Metrics of groups of images, counted from what a check says of each image: nothing is measured for it once more."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

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
    order = np.argsort(samples.indices)
    found: dict[str, Metric] = {}
    for name, info in promised.items():
        metric = metrics.get(name)
        if metric is None or metric.kind not in SLICED or info.of_those or metric.rows is None or metric.values is None:
            continue
        at = order[np.searchsorted(samples.indices[order], metric.rows).clip(max=len(order) - 1)]
        if not np.array_equal(samples.indices[at], metric.rows):
            continue  # of noise, or of other data
        for attribute, by in groups.items():
            parts = dict(_parts(metric, by, by.of[at]))
            found |= of_groups(name, Slice(attribute), parts, info.better == "lower")
    return found


def _parts(metric: Metric, by: Groups, of: IntArray) -> Iterator[tuple[str, Metric]]:
    """The same metric of every group, of images of these groups (n,)."""
    held, rows = np.asarray(metric.values), np.asarray(metric.rows)
    for number, name in enumerate(by.names):
        chosen = of == number
        values, those = held[chosen], rows[chosen]
        if metric.kind == "proportion":
            part = proportion(values > 0, rows=those)
        else:
            part = (mean if metric.kind == "mean" else median)(values, metric.bounds, those)
        clusters = metric.clusters
        known = clusters is not None and clusters.size == chosen.size
        yield name, dataclasses.replace(part, clusters=clusters[chosen] if clusters is not None and known else clusters)


def _table(one: Slice, groups: Groups) -> Table:
    rows = tuple(
        (name or "not known", groups.sizes[name], means if one.parts and name else "")
        for name, means in zip(groups.names, groups.means, strict=True)
    )
    return Table(f"Groups of the data by {one}", (one.attribute, "images", "from, to"), rows)
