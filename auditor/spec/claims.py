"""What a spec claims, and where its words say more than its gates do: found before anything runs.

A gate that nothing could violate claims nothing and is descriptive, whatever its metric is called. What claims less
than it seems to may pass, and its caveat stands in the verdict's own line. Places are locations within a check's entry.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from auditor.telling.numbers import percent
from auditor.values import (
    A_DIFFERENCE,
    A_SHARE,
    NOT_NEGATIVE,
    Expectation,
    MetricInfo,
    Parameters,
    Preview,
    Remark,
    whole,
)

LONGEST_WAIVER = timedelta(days=366)
# The kinds whose range is known before anything is measured; of others, the check may say.
_RANGES = dict.fromkeys(("proportion", "lowest", "highest", "auroc"), A_SHARE) | {"crossing": NOT_NEGATIVE}
_STRENGTH = r"robust\w*|resist\w*|withstand\w*|immune|surviv\w+|secure\w*|safe\w*|holds?|certified"
_ASSERTS = re.compile(rf"\b({_STRENGTH}|proven?|guarantee\w*|at least|at most|never|always|can(?:no|')t)\b|[≥≤]", re.I)
_STRONG = re.compile(rf"\b({_STRENGTH})\b", re.I)
_RADIUS = re.compile(
    r"(?:\b(?:at|within|eps|epsilon|radius)|ε|±)\s*=?\s*(\d+(?:\.\d+)?)(?:/(\d+))?(?![\d.]*\s*%)", re.I
)
_UNSEEN = re.compile(
    r"\b(?:(?:hardly|barely|scarcely|almost not|not) (?:visible|noticeable|perceptible|seen)|invisibl[ey]|"
    r"impercepti\w+|unnoticeabl[ey]|tiny|minute|faint|subtle|slight(?:ly)?)\b",
    re.I,
)
_SEEN_FROM = 1 / 8  # of the range: such a change of a pixel is plain to see
_CLOSE = 1e-6
# Shares of images, of all classes, that get their true class, as they are or changed.
_RIGHT = re.compile(
    r"accuracy|(top|clean|grid|mean|robust|corrupted|worst_corruption)_accuracy|"
    r"(robust|corrupted)_accuracy\.[^\[]+|accuracy_at\.[^\[]+"
)


def judged(
    expectations: Sequence[Expectation], promised: Mapping[str, MetricInfo | None], remarks: Sequence[Remark]
) -> tuple[Expectation, ...]:
    """The expectations, those that claim nothing with the reason. promised: by the metric that each is about."""
    return tuple(
        replace(
            e,
            hollow=_hollow(e, promised[e.metric], remarks),
            share=(about := promised[e.metric]) is not None and about.is_share,
            gap=about is not None and about.is_difference,
        )
        for e in expectations
    )


def _hollow(expectation: Expectation, info: MetricInfo | None, remarks: Sequence[Remark]) -> str:
    told = next((remark.message for remark in remarks if whole(expectation.metric) in remark.hollow), "")
    if told or info is None:
        return told
    if expectation.versus_baseline:
        return expectation.unbreakable(*A_DIFFERENCE) if info.kind == "proportion" else ""
    return expectation.unbreakable(*(info.bounds or _RANGES.get(info.kind, (-math.inf, math.inf))))


def of_gates(expectations: Sequence[Expectation]) -> Iterator[Remark]:
    """Gates that claim nothing."""
    for expectation in expectations:
        if expectation.hollow:
            message = f"{expectation} claims nothing: {expectation.hollow}"
            yield Remark(("expect", expectation.metric), message)


def of_majority(expectations: Sequence[Expectation], preview: Preview) -> Iterator[Remark]:
    """Floors under a share of right answers that a model reaches that always gives the most frequent class."""
    majority = preview.majority
    if majority is None and preview.sizes and sum(preview.sizes):
        majority = max(preview.sizes) / sum(preview.sizes)
    for one in expectations:
        if majority is None or one.min is None or one.min > majority or one.versus_baseline or one.hollow:
            continue
        if _RIGHT.fullmatch(one.metric):
            told = f"always answering the most frequent class, which {percent(majority)} of the images have, is enough"
            yield Remark(("expect", one.metric), f"for {one} {told}", caveat=True)


def of_title(
    title: str | None,
    params: Parameters,
    expectations: Sequence[Expectation],
    promised: Mapping[str, MetricInfo | None],
) -> Iterator[Remark]:
    """Whether the title asserts what no gate asks; a question asserts nothing."""
    if title is None or _asks(title):
        return
    at, gates = ("title",), [e for e in expectations if not e.hollow]
    found = _ASSERTS.search(title)
    if found and not gates:
        yield Remark(at, f"the title asserts something ({found[0]!r}), and no gate is there to show it", caveat=True)
    elif _STRONG.search(title) and all(of_weakness(e, promised[e.metric]) for e in gates):
        message = "the title speaks of strength, and every gate passes by weakness: see which way they point"
        yield Remark(at, message, caveat=True)
    radii = [float(eps) for eps in _listed(getattr(params, "eps", None))]
    bounds = [bound for e in gates for bound in (e.min, e.max) if bound is not None]
    said = [float(number) / float(parts or 1) for number, parts in _RADIUS.findall(title)]
    other = [value for value in said if not any(math.isclose(value, known, rel_tol=_CLOSE) for known in radii + bounds)]
    if radii and other and len(other) == len(said):
        told = ", ".join(f"{radius:g}" for radius in radii)
        yield Remark(at, f"the title says {other[0]:g}, and `eps` is {told}", caveat=True)


def of_looks(title: str | None, params: Parameters, box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the title calls a change hard to see that may be plain to see; questions do so, too."""
    radii = [float(eps) for eps in _listed(getattr(params, "eps", None))]
    if radii and getattr(params, "norm", None) == "linf" and box[1] > box[0]:
        told = plain_to_see(title or "", max(radii) / (box[1] - box[0]), "`eps` lets a pixel change by")
        if told:
            yield Remark(("title",), told, caveat=True)


def plain_to_see(title: str, share: float, how: str) -> str:
    """What a title says of a change of this share of the range, where it isn't so, or nothing. how: who tells it."""
    found = _UNSEEN.search(title)
    if found is None or share <= _SEEN_FROM:
        return ""
    return f"the title says {found[0]!r}, and {how} {percent(share)} of the range"


def of_weakness(expectation: Expectation, info: MetricInfo | None) -> bool:
    """Whether it asks for the side that is the worse for a release."""
    if info is None or info.better is None or expectation.versus_baseline:
        return False
    wanted, other = (
        (expectation.min, expectation.max) if info.better == "higher" else (expectation.max, expectation.min)
    )
    return wanted is None and other is not None


def _listed(value: Any) -> Sequence[Any]:
    return () if value is None else value if isinstance(value, Sequence) else (value,)


def uncertain(
    expectations: Sequence[Expectation], promised: Mapping[str, MetricInfo | None]
) -> tuple[Expectation, ...]:
    """Those that claim something, and that chance can make pass."""
    found = ((e, promised[e.metric]) for e in expectations if not e.hollow)
    return tuple(e for e, info in found if info is not None and info.kind != "exact")


def of_choice(params: Parameters, data: Parameters | None, gates: Sequence[Expectation]) -> Iterator[Remark]:
    """Whether the images that gates with an interval rest on were picked by hand: then they stand for no others.

    gates: those that are uncertain. What is said of precisely the images that are named is no such claim.
    """
    picked = "were picked by hand (`indices`), so nothing is said of others"
    if gates and getattr(params, "indices", None):
        yield Remark(("params", "indices"), f"the images {picked}", caveat=True)
    elif gates and getattr(data, "indices", None):
        yield Remark(("check",), f"the images of `data` {picked}", caveat=True)


def of_headline(title: str | None, gated: bool) -> str:
    """What is wrong with the title of a spec, of which some gate claims something or none does, or nothing."""
    found = None if title is None or gated or _asks(title) else _ASSERTS.search(title)
    return f"the title asserts something ({found[0]!r}), and no check expects anything" if found else ""


def _asks(title: str) -> bool:
    return title.rstrip().endswith("?")


def doubt_of_waiver(expires: str) -> str:
    """What is wrong with the day on which a waiver ends, or nothing."""
    away = date.fromisoformat(expires) - datetime.now(UTC).date()
    return "ends more than a year from now, so nobody has to look again" if away > LONGEST_WAIVER else ""
