"""Audits of a population, over and over: how often a gate would pass falsely, and how often it would pass at all."""

from dataclasses import dataclass

import numpy as np

from auditor.statistics.intervals import limits
from tests.statistics.populations import Population

RISK = 0.05
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Outcome:
    """Of many audits: the share that pass a floor just above the truth, and a ceiling just below it; and the share
    that pass a floor, and a ceiling, that an oracle who knows the distribution passes nine times in ten.
    """

    above: float
    below: float
    floors: float
    ceilings: float


def simulate(population: Population, n: int, audits: int, seed: int = 0) -> Outcome:
    """Draw `audits` audits of n samples each, by a seed."""
    rng, truth = np.random.default_rng(seed), population.truth
    drawn = [population.draw(rng, n) for _ in range(audits)]
    ends = np.array([limits(metric, RISK) for metric in drawn])
    slack = _ROUNDING * max(1.0, abs(truth)) if np.isfinite(truth) else 0.0
    above, below = (ends[:, 0] > truth + slack).mean(), (ends[:, 1] < truth - slack).mean()
    values = np.array([metric.value for metric in drawn])
    if not (np.isfinite(truth) and np.isfinite(values).all()):
        return Outcome(float(above), float(below), np.nan, np.nan)
    off = values - truth
    # An oracle's limit lies a known quantile of the estimate's error away; its margin is what it passes at 90%.
    high, low = np.quantile(off, [1 - RISK, RISK], method="higher")
    floor, ceiling = truth - high + np.quantile(off, 0.1), truth - low + np.quantile(off, 0.9)
    return Outcome(
        float(above),
        float(below),
        float((ends[:, 0] >= floor - slack).mean()),
        float((ends[:, 1] <= ceiling + slack).mean()),
    )


def tolerance(audits: int, sigmas: float = 4.0) -> float:
    """How far a simulated share may lie above a true one of `RISK`."""
    return sigmas * float(np.sqrt(RISK * (1 - RISK) / audits))
