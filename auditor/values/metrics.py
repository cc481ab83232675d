"""Measured values, and how they are made: what an interval, a verdict and a comparison start from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.telling.numbers import SHARES
from auditor.values.grouping import clusters_of

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

MetricKind = Literal[
    "proportion",
    "mean",
    "median",
    "difference",
    "gap",
    "lowest",
    "highest",
    "crossing",
    "binned",
    "auroc",
    "spread",
    "exact",
]


A_SHARE = (0.0, 1.0)
A_DIFFERENCE = (-1.0, 1.0)
NOT_NEGATIVE = (0.0, float("inf"))


@dataclass(frozen=True)
class Metric:
    """A measured value with what its uncertainty is computed from.

    proportion: `successes` out of `n`. mean, median: of `values` (n,), each within `bounds` where those are known.
    difference: of two proportions over the same samples, `values` (n,) being -1, 0 or 1.
    gap: `groups` now and before, which needn't be over the same samples: the one less the other.
    lowest, highest: the extreme of `groups`, of which some may have no samples. spread: the highest less the lowest.
    crossing: the least of the radii `values` (m,) at which less than half hold, of `groups` (m of them, in that order);
    infinite where half or more hold at every one.
    binned: the mean of the absolute values of `groups`, means of values in [-1, 1], weighted by their samples.
    auroc: how often one of the values of the first of two `groups` lies above one of the second, ties counting half;
    `n` is the size of the smaller.
    exact: a fact about precisely what was looked at (a count, a size), with nothing to infer.
    rows: (n,) the sample that each of `values` belongs to, where another run may be compared with this one: a row of
    the data source, or -1 - i for the i-th noise image.
    clusters: (n,) which of the samples belong together, where some do: only the clusters are independent of each other.
    Of none, (0,), where that isn't known: then nothing can be inferred.
    """

    kind: MetricKind
    value: float
    n: int
    successes: int | None = None
    values: FloatArray | None = None
    bounds: tuple[float, float] | None = None
    rows: IntArray | None = None
    groups: Mapping[str, "Metric"] = field(default_factory=dict)
    clusters: IntArray | None = None


def proportion(
    successes: int | np.integer[Any] | NDArray[np.bool_],
    n: int | None = None,
    rows: IntArray | None = None,
    clusters: IntArray | None = None,
) -> Metric:
    """`successes` out of `n`, or the share of true values of a boolean array (n,), of the samples `rows` (n,).

    clusters: (n,) which belong together; looked up by their rows if left out, so only rows of other data need it.
    """
    k = int(np.sum(successes))
    if n is None:
        if not isinstance(successes, np.ndarray):
            raise TypeError("a proportion needs n, or a boolean array")
        n = successes.size
    together = clusters_of(int(n), rows, clusters)
    values = None if rows is None and together is None else np.asarray(successes, dtype=np.float64)
    return Metric("proportion", k / n if n else float("nan"), int(n), k, values, rows=rows, clusters=together)


def mean(
    values: FloatArray | Sequence[float],
    bounds: tuple[float, float] | None = None,
    rows: IntArray | None = None,
    clusters: IntArray | None = None,
) -> Metric:
    """The mean of one value per sample (n,); `bounds` are the least and greatest value a sample can have.

    Without bounds it can be shown, and no gate on it can pass: no number of samples says anything of the mean of a
    variable that may be anything. Raises ValueError where a value lies outside its bounds.
    """
    array = np.asarray(values, dtype=np.float64)
    _within(array, bounds)
    value = float(array.mean()) if array.size else float("nan")
    together = clusters_of(array.size, rows, clusters)
    return Metric("mean", value, int(array.size), values=array, bounds=bounds, rows=rows, clusters=together)


def _within(values: FloatArray, bounds: tuple[float, float] | None) -> None:
    """An interval made of bounds that don't hold would be wrong."""
    if bounds is None:
        return
    slack = 1e-6 * max(1.0, *(abs(end) for end in bounds if np.isfinite(end)), 0.0)
    if ((values < bounds[0] - slack) | (values > bounds[1] + slack)).any():
        raise ValueError(
            f"values from {values.min():g} to {values.max():g} don't lie within the bounds {bounds[0]:g} to "
            f"{bounds[1]:g} that were given for them"
        )


def median(values: FloatArray, bounds: tuple[float, float] | None = None, rows: IntArray | None = None) -> Metric:
    """The median of one value per sample (n,), of which some may be infinite: no more was found than that."""
    array = np.asarray(values, dtype=np.float64)
    value = float(np.median(array)) if array.size else float("nan")
    together = clusters_of(array.size, rows, None)
    return Metric("median", value, int(array.size), values=array, bounds=bounds, rows=rows, clusters=together)


def lowest(groups: Mapping[str, Metric]) -> Metric:
    """The least value of groups, each of its own samples; of one without samples nothing is known."""
    return _extreme("lowest", groups, min)


def highest(groups: Mapping[str, Metric]) -> Metric:
    """The greatest value of groups; of one without samples nothing is known."""
    return _extreme("highest", groups, max)


def _extreme(kind: MetricKind, groups: Mapping[str, Metric], chosen: Callable[[Sequence[float]], float]) -> Metric:
    bare = {name: _bare(group) for name, group in groups.items()}
    known = [group.value for group in bare.values() if group.n]
    return Metric(kind, chosen(known) if known else float("nan"), sum(g.n for g in bare.values()), groups=bare)


def spread(groups: Mapping[str, Metric]) -> Metric:
    """How far the greatest value of groups lies above the least, each of its own samples."""
    low, high = lowest(groups), highest(groups)
    return Metric("spread", high.value - low.value, low.n, groups=low.groups)


def _bare(group: Metric) -> Metric:
    """Without what each sample was: that is kept by the groups' own metrics, and once is enough but for clusters."""
    if group.kind != "proportion":
        return group
    values = None if group.clusters is None else group.values
    return Metric(group.kind, group.value, group.n, group.successes, values, clusters=group.clusters)


def crossing(radii: FloatArray | Sequence[float], held: NDArray[np.bool_], rows: IntArray | None = None) -> Metric:
    """The least of radii (m,), from small to large, at which less than half of the samples hold, from held (m, n) of
    the samples `rows` (n,).
    """
    at = np.asarray(radii, dtype=np.float64)
    shares = {repr(radius): _bare(proportion(row, rows=rows)) for radius, row in zip(at.tolist(), held, strict=True)}
    return Metric("crossing", crossed(at, shares), held.shape[1], values=at, groups=shares)


def crossed(radii: FloatArray, shares: Mapping[str, Metric]) -> float:
    """The first of the radii (m,) whose share, in the same order, is below one half; infinite if none is."""
    below = (float(radius) for radius, share in zip(radii, shares.values(), strict=True) if share.value < 0.5)
    return next(below, float("inf"))


def at_radii(metric: Metric) -> list[tuple[float, Metric]]:
    """The radii of a `crossing`, from small to large, each with the share that holds there."""
    return [] if metric.values is None else list(zip(metric.values.tolist(), metric.groups.values(), strict=True))


def binned(values: FloatArray, bins: IntArray, names: Sequence[str], rows: IntArray | None = None) -> Metric:
    """How far bins are from 0 on average, weighted by their samples: of values (n,) in [-1, 1], each in the bin (n,).

    Of confidence less being right that is the expected calibration error. names: of all bins there are, which must not
    depend on the values; what a sample's bin is may depend on the sample alone.
    """
    array = np.asarray(values, dtype=np.float64)
    groups = {}
    for i, name in enumerate(names):
        inside = bins == i
        groups[name] = mean(array[inside], A_DIFFERENCE, None if rows is None else rows[inside])
    return Metric("binned", binned_value(groups), array.size, bounds=(0.0, 1.0), groups=groups)


def binned_value(groups: Mapping[str, Metric]) -> float:
    """What a `binned` metric is, of its groups."""
    n = sum(group.n for group in groups.values())
    return sum(group.n * abs(group.value) for group in groups.values() if group.n) / n if n else float("nan")


def auroc(first: tuple[str, Metric], second: tuple[str, Metric]) -> Metric:
    """How often a value of the first metric lies above one of the second, ties counting half: the area under the ROC.

    Both are means of values that are independent of each other, each with its name.
    """
    groups = dict((first, second))
    return Metric("auroc", ranked(groups), min(first[1].n, second[1].n), groups=groups)


def ranked(groups: Mapping[str, Metric]) -> float:
    """What an `auroc` is, of its groups (Mann and Whitney, 1947); NaN where one is empty or wasn't kept."""
    above, below = (group.values if group.values is not None else np.zeros(0) for group in groups.values())
    if not above.size or not below.size:
        return float("nan")
    ordered = np.sort(below)
    under, reached = (np.searchsorted(ordered, above, side).sum(dtype=np.int64) for side in ("left", "right"))
    return float((under + reached) / (2 * above.size * below.size))


def exact(value: float | np.number[Any]) -> Metric:
    """A number that is what it is: it has no sampling error."""
    return Metric("exact", float(value), 1)


@dataclass(frozen=True)
class MetricInfo:
    """What a check promises about a metric. A name ending in `.*` stands for one metric per class or model.

    better: whether a release is the better for a higher or for a lower value, where one can say so.
    of_those: whether it is the extreme of just the images looked at, or counts them, and so moves with their number.
    bounds: the least and the greatest value it can have, where its kind doesn't say.
    """

    kind: MetricKind
    text: str
    better: Literal["higher", "lower"] | None = None
    of_those: bool = False
    bounds: tuple[float, float] | None = None

    @property
    def is_share(self) -> bool:
        """Whether people read it in per cent: what counts images, and what else always lies between 0 and 1."""
        if self.kind in ("auroc", "binned"):
            return False
        return self.bounds == A_SHARE or (self.bounds is None and self.kind in SHARES)

    @property
    def is_difference(self) -> bool:
        """Whether people read it in percentage points: what always lies between -1 and 1."""
        return self.bounds == A_DIFFERENCE
