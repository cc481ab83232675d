"""What else is said of a classifier's answers: precision, recall, F1, balanced accuracy, kappa, areas under curves.

All but the precision of a class are functions of several counts, for which no interval keeps its level whatever the
distribution: they describe, with bootstrap intervals, and no gate rests on them.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.resampling import resampled, spread
from auditor.values import FloatArray, IntArray, Table

_RESAMPLES = 500
_MOST_CELLS = 10_000_000  # of images times classes, beyond which ranking every class takes too long


def _counts(labels: IntArray, predicted: IntArray, classes: int) -> tuple[IntArray, IntArray, IntArray]:
    """Of each class (K,): how often it was right, true, and answered."""
    right = np.bincount(labels[labels == predicted], minlength=classes)
    return right, np.bincount(labels, minlength=classes), np.bincount(predicted, minlength=classes)


def averages(labels: IntArray, predicted: IntArray, classes: int) -> dict[str, float]:
    """Averages over classes that have images or were answered, as scikit-learn counts them (0 for 0 of 0).

    Balanced accuracy is over classes with images. Cohen, A Coefficient of Agreement for Nominal Scales, 1960 (kappa).
    """
    right, true, answered = _counts(labels, predicted, classes)
    seen = (true > 0) | (answered > 0)
    right, true, answered = right[seen], true[seen], answered[seen]
    precision, recall = right / np.maximum(answered, 1), right / np.maximum(true, 1)
    f1 = 2 * right / (true + answered)
    n = len(labels)
    by_chance = float(true @ answered) / n**2
    agreed = float(right.sum()) / n
    return {
        "precision, macro": float(precision.mean()),
        "recall, macro": float(recall.mean()),
        "F1, macro": float(f1.mean()),
        "precision, weighted": float(np.average(precision, weights=true)),
        "F1, weighted": float(np.average(f1, weights=true)),
        "balanced accuracy": float(recall[true > 0].mean()),
        "Cohen's kappa": (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0,
    }


def among(logits: FloatArray, labels: IntArray, top: int) -> NDArray[np.bool_]:
    """Whether the true class (N,) is among the `top` highest of logits (N, K); of equal ones the first ranks higher."""
    own = logits[np.arange(len(labels)), labels][:, None]
    before = (logits == own) & (np.arange(logits.shape[1]) < labels[:, None])
    found: NDArray[np.bool_] = ((logits > own) | before).sum(axis=1) < top
    return found


def area_under_curve(told: FloatArray, labels: IntArray) -> float:
    """Area under the ROC curve, one class against the rest, mean of classes that have images, and others (macro).

    told: (N, K). By ranks: Hanley and McNeil, Radiology 1982. NaN where no class has a rest, or there are too many.
    """
    from scipy.stats import rankdata

    count, classes = told.shape
    sizes = np.bincount(labels, minlength=classes)
    there = np.flatnonzero((sizes > 0) & (sizes < count))
    if not there.size or count * there.size > _MOST_CELLS:
        return float("nan")
    ranks = rankdata(told[:, there], axis=0)
    own = np.array([ranks[labels == c, i].sum() for i, c in enumerate(there)])
    m = sizes[there]
    return float(((own - m * (m + 1) / 2) / (m * (count - m))).mean())


def table(
    labels: IntArray,
    predicted: IntArray,
    told: FloatArray | None,
    classes: int,
    clusters: IntArray | None,
    rng: np.random.Generator,
) -> Table:
    """All of it, with 95% percentile bootstrap intervals where they are cheap; told: (N, K) probabilities.

    clusters: (N,) which samples belong together, as a metric has them.
    """
    drawn = [
        averages(labels[chosen], predicted[chosen], classes)
        for chosen in resampled(len(labels), clusters, rng, _RESAMPLES)
    ]
    rows: list[tuple[str | float, ...]] = []
    for name, value in averages(labels, predicted, classes).items():
        rows.append((name, round(value, 4), spread([one[name] for one in drawn])))
    area = float("nan") if told is None else area_under_curve(told, labels)
    if np.isfinite(area):
        rows.append(("area under the ROC curve, one against the rest, macro", round(area, 5), ""))
    return Table("Scores of all classes together", ("score", "value", "95% bootstrap"), tuple(rows))
