"""What a check of a spec demands: metrics that there are, of groups that its slices make, in bounds that can hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditor import catalog
from auditor.spec.document import CheckEntry, Spec
from auditor.spec.marked import Location
from auditor.values import (
    A_SHARE,
    SLICED,
    Attribute,
    CheckError,
    Expectation,
    GroupMetric,
    Groups,
    MetricInfo,
    Parameters,
    Preview,
    Problem,
    Remark,
    Slice,
    group_metric,
    grouped,
    one_of,
    searched,
    whole,
)

PROPERTIES = ("brightness", "contrast", "colourfulness", "size")
"""What is known of images without an attribute of the data: computed from them, or from what they were resized from."""
_WEAK = 30  # images that a weak group has at least, on either half: all of 30 right show 0.905
_SHARES = ("proportion", "lowest", "highest", "auroc", "spread")
_COUNTS = ("samples", "indices", "first")  # by which a spec says how many images a check looks at


@dataclass(frozen=True)
class Sliced:
    """The slices of a check, with the groups that are known before the data is loaded, by attribute. weak: how many
    images a weak group must have at least, where one is searched for. images: how many there are at most.
    """

    slices: tuple[Slice, ...] = ()
    groups: Mapping[str, Groups] = field(default_factory=dict)
    weak: int | None = None
    images: int | None = None

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many images each group has at most, by `attribute=value`; and the smallest of an attribute, by `*`."""
        found = {} if self.images is None else {"weak": self.images // 2}
        for attribute, groups in self.groups.items():
            found |= {f"{attribute}={name}": size for name, size in groups.sizes.items()}
            found[f"*{attribute}"] = min(groups.sizes.values(), default=0)
        return found

    def remarks(self) -> Iterator[Remark]:
        """What to know of groups before anything runs."""
        for position, one in enumerate(self.slices):
            groups = self.groups.get(one.attribute)
            unknown = groups.sizes.get("", 0) if groups else 0
            if groups and unknown:
                told = f"{unknown} of {len(groups.of)} images have no {one.attribute!r}"
                yield Remark(("slices", position), f"{told}: they are a group of their own, `[{one.attribute}=]`")


def sliced(spec: Spec, at: Location, entry: CheckEntry, preview: Preview, problems: list[Problem]) -> Sliced:
    """The slices of an entry, and the search for a weak group that it asks for."""
    known = preview.attributes  # None where only loading tells
    slices: list[Slice] = []
    groups: dict[str, Groups] = {}
    for position, written in enumerate(entry.slices):
        name, parts = (written, None) if isinstance(written, str) else next(iter(written.items()))
        one = Slice(name, parts)
        told = ""
        if any(other.attribute == name for other in slices):
            told = f"{name!r} is sliced by twice; once is enough"
        elif "=" in name or "]" in name:
            told = f"{name!r} can't be written in the name of a metric; give that attribute a name without `=` and `]`"
        elif known is not None and name in known:
            try:
                groups[name] = grouped(known[name], one)
            except CheckError as error:
                told = str(error)
        elif known is not None and name not in PROPERTIES:
            told = one_of(name, [*known, *PROPERTIES], "attribute")
        elif name in PROPERTIES and parts is None and not (known and name in known):
            told = f"{name!r} is a number of its own for every image; say into how many parts, such as {{{name}: 4}}"
        if told:
            problems.append(spec.marks.problem((*at, "slices", position), told))
        slices.append(one)
    weak = entry.weak_segments
    least = None if weak is False else _WEAK if weak is True else weak
    found = Sliced(tuple(slices), groups, least, preview.images)
    if least is not None and (told := _nothing_to_search(found, known, least)):
        problems.append(spec.marks.problem((*at, "weak_segments"), told))
    return found


def _nothing_to_search(by: Sliced, known: Mapping[str, Attribute] | None, least: int) -> str:
    """Why no weak group can be found, where that is certain before the data is loaded, or nothing."""
    if by.images is not None and by.images < 2 * least:
        few = f"{by.images} images have no two halves with a group of {least} on each: it takes {2 * least} at least"
        return f"{few}; take more images, or a smaller number, of which less can be shown"
    if known is None or len(by.slices) > len(by.groups):
        return ""
    groups = searched(known, by.slices, by.groups)
    if not groups:
        named = ", such as [{brightness: 4}]"
        return f"the data has no attributes to search; name some, or properties of images under `slices`{named}"
    largest = max((size for one in groups.values() for size in one.sizes.values() if size < len(one.of)), default=0)
    if largest < 2 * least:
        told = f"the largest group by an attribute has {largest} images, and {2 * least} give {least} on each half"
        return f"{told}; take more images, or a smaller number, of which less can be shown"
    return ""


def expectations_of(entry: CheckEntry) -> tuple[Expectation, ...]:
    """What an entry expects. A floor and a ceiling for every group are two questions, about two groups."""
    found = []
    for name, wanted in entry.expect.items():
        asked = group_metric(name)
        apart = asked is not None and asked.of == "every"
        least = None if wanted.max_drop is None else -wanted.max_drop
        for low, high, versus in ((wanted.min, wanted.max, False), (least, wanted.max_rise, True)):
            ends = [(low, None), (None, high)] if apart else [(low, high)]
            found += [Expectation(name, *end, versus_baseline=versus) for end in ends if end != (None, None)]
    return tuple(found)


def check_metrics(
    spec: Spec, at: Location, entry: CheckEntry, params: Parameters, by: Sliced, problems: list[Problem]
) -> None:
    """Whether a check has the metrics that are expected of it, in bounds that mean something."""
    promised, instead = catalog.metrics_of(entry.check), catalog.instead_of(entry.check, params)
    for name, bounds in entry.expect.items():
        asked, info = group_metric(name), catalog.describe(name, promised)
        if asked is not None or "[" in name:
            message = _bad_group(name, asked, promised, by)
            if message is None and asked is not None and asked.of == "weak" and bounds.compares:
                message = f"{name!r} may be of another group in each run; compare `{asked.metric}[*attribute]` instead"
        else:
            message = _bad_metric(name, info, promised, params)
        if message is None and whole(name) in instead:
            message = (
                f"{name!r} isn't measured with these parameters; what they measure is called {instead[whole(name)]!r}"
            )
        if message:
            problems.append(spec.marks.problem((*at, "expect", name), message, at_key=True))
            continue
        for bound, value in (("min", bounds.min), ("max", bounds.max)):
            share = info is not None and info.kind in _SHARES and info.bounds in (None, A_SHARE)
            if share and value is not None and not 0 <= value <= 1:
                message = f"{name!r} is a share and lies between 0 and 1; {bound} {value:g} says nothing about it"
                hint = f" (did you mean {value / 100:g}?)" if 1 < value <= 100 else ""
                problems.append(spec.marks.problem((*at, "expect", name, bound), message + hint))


def _bad_metric(
    name: str, info: MetricInfo | None, promised: Mapping[str, MetricInfo], params: Parameters
) -> str | None:
    if info is None:
        return one_of(name, list(promised), "metric")
    if name.endswith((".", ".*")):
        return f"{name!r} stands for several metrics; name one of them after the dot"
    if info.of_those and params.model_fields_set.isdisjoint(_COUNTS):
        fixing = " or ".join(f"`{known}`" for known in _COUNTS if known in type(params).model_fields)
        return f"{name!r} is that of just the images looked at and moves with their number; fix it by {fixing}"
    return None


def _bad_group(name: str, asked: GroupMetric | None, promised: Mapping[str, MetricInfo], by: Sliced) -> str | None:
    if asked is None:
        ways = "`metric[site=oslo]`, `metric[*site]`, `metric[gap site]` or `metric[weak]`"
        return f"{name!r} names no groups: write {ways}"
    of_all = promised.get(asked.metric)
    fitting = [known for known, info in promised.items() if info.kind in SLICED and "." not in known]
    if of_all is None or asked.metric not in fitting:
        return f"{name!r}: {one_of(asked.metric, fitting, 'metric that groups have')}"
    if asked.of == "weak":
        if of_all.better is None:
            return f"{name!r}: {asked.metric!r} has no worse side, and so no weakest group"
        return None if by.weak is not None else f"{name!r}: say `weak_segments: true` in this check"
    attributes = [one.attribute for one in by.slices]
    if asked.attribute not in attributes:
        told = one_of(asked.attribute, attributes, "slice")
        return f"{name!r}: {told}; name the attribute under `slices` of this check"
    if asked.of != "one":
        return None
    one = next(one for one in by.slices if one.attribute == asked.attribute)
    groups = by.groups.get(asked.attribute)
    there: Sequence[str] = groups.names if groups else ()
    if groups is None and one.parts is not None:
        there = [f"{part}/{one.parts}" for part in range(1, one.parts + 1)]
    if there and asked.value not in there:
        return f"{name!r}: {one_of(asked.value, there, f'group of {asked.attribute}')}"
    return None
