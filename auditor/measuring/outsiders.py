"""Images inside what a classifier is for beside images from outside: what is counted of both, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditor.measuring import familiarity
from auditor.measuring.familiarity import SCORES, Score
from auditor.statistics import interval
from auditor.telling.numbers import number, percent
from auditor.values import Curve, Diagnostic, FloatArray, IntArray, Metric, Series, Table

Outside = Literal["noise", "data", "corrupted"]
WORDS: Mapping[Outside, str] = {"noise": "noise", "data": "other data", "corrupted": "corrupted images"}
_TIED = 0.2


@dataclass(frozen=True)
class Compared:
    """Images of one outside (m, H, W, C) with their rows (m,), the positions (n,) inside that they are held against,
    what was said of them (m,) with which probability (m,), and the scores of both by name.
    """

    images: FloatArray
    rows: IntArray
    against: IntArray
    said: IntArray
    confidence: FloatArray
    inside: Mapping[Score, FloatArray]
    outside: Mapping[Score, FloatArray]


def metric_names(outside: str) -> list[str]:
    """What is counted of one outside: certainty, and each score."""
    by_score = [f"{name}.{outside}.{score}" for name in ("auroc", "fpr_at_95_tpr") for score in SCORES]
    return [f"certain.{outside}", *by_score]


def ties(compared: Mapping[Outside, Compared]) -> Diagnostic:
    """Whether scores tell images apart at all: where many are equal, an AUROC near one half may come of rounding."""
    name, tied = "scores differ", {}
    for outside, one in compared.items():
        for score, values in one.outside.items():
            ordered = np.sort(values)
            ends = [np.searchsorted(ordered, one.inside[score], side) for side in ("left", "right")]
            tied[f"auroc.{outside}.{score}"] = float((ends[1] - ends[0]).mean() / len(ordered))
    worst = max(tied, key=tied.__getitem__)
    told = f"of all pairs of {worst.removeprefix('auroc.')} {percent(tied[worst])} are equal"
    if tied[worst] <= _TIED:
        return Diagnostic(name, True, told)
    message = f"{told}: probabilities round to 1 where logits are large, and their order is lost; look at `energy`"
    return Diagnostic(name, False, message, deflates=tuple(name for name, part in tied.items() if part > _TIED))


def table(compared: Mapping[Outside, Compared], metrics: Mapping[str, Metric], rng: np.random.Generator) -> Table:
    """Every score of every outside: areas, with limits, and what passes."""
    rows: list[tuple[str | float, ...]] = []
    for name, one in compared.items():
        for score, outside in one.outside.items():
            inside, area = one.inside[score], metrics[f"auroc.{name}.{score}"]
            clusters = tuple(part.clusters for part in area.groups.values())
            spreads = familiarity.bootstrap(inside, outside, (clusters[0], clusters[1]), rng)
            found = familiarity.average_precision(inside, outside), familiarity.average_precision(-outside, -inside)
            aupr = [
                f"{number(value)} ({spread})" if spread else number(value)
                for value, spread in zip(found, spreads, strict=True)
            ]
            limits = " to ".join(map(number, interval(area, 0.95)))
            false = metrics[f"fpr_at_95_tpr.{name}.{score}"].value
            rows.append((WORDS[name], score.replace("_", " "), round(area.value, 4), limits, *aupr, round(false, 4)))
    title = "Inside or outside, by each score; areas under precision and recall with 95% bootstrap intervals"
    columns = ("outside", "score", "AUROC", "95% limits", "AUPR, inside found", "AUPR, outside found", "FPR at 95% TPR")
    return Table(title, columns, tuple(rows), shares=columns[-1:])


def confidences(compared: Mapping[Outside, Compared], inside: FloatArray) -> Curve:
    """Histograms of the greatest probability."""
    bins = 20
    found = {"inside": inside} | {WORDS[name]: one.outside["max_probability"] for name, one in compared.items()}
    shares = {name: np.histogram(values, bins, (0, 1))[0] / len(values) for name, values in found.items()}
    top = {name: float(values[-1]) for name, values in shares.items()}
    told = ", ".join(f"{percent(part)} of {name}" for name, part in top.items())
    return Curve(
        title="Confidence inside and outside",
        caption=f"Share of images by their greatest probability, in {bins} bins. In the last lie {told}.",
        alt=f"Histograms of confidence; in the highest of {bins} bins lie {told}.",
        x=(np.arange(bins) + 0.5) / bins,
        series=tuple(Series(name, values, n=np.full(bins, len(found[name]))) for name, values in shares.items()),
        x_label="greatest probability",
        y_label="share of images",
    )


def passing(compared: Mapping[Outside, Compared]) -> Curve:
    """Operating curves of the greatest probability: how many from outside pass where so many inside do."""
    x = np.linspace(0, 1, 101)
    series, told = [], []
    for name, one in compared.items():
        inside, outside = one.inside["max_probability"], one.outside["max_probability"]
        at = np.sort(inside)[::-1][np.maximum(np.ceil(x * len(inside)).astype(int) - 1, 0)]
        passes = np.where(x > 0, familiarity.passed(outside, at), 0.0)
        series.append(Series(WORDS[name], passes, n=np.full(len(x), len(outside))))
        told.append(f"{percent(passes[95])} of {WORDS[name]}")
    return Curve(
        title="What passes a threshold",
        caption="Share from outside that passes a threshold on the greatest probability, over the share of images "
        f"inside that pass it. Where 95% inside pass, so do {', '.join(told)}.",
        alt=f"Where 95% of images inside pass, so do {', '.join(told)}.",
        x=x,
        series=tuple(series),
        x_label="share inside that passes",
        y_label="share outside that passes",
        shares_along=True,
    )
