"""Processes in clusters for what is no mean over images: ranks, a patient on both sides, and calibration errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from auditor.statistics import limits
from auditor.values import Metric, auroc, binned, in_clusters, mean
from tests.statistics.clustered import Held

BINS = 10


@dataclass(frozen=True)
class Drawn:
    """One audit: its metric, made when asked, and the cluster of every row."""

    metric: Callable[[], Metric]
    clusters: Mapping[int, int]


@dataclass(frozen=True)
class Process:
    """Clusters drawn anew for every audit. truth: of images of other patients, all there could be."""

    name: str
    truth: float
    draw: Callable[[np.random.Generator], Drawn]


def _ranks(inside: np.ndarray, outside: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Drawn:
    """Scores inside and outside, and the cluster of each."""
    rows = np.arange(inside.size + outside.size)
    known = dict(zip(rows.tolist(), np.concatenate([ours, theirs]).tolist(), strict=True))
    here, there = rows[: inside.size], rows[inside.size :]
    return Drawn(lambda: auroc(("in", mean(inside, rows=here)), ("out", mean(outside, rows=there))), known)


def _patients(
    count: int,
    size: Callable[[np.random.Generator, int], np.ndarray],
    apart: float,
    level: float,
    noise: float,
    opposite: bool = False,
    both: bool = True,
) -> Process:
    """Scores around a level of each patient, higher by `apart` inside. both: whether patients are on both sides."""

    def draw(rng: np.random.Generator) -> Drawn:
        ours = np.repeat(np.arange(count), size(rng, count))
        theirs = np.repeat(np.arange(count), size(rng, count)) + (0 if both else count)
        levels = rng.normal(0, level, 2 * count)
        inside = apart + levels[ours] + rng.normal(0, noise, ours.size)
        outside = (-1 if opposite else 1) * levels[theirs] + rng.normal(0, noise, theirs.size)
        return _ranks(inside, outside, ours, theirs)

    where = "on both sides" if both else "on either side"
    told = (
        f"ranks: {count} patients {where}, {'opposite levels' if opposite else 'levels'} of {level:g}, {apart:g} apart"
    )
    return Process(told, float(norm.cdf(apart / np.sqrt(2 * (level**2 + noise**2)))), draw)


def _equal(size: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, count: np.full(count, size)  # noqa: ARG005


def _uneven(size: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, count: rng.geometric(1 / size, count)


def _turned(rng: np.random.Generator) -> Drawn:
    """Of one patient in 20 the scores are the wrong way round, beyond all others."""
    clusters = np.repeat(np.arange(30), 10)
    turned = (rng.random(30) < 0.05)[clusters]
    return _ranks(np.where(turned, -1.0, 1.0), np.where(turned, 2.0, 0.0), clusters, clusters)


def _large_are_hard(rng: np.random.Generator) -> Drawn:
    large = rng.random(40) < 0.25
    clusters = np.repeat(np.arange(40), np.where(large, 30, 6))
    inside = np.where(large, 0.3, 2.0)[clusters] + rng.normal(size=clusters.size)
    return _ranks(inside, rng.normal(size=clusters.size), clusters, clusters)


def _calibration(
    count: int, size: Callable[[np.random.Generator, int], np.ndarray], off: float, level: float
) -> Process:
    """Of confidences from 0.5 to 0.95 a share right that is lower by `off`, give or take a patient's own `level`."""

    def draw(rng: np.random.Generator) -> Drawn:
        clusters = np.repeat(np.arange(count), size(rng, count))
        sure = np.clip(rng.choice([0.55, 0.65, 0.75, 0.85, 0.95], clusters.size), 0, 1)
        moved = np.where(rng.random(count) < 0.5, level, -level)[clusters]
        right = rng.random(clusters.size) < np.clip(sure - off + moved, 0, 1)
        rows = np.arange(clusters.size)
        names = [str(i) for i in range(BINS)]
        known = dict(zip(rows.tolist(), clusters.tolist(), strict=True))
        return Drawn(lambda: binned(sure - right, (sure * BINS).astype(int), names, rows), known)

    chances = np.array(
        [[np.clip(sure - off + side * level, 0, 1) for side in (1, -1)] for sure in np.arange(55, 96, 10) / 100]
    )
    truth = float(np.abs(np.arange(55, 96, 10) / 100 - chances.mean(axis=1)).mean())
    sizes = "" if np.ptp(size(np.random.default_rng(0), 20)) == 0 else "uneven "
    return Process(f"calibration: {count} {sizes}patients, off by {truth:.2g}, their own by {level:g}", truth, draw)


PROCESSES = (
    _patients(20, _equal(10), 1.5, 1.0, 1.0, both=False),
    _patients(20, _equal(10), 1.5, 1.0, 1.0),
    _patients(20, _equal(10), 1.5, 1.0, 1.0, opposite=True),
    _patients(8, _equal(10), 1.0, 10.0, 0.1),
    _patients(100, _equal(4), 1.0, 10.0, 0.1),
    _patients(60, _uneven(5), 1.5, 1.0, 1.0),
    Process("ranks: 30 patients, one in 20 the wrong way round", 0.95**2, _turned),
    Process(
        "ranks: 40 patients, of which the large are hard",
        float((7.5 * norm.cdf(0.3 / 2**0.5) + 4.5 * norm.cdf(2 / 2**0.5)) / 12),
        _large_are_hard,
    ),
    _calibration(30, _equal(20), 0.0, 0.3),
    _calibration(30, _equal(20), 0.2, 0.3),
    _calibration(100, _equal(10), 0.1, 0.05),
    _calibration(60, _uneven(8), 0.2, 0.3),
)


def held(process: Process, together: bool, audits: int) -> Held:
    """Draw so many audits, the same ones each time. together: whether limits are those of clusters."""
    rng = np.random.default_rng([2026, PROCESSES.index(process)])
    both, one = [], []
    for _ in range(audits):
        drawn = process.draw(rng)
        with in_clusters(drawn.clusters if together else None):
            metric = drawn.metric()
        both.append(limits(metric, 0.025))
        one.append(limits(metric, 0.05))
    (low, high), (floor, ceiling) = np.array(both).T, np.array(one).T
    slack = 1e-9
    inside = (low <= process.truth + slack) & (process.truth <= high + slack)
    above, below = floor > process.truth + slack, ceiling < process.truth - slack
    return Held(float(inside.mean()), float(above.mean()), float(below.mean()), float((high - low).mean()))
