"""What every metric is measured on, as populations to draw audits from: their truth is known, so a pass can be false.

A population has the shape of real data: shares near 0 and 1, confidences that pile up at 1 with a rare one far off,
steps that are whole numbers, distances of which some were never found, classes of unequal size, votes of a few models
on the same image.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auditor.values import Metric, auroc, binned, crossing, highest, lowest, mean, median, proportion, spread

Draw = Callable[[np.random.Generator, int], Metric]


@dataclass(frozen=True)
class Population:
    """One population: how an audit of n samples of it is drawn, and the value its metric really has.

    fair: at how many samples its power is held against an oracle's, which knows the distribution; 0 where no rule for
    all distributions can do as well, as a rare value far off, which hasn't been seen, can't be ruled out.
    """

    name: str
    truth: float
    draw: Draw
    fair: int = 0


def _share(truth: float) -> Population:
    return Population(f"{truth:g} of all", truth, lambda rng, n: proportion(int(rng.binomial(n, truth)), n), fair=100)


def _values(
    name: str, points: list[float], shares: list[float], bounds: tuple[float, float], fair: int = 0
) -> Population:
    truth = float(np.dot(points, shares))
    return Population(name, truth, lambda rng, n: mean(rng.choice(points, n, p=shares), bounds), fair)


def _beta(a: float, b: float, most: float = 1.0, fair: int = 0) -> Population:
    truth = most * a / (a + b)
    return Population(
        f"skewed, beta({a:g}, {b:g})", truth, lambda rng, n: mean(most * rng.beta(a, b, n), (0.0, most)), fair
    )


def _votes(truth: float, models: int) -> Population:
    """Every image has a probability of its own to fool each of the models: votes on one image go together."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        own = rng.beta(2 * truth, 2 * (1 - truth), n)
        return mean(rng.binomial(models, own) / models, (0.0, 1.0))

    return Population(f"votes of {models} models, {truth:g} each", truth, draw, fair=100)


def _distances(never: float) -> Population:
    """Distances to the boundary, exponential, of which a share was never found; and ties, as they are rounded."""
    half = -np.log1p(-0.5 / (1 - never)) if never < 0.5 else np.inf

    def draw(rng: np.random.Generator, n: int) -> Metric:
        found = rng.exponential(size=n)
        return median(np.where(rng.random(n) < never, np.inf, found), (0.0, np.inf))

    return Population(f"distances, {never:g} never found", float(half), draw, fair=100 if never < 0.5 else 0)


def _ties() -> Population:
    points = np.array([0.0, 1.0, 2.0, 3.0])
    return Population(
        "tied values", 1.0, lambda rng, n: median(rng.choice(points, n, p=[0.3, 0.25, 0.3, 0.15]), (0.0, 3.0))
    )


def _worst(truths: list[float], sizes: list[float]) -> Population:
    """Classes of unequal size; n is that of all together, and a class may have no image."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        counts = rng.multinomial(n, sizes)
        return lowest(
            {
                str(i): proportion(int(rng.binomial(c, p)), int(c))
                for i, (p, c) in enumerate(zip(truths, counts, strict=True))
            }
        )

    return Population(f"worst of {len(truths)} classes, from {min(truths):g} to {max(truths):g}", min(truths), draw)


def _worst_kind(truths: list[float], severities: int) -> Population:
    """Kinds of corruption, all of them on the same images, of which some hold under more of everything than others."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        own = rng.random(n)  # of which the power 1 / p - 1 has the mean p
        hits = [rng.binomial(severities, own ** (1 / p - 1)) / severities for p in truths]
        return lowest({str(i): mean(values, (0.0, 1.0)) for i, values in enumerate(hits)})

    return Population(f"worst of {len(truths)} kinds on the same images", min(truths), draw)


def _best(truths: list[float]) -> Population:
    """Places in a stranger's order: every image stands at one of them."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        counts = rng.multinomial(n, truths)
        return highest({f"place {i + 1}": proportion(int(k), n) for i, k in enumerate(counts)})

    return Population(f"best of {len(truths)} places, {max(truths):g}", max(truths), draw)


def _widest(truths: list[float], sizes: list[float]) -> Population:
    """Groups of unequal size, of which the best and the worst are chosen after they were seen."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        counts = rng.multinomial(n, sizes)
        parts = zip(truths, counts, strict=True)
        return spread({str(i): proportion(int(rng.binomial(c, p)), int(c)) for i, (p, c) in enumerate(parts)})

    name = f"best from worst of {len(truths)} groups, from {min(truths):g} to {max(truths):g}"
    return Population(name, max(truths) - min(truths), draw)


def _crossing(shares: list[float], truth: float) -> Population:
    """An image holds up to a radius of its own; truth: where half are broken, somewhere between two radii asked for,
    before the first or past the last.
    """
    radii = [round(0.1 * (i + 1), 1) for i in range(len(shares))]

    def draw(rng: np.random.Generator, n: int) -> Metric:
        strength = rng.random(n)
        return crossing(radii, np.array([strength < share for share in shares]))

    name = f"{', '.join(f'{s:g}' for s in shares)} hold at 0.1, 0.2, 0.3; half at {truth:g}"
    return Population(name, truth, draw)


def _pairs(fall: float, rise: float) -> Population:
    def draw(rng: np.random.Generator, n: int) -> Metric:
        values = rng.choice([-1.0, 1.0, 0.0], n, p=[fall, rise, 1 - fall - rise])
        return Metric("difference", float(values.mean()), n, values=values)

    return Population(f"{fall:g} fall, {rise:g} rise", rise - fall, draw, fair=100 if min(fall, rise) > 0.01 else 0)


def _gap(now: float, before: float, attacked: float) -> Population:
    """Shares of those attacked, which are others in each run."""

    def draw(rng: np.random.Generator, n: int) -> Metric:
        parts = {}
        for name, share in (("now", now), ("before", before)):
            count = max(1, int(rng.binomial(n, attacked)))
            parts[name] = proportion(int(rng.binomial(count, share)), count)
        return Metric("gap", parts["now"].value - parts["before"].value, n, groups=parts)

    return Population(f"{before:g} of those attacked before, {now:g} now", now - before, draw)


def _calibration(confidences: list[float], right: list[float], shares: list[float]) -> Population:
    """Confidences, how often images of each are right, and how many there are; a bin may hold several."""
    at, true, of = map(np.array, (confidences, right, shares))
    bins = np.minimum((at * 15).astype(int), 14)
    truth = float(np.abs(np.bincount(bins, of * (at - true))).sum())

    def draw(rng: np.random.Generator, n: int) -> Metric:
        kind = rng.choice(len(at), n, p=of)
        return binned(at[kind] - (rng.random(n) < true[kind]), bins[kind], [str(i) for i in range(15)])

    return Population(f"calibration, off by {truth:.2g}", truth, draw)


def _ranks(name: str, above: list[float], below: list[float], times: int = 1) -> Population:
    """Scores inside and outside, drawn from a few values each; `times` as many outside."""
    truth = float(np.mean([(a > b) + (a == b) / 2 for a in above for b in below]))

    def draw(rng: np.random.Generator, n: int) -> Metric:
        inside, outside = mean(rng.choice(above, n)), mean(rng.choice(below, n * times))
        return auroc(("inside", inside), ("outside", outside))

    return Population(f"{name}, {truth:.3g}", truth, draw)


# --- the shapes

SHAPES: dict[str, tuple[Population, ...]] = {
    "share": tuple(map(_share, (0.5, 0.02, 0.99))),
    "confidence": (
        _values("one in a hundred far off", [1.0, 0.0], [0.99, 0.01], (0.0, 1.0)),
        _values("one in a hundred at 0.1, the others near 1", [0.99, 0.999, 0.1], [0.3, 0.69, 0.01], (0.0, 1.0)),
        _beta(20, 1),
        _beta(0.3, 0.3, fair=100),
    ),
    "calibration": (
        _calibration([0.99, 0.95, 0.5], [0.99, 0.95, 0.5], [0.9, 0.05, 0.05]),
        _calibration([0.999, 0.3], [0.99, 0.3], [0.99, 0.01]),
        _calibration([0.97, 0.94, 0.62, 0.3], [0.8, 0.99, 0.5, 0.5], [0.4, 0.2, 0.2, 0.2]),
        _calibration([(i + 0.5) / 15 for i in range(15)], [(i + 0.5) / 15 for i in range(15)], [1 / 15] * 15),
        _calibration([1.0], [0.0], [1.0]),
    ),
    "steps": (
        _values("most at the first, few at the last", [1.0, 2.0, 3.0, 20.0], [0.8, 0.12, 0.06, 0.02], (0.0, 20.0)),
        _values("all at the last", [20.0], [1.0], (0.0, 20.0)),
    ),
    "unbounded": (Population("lognormal", 1.6487212707, lambda rng, n: mean(rng.lognormal(size=n))),),
    "norm": (_beta(2, 30, 28.0), _values("a mass at the bound", [0.3, 0.29], [0.9, 0.1], (0.0, 0.3))),
    "votes": (_votes(0.7, 3), _votes(0.05, 2)),
    "distance": (_distances(0.0), _distances(0.3), _distances(0.6), _ties()),
    "worst class": (
        _worst([0.99, 0.99, 0.5], [0.5, 0.48, 0.02]),
        _worst([0.9] * 10, [0.1] * 10),
        _worst([0.95, 0.9, 0.85], [0.6, 0.3, 0.1]),
    ),
    "worst kind": (_worst_kind([0.9] * 5, 5), _worst_kind([0.95, 0.9, 0.5], 3)),
    "drop": (
        _values(
            "most lose nothing, few all, some gain", [0.0, 1.0, 0.2, -0.2], [0.8, 0.05, 0.1, 0.05], (-1.0, 1.0), 100
        ),
    ),
    "best place": (_best([0.1] * 10), _best([0.6, 0.2, 0.1, 0.1])),
    "gap of groups": (
        _widest([0.9] * 6, [1 / 6] * 6),
        _widest([0.95, 0.9, 0.6], [0.6, 0.3, 0.1]),
        _widest([0.99, 0.5], [0.5, 0.5]),
    ),
    "every group": (_worst([0.9] * 6, [1 / 6] * 6), _worst([0.97, 0.95, 0.8], [0.7, 0.25, 0.05])),
    "radius": (
        _crossing([0.9, 0.5, 0.2], 0.3),
        _crossing([0.9, 0.49, 0.2], 0.1),
        _crossing([0.9, 0.2, 0.1], 0.11),
        _crossing([0.49, 0.3, 0.2], 0.05),
        _crossing([0.9, 0.8, 0.7], 0.35),
    ),
    "ranks": (
        _ranks("apart but for a few", [0.9, 0.99, 1.0, 1.0, 0.6], [0.1, 0.2, 0.3, 0.7]),
        _ranks("alike", [i / 20 for i in range(20)], [i / 20 for i in range(20)]),
        _ranks("many ties, more outside", [1.0, 1.0, 1.0, 0.5], [1.0, 0.5, 0.2], times=5),
        _ranks("all inside lie below or above all outside", [0.0] + [1.0] * 19, [0.5]),
    ),
    "paired share": tuple(_pairs(*p) for p in ((0.01, 0.0), (0.02, 0.02), (0.1, 0.05), (0.3, 0.29), (0.0, 0.01))),
    "unpaired share": (_gap(0.9, 0.1, 0.5), _gap(0.5, 0.5, 0.9)),
}

# --- which metric has which shape: (what is random, of which population, shape)

_IMAGES = ("which images are in the data", "images like these")
_NOISE = ("the noise images", "noise by other seeds")
_BYTES = ("the noise images", "messages in other noise")

_CORRUPTED = ("which images, and what is random in their corruption", "images like these")

METRICS: dict[str, dict[str, tuple[str, str, str]]] = {
    "accuracy": {
        "accuracy": (*_IMAGES, "share"),
        "accuracy.*": ("which images of the class are in the data", "images like these, of that class", "share"),
        "worst_class_accuracy": (*_IMAGES, "worst class"),
        "top_accuracy": (*_IMAGES, "share"),
        "precision.*": ("which images called so are in the data", "images like these, called so", "share"),
        "confidence": (*_IMAGES, "confidence"),
    },
    "calibration": {
        "ece": (*_IMAGES, "calibration"),
        "overconfidence": (*_IMAGES, "confidence"),
        "brier": (*_IMAGES, "confidence"),
        "nll": (*_IMAGES, "unbounded"),
        "accuracy": (*_IMAGES, "share"),
        "confidence": (*_IMAGES, "confidence"),
        "ece_unscaled": ("which images are in the other half of the data", "images like these", "calibration"),
        "ece_scaled": ("the same, the temperature being what it is", "images like these", "calibration"),
    },
    "corruptions": {
        "corrupted_accuracy": (*_CORRUPTED, "votes"),
        "corrupted_accuracy.*": (*_CORRUPTED, "votes"),
        "worst_corruption_accuracy": (*_CORRUPTED, "worst kind"),
        "accuracy_drop": (*_CORRUPTED, "drop"),
        "gain_over_baseline": (*_CORRUPTED, "drop"),
        "clean_accuracy": (*_IMAGES, "share"),
        "accuracy_at.*": (*_CORRUPTED, "share"),
    },
    "out_of_distribution": {
        "certain.*": ("which images outside are looked at, or drawn", "images from there", "share"),
        "auroc.*": ("which images inside and outside", "one image like these and one from there", "ranks"),
        "fpr_at_95_tpr.*": ("which images outside, the threshold being what it is", "images from there", "share"),
    },
    "data_quality": {
        "shortcut_auroc": (
            "which images are in the other half of the data",
            "one image of the class, one not",
            "ranks",
        ),
    },
    "stability": {
        "same.*": (*_IMAGES, "share"),
        "drift.*": (*_IMAGES, "confidence"),
    },
    "spatial": {
        "robust_accuracy": ("which images, and what is drawn for each", "images like these", "share"),
        "grid_accuracy": (*_IMAGES, "share"),
        "mean_accuracy": ("which images, and what is drawn for each", "images like these", "votes"),
        "clean_accuracy": (*_IMAGES, "share"),
    },
    "digit_flip": {
        "flip_rate": (*_IMAGES, "share"),
        "end_confidence": (*_IMAGES, "confidence"),
        "l2": (*_IMAGES, "norm"),
        "linf": (*_IMAGES, "norm"),
        "steps_to_flip": ("which images that flip are in the data", "images like these that flip", "steps"),
        "vanished": (*_IMAGES, "confidence"),
    },
    "noise_to_target": {
        "success_rate": (*_NOISE, "share"),
        "success_rate.*": (*_NOISE, "share"),
        "start_confidence": (*_NOISE, "confidence"),
        "end_confidence": (*_NOISE, "confidence"),
        "end_confidence.*": (*_NOISE, "confidence"),
        "steps_needed": ("the noise images that end as the target", "such noise by other seeds", "steps"),
        "vanished": (*_NOISE, "confidence"),
        "vanished.*": (*_NOISE, "confidence"),
        "stalled": (*_NOISE, "share"),
    },
    "transfer": {
        "transfer_rate": (*_IMAGES, "votes"),
        "transfer_rate.*": (*_IMAGES, "share"),
        "still_wrong_rate": (*_IMAGES, "votes"),
        "still_wrong_rate.*": (*_IMAGES, "share"),
        "control_target_rate": ("which images, and the random changes", "images like these", "votes"),
        "control_wrong_rate": ("which images, and the random changes", "images like these", "votes"),
    },
    "covert_message": {
        "owner_recovered": (*_BYTES, "share"),
        "stranger_recovered": (*_BYTES, "best place"),
        "stranger_recovered.*": (*_BYTES, "best place"),
        "owner_digits": (*_BYTES, "share"),
        "stranger_digits.*": (*_BYTES, "best place"),
    },
    "robust_accuracy": {
        "robust_accuracy": (*_IMAGES, "share"),
        "clean_accuracy": (*_IMAGES, "share"),
        "attack_success_rate": ("which images that are right are in the data", "such images", "share"),
        "targeted_robust_accuracy": (
            "which images of other classes are in the data",
            "images like these, of other classes",
            "share",
        ),
        "targeted_success_rate": ("which images that are right are in the data", "such images", "share"),
        "distance": ("which images that are broken are in the data", "images like these that are broken", "norm"),
    },
    "security_curve": {
        "robust_accuracy.*": (*_IMAGES, "share"),
        "clean_accuracy": (*_IMAGES, "share"),
        "half_eps": (*_IMAGES, "radius"),
    },
    "minimal_perturbation": {
        "median_distance": ("which images that are right are in the data", "such images", "distance"),
        "targeted_median_distance": ("which images of other classes are in the data", "such images", "distance"),
        "found": ("which images that are right are in the data", "such images", "share"),
        "targeted_found": ("which images of other classes are in the data", "such images", "share"),
        "clean_accuracy": (*_IMAGES, "share"),
    },
}
