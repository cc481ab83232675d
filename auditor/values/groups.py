"""Groups of images by what is known of them, and what metrics of groups are called in a spec.

`accuracy[site=oslo]` is that of one group, `accuracy[*site]` that of every group, `accuracy[gap site]` the difference
between the best and the worst, and `accuracy[weak]` that of the weakest group, which was searched for on other images.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditor.values.attributes import Attribute, in_words, is_missing, is_numeric
from auditor.values.errors import CheckError
from auditor.values.metrics import IntArray, Metric, MetricInfo, highest, lowest, spread

MOST_GROUPS = 100
_FEW_VALUES = 10  # so many different numbers are values; more are parted
_PARTS = 4
"""So many groups of one attribute are told apart; more are no groups but single images."""
SLICED = ("proportion", "mean", "median")
"""The kinds of metrics that groups of their images have too."""
_NAME = re.compile(r"(?P<metric>[^\[\]]+)\[(?P<inside>.+)\]", re.DOTALL)
_UNIT = (0.0, 1.0)


@dataclass(frozen=True)
class Slice:
    """What groups are made by: an attribute, each value a group; or its numbers, in so many `parts` of equal size."""

    attribute: str
    parts: int | None = None

    def __str__(self) -> str:
        return self.attribute if self.parts is None else f"{self.attribute} in {self.parts} parts"


@dataclass(frozen=True)
class Groups:
    """Images in groups: each image's group (N,), by its place in `names`; means: what each group is, in words."""

    names: tuple[str, ...]
    of: IntArray
    means: tuple[str, ...]

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many images each group has."""
        counts = np.bincount(self.of, minlength=len(self.names)).tolist()
        return dict(zip(self.names, counts, strict=True))


@dataclass(frozen=True)
class GroupMetric:
    """The name of a metric of groups, taken apart. value: of one group, what the attribute is there."""

    metric: str
    of: Literal["one", "every", "gap", "weak"]
    attribute: str = ""
    value: str = ""


def group_metric(name: str) -> GroupMetric | None:
    """What a metric's name says of groups; None for a metric of all images."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    metric, inside = found["metric"], found["inside"]
    if "=" in inside:
        attribute, value = inside.split("=", 1)
        return GroupMetric(metric, "one", attribute, value)
    if inside == "weak":
        return GroupMetric(metric, "weak")
    if inside.startswith("*"):
        return GroupMetric(metric, "every", inside[1:].strip())
    if inside.startswith("gap "):
        return GroupMetric(metric, "gap", inside[4:].strip())
    return None


def whole(name: str) -> str:
    """The metric of all images that a metric of groups is made of; any other is its own."""
    found = group_metric(name)
    return found.metric if found else name


def grouped(attribute: Attribute, asked: Slice) -> Groups:
    """Images in groups by an attribute (N,): every image is in one, those of which nothing is known in the group ""."""
    missing = is_missing(attribute)
    known = attribute[~missing]
    if asked.parts is not None and not is_numeric(attribute):
        raise CheckError(
            f"{asked.attribute!r} holds names, such as {known[0] if known.size else ''!r}; leave parts out"
        )
    if asked.parts is None:
        values, places = np.unique(known, return_inverse=True)
        names = means = tuple(map(in_words, values.tolist()))
    else:
        shares = np.arange(1, asked.parts) / asked.parts
        edges = np.quantile(known, shares, method="inverted_cdf") if known.size else np.zeros(0)
        places = np.searchsorted(edges, known, side="left")
        names = tuple(f"{part}/{asked.parts}" for part in range(1, asked.parts + 1))
        means = tuple(_span(known[places == part]) for part in range(asked.parts))
    if len(names) > MOST_GROUPS:
        way = (
            f"say into how many parts, such as {{{asked.attribute}: 4}}"
            if is_numeric(attribute)
            else "those are no groups"
        )
        raise CheckError(f"{asked.attribute!r} has {len(names)} different values, more than {MOST_GROUPS}; {way}")
    of = np.full(len(attribute), len(names))
    of[~missing] = places
    if missing.any():
        names, means = (*names, ""), (*means, "not known")
    return Groups(names, of, means)


def searched(
    attributes: Mapping[str, Attribute], slices: Sequence[Slice], groups: Mapping[str, Groups]
) -> Mapping[str, Groups]:
    """Where to search for a weak group: in these groups, made by slices, and in those of every other attribute.

    Of an attribute that isn't sliced, each value is a group, or each quarter of more than ten different numbers; names
    that are more than groups may be tell single images apart, and are left out.
    """
    found = dict(groups)
    for name in sorted(attributes.keys() - {one.attribute for one in slices}):
        values = attributes[name]
        known = np.unique(values[~is_missing(values)])
        if is_numeric(values) or len(known) <= MOST_GROUPS:
            parts = _PARTS if is_numeric(values) and len(known) > _FEW_VALUES else None
            found[name] = grouped(values, Slice(name, parts))
    return found


def _span(values: Attribute) -> str:
    return f"{values.min():.4g} to {values.max():.4g}" if values.size else "none"


def of_groups(name: str, asked: Slice, parts: Mapping[str, Metric], lower_is_better: bool) -> Mapping[str, Metric]:
    """The metrics of groups, of the same metric for each group by its name: each, that of the worst, and the gap."""
    attribute = asked.attribute
    known = {f"{attribute}={group}": part for group, part in parts.items()}
    worst = highest if lower_is_better else lowest
    each = {f"{name}[{group}]": part for group, part in known.items()}
    return {**each, f"{name}[*{attribute}]": worst(known), f"{name}[gap {attribute}]": spread(known)}


def info_of(name: str, of_all: MetricInfo | None) -> MetricInfo | None:
    """What is promised of a metric of groups, from what is promised of the same metric of all images."""
    asked = group_metric(name)
    if asked is None or of_all is None or of_all.kind not in SLICED or of_all.of_those:
        return None
    if asked.of == "weak" and of_all.better is None:
        return None
    share = of_all.kind == "proportion"
    bounds = _UNIT if share else of_all.bounds or (-np.inf, np.inf)
    if asked.of == "one":
        said = f"{of_all.text}, where {asked.attribute} is {asked.value or 'not known'}"
        return MetricInfo(of_all.kind, said, of_all.better, bounds=None if share else of_all.bounds)
    if asked.of == "every":
        said = f"{of_all.text}, for every {asked.attribute}"
        return MetricInfo("highest" if of_all.better == "lower" else "lowest", said, of_all.better, bounds=bounds)
    if asked.of == "weak":
        said = f"{of_all.text}, in the weakest group, which other images told"
        return MetricInfo("highest" if of_all.better == "lower" else "lowest", said, of_all.better, bounds=bounds)
    said = f"{of_all.text}: between the best and the worst {asked.attribute}"
    return MetricInfo("spread", said, "lower", bounds=(0.0, float(bounds[1] - bounds[0])))


def worst_of(metric: Metric, at_least: bool) -> Metric:
    """What is asked of every group, of the metrics of all groups: of a floor the lowest, of a ceiling the highest."""
    return (lowest if at_least else highest)(metric.groups)
