"""What can be said of a case's gates before it runs: whether its samples can settle them at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from auditor import catalog
from auditor.spec.document import Spec
from auditor.statistics import clean_sweep_needed
from auditor.telling.lists import listed
from auditor.telling.numbers import percent
from auditor.values import (
    A_SHARE,
    Expectation,
    MetricInfo,
    Parameters,
    Preview,
    Problem,
    Remark,
    chosen_classes,
    distinct_names,
    in_words,
    one_of,
    whole,
)

_FEW = 50
_LISTED = 10
# Any one group can show it, the largest as well: what the smallest can show says nothing.
_ANY_GROUP = (("lowest", "max"), ("highest", "min"))


@dataclass(frozen=True)
class Gate:
    """One bound on a share or a median, as planned.

    bound: `min`, `max`, `max_drop` or `max_rise`. most: the greatest n it can have, None where that isn't known
    before the case runs. needed: the least n that could settle it, None where none would. steady: of a margin to a
    baseline, the least n that settles it where nothing changes, None where none does. message: what is wrong with it,
    if anything.
    """

    metric: str
    bound: str
    most: int | None
    needed: int | None
    message: str
    steady: int | None = None

    @property
    def hopeless(self) -> bool:
        """Whether it can't pass, whatever is measured."""
        return self.needed is None or (self.most is not None and self.most < self.needed)


def gates_of(
    check: str,
    params: Parameters,
    expectations: Sequence[Expectation],
    confidence: float,
    preview: Preview,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Gate, ...]:
    """Every bound of the expectations on a share or a median, with what its samples can show.

    sizes: by metric of groups, how many images it rests on at most; of every group, those of the smallest.
    """
    promised = catalog.metrics_of(check)
    most = catalog.most_of(check, params, preview)
    for name, size in sizes.items():
        of_all = _most(whole(name), most)
        most = {**most, name: size if of_all is None else min(size, of_all)}
    return tuple(
        gate
        for expectation in expectations
        for gate in _gates(expectation, promised, _most(expectation.metric, most), confidence)
    )


def _most(name: str, most: Mapping[str, int | None]) -> int | None:
    return most.get(name, most.get(f"{name.split('.', 1)[0]}.*"))


def _gates(
    expectation: Expectation, promised: Mapping[str, MetricInfo], most: int | None, confidence: float
) -> Iterator[Gate]:
    info = catalog.describe(expectation.metric, promised)
    if info is None or info.kind not in ("proportion", "median", "lowest", "highest", "auroc"):
        return
    if info.kind in ("lowest", "highest") and info.bounds not in (None, A_SHARE):
        return  # of groups' means or medians, whose samples say nothing of what they can show
    for bound, threshold in (("min", expectation.min), ("max", expectation.max)):
        if threshold is None:
            continue
        if expectation.versus_baseline:
            if info.kind == "proportion":
                yield _margin(expectation, {"min": "max_drop", "max": "max_rise"}[bound], threshold, most, confidence)
            continue
        if (info.kind, bound) in _ANY_GROUP:
            continue
        if info.kind == "median":
            # An order statistic is a limit only where all n values on one side of the middle would be odd enough.
            needed, best = clean_sweep_needed(0.5, confidence), ""
        elif bound == "min":
            needed, best = clean_sweep_needed(threshold, confidence), " without a failure"
        else:
            needed, best = clean_sweep_needed(1 - threshold, confidence), " without a hit"
        gate = Gate(expectation.metric, bound, most, needed, "")
        message = _scarce(gate) if info.kind == "proportion" else ""
        if gate.hopeless:
            message = _hopeless(gate, expectation, best, confidence)
        yield replace(gate, message=message)


def _margin(expectation: Expectation, bound: str, threshold: float, most: int | None, confidence: float) -> Gate:
    """A margin to a baseline: fewest where every image changes the right way, more where none changes."""
    room = threshold if bound == "max_drop" else -threshold  # as if lower were worse
    # All n of n right, as a share of the way from -1 to 1.
    needed, steady = clean_sweep_needed((1 + room) / 2, confidence), clean_sweep_needed(1 + min(room, 0.0), confidence)
    gate = Gate(expectation.metric, bound, most, needed, "", steady)
    right = "rise" if bound == "max_drop" else "fall"
    if gate.hopeless:
        return replace(gate, message=_hopeless(gate, expectation, f", if all of them {right}", confidence))
    sure = f"{expectation} with {confidence * 100:.6g}% confidence"
    if steady is None:
        return replace(gate, message=f"no number of samples shows {sure} unless some {right}; leave room for none")
    if most is not None and most < steady:
        message = f"{most} samples show {sure} only if some {right}: where none changes it takes {steady}"
        return replace(gate, message=message)
    return replace(gate, message=_scarce(gate))


def _hopeless(gate: Gate, expectation: Expectation, best: str, confidence: float) -> str:
    sure = f"with {confidence * 100:.6g}% confidence"
    if gate.needed is None:
        return f"no number of samples shows {expectation} {sure}; leave room: 0.99 takes 299 successes of 299 at 95%"
    return (
        f"{gate.most} samples can't settle {expectation} {sure}: it takes at least {gate.needed}{best}; "
        "with fewer it is inconclusive at best"
    )


def _scarce(gate: Gate) -> str:
    """A hint where the 95% interval is wide at its widest, 1 / √n to either side."""
    if gate.most is None or gate.most >= _FEW:
        return ""
    reach = percent(gate.most**-0.5)
    return f"{gate.most} samples are few: the interval of {gate.metric} may reach {reach} to either side"


def class_mistakes(params: Parameters, preview: Preview) -> Iterator[tuple[str, str]]:
    """Every parameter that chooses a class which the data doesn't have, and what is wrong; none where that is unknown.

    Labels without names don't tell how many classes there are, but they do tell where a default makes no sense.
    """
    if preview.classes is None:
        yield from _unlabelled(params, preview.labels)
        return
    known = distinct_names(preview.classes)
    for name, value, also in chosen_classes(params):
        if isinstance(value, str) and value not in known:
            yield name, one_of(value, [*also, *known], "class")
        elif isinstance(value, int) and value >= len(known):
            unsaid = "" if name in params.model_fields_set else ", which it is if left out,"
            all_of_it = listed((f"{number} {text}" for number, text in enumerate(known)), _LISTED)
            yield name, f"`{name}` {value}{unsaid} is no class of the data, which has {all_of_it}"


def _unlabelled(params: Parameters, labels: int | None) -> Iterator[tuple[str, str]]:
    for name, value, _ in chosen_classes(params):
        if labels is None:
            continue
        if isinstance(value, str):
            yield name, f"`{name}` {value!r}: the classes of the data have no names; write its number"
        elif value >= labels and name not in params.model_fields_set:
            told = f"`{name}` is {value} if left out, and the labels of the data go up to {labels - 1}"
            yield name, f"{told}; write the number of the class that is meant"


def precision_mistakes(
    params: Parameters, model: str, formats: Mapping[str, str]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every precision asked for that the model's format can't be computed in, with its place in the parameters."""
    known = catalog.precisions_of(formats[model]) if model in formats else ()
    for position, asked in enumerate(getattr(params, "precision", ())):
        if model in formats and asked not in known:
            told = f"model {model!r} is of the format {formats[model]!r}, which can't be computed in {asked} here"
            able = [name for name in catalog.names("models") if asked in catalog.precisions_of(name)]
            yield ("precision", position), f"{told} ({', '.join(able)} can); name an export in it as `other`"


def class_remarks(params: Parameters, preview: Preview) -> Iterator[Remark]:
    """Every parameter that chooses a class by its number though another one is called so, or, where classes have no
    names, one that no image is of.
    """
    if preview.classes is not None:
        yield from _called_otherwise(params, distinct_names(preview.classes))
    elif preview.labels is not None:
        yield from _beyond(params, preview.labels)


def _called_otherwise(params: Parameters, known: Sequence[str]) -> Iterator[Remark]:
    for name, value, _ in chosen_classes(params):
        if isinstance(value, int) and value < len(known) and str(value) in known and known[value] != str(value):
            told = f"`{name}` {value} is the number of the class {known[value]!r}"
            yield Remark((name,), f"{told}; the one that is called {value} is written '{value}', in quotes")


def _beyond(params: Parameters, labels: int) -> Iterator[Remark]:
    for name, value, _ in chosen_classes(params):
        if isinstance(value, int) and value >= labels and name in params.model_fields_set:
            told = f"`{name}` is {value}, and the labels of the data go up to {labels - 1}"
            yield Remark((name,), f"{told}: right only where the model knows more classes than the data shows")


def cluster_remarks(spec: Spec, preview: Preview, problems: list[Problem]) -> list[Problem]:
    """What to know of the attribute that images of one cluster share; what is wrong with it joins the problems.

    That it is missing in some rows is said when they are loaded, as those may not be taken.
    """
    by, known = spec.content.clusters, preview.attributes
    if by is None or known is None:
        return []
    if by not in known:
        none = f"the data has no {by!r}, nor any other attribute: name an array, a column or a level of folders for it"
        told = one_of(by, list(known), "attribute of the data") if known else none
        problems.append(spec.marks.problem(("clusters",), told))
        return []
    if len(set(known[by].tolist())) > 1:
        return []
    told = f"all images have one {by}, {in_words(known[by][0])}, which says nothing of others"
    told += ": nothing can be inferred, and no gate passes that chance has a part in"
    return [spec.marks.problem(("clusters",), told)]
