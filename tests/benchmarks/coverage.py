"""How often intervals hold the truth, over simulated audits: `python -m tests.benchmarks.coverage`."""

from collections.abc import Callable, Iterator

import numpy as np

from auditor.core import Metric, mean, median, proportion
from auditor.intervals import interval
from tests.benchmarks._report import run_parts, show

_NOMINAL = 0.95


def shares(truth: float, n: int) -> Callable[[np.random.Generator], Metric]:
    """Audits of n images, each right with probability `truth`."""
    return lambda rng: proportion(int(rng.binomial(n, truth)), n)


def differences(fall: float, rise: float, n: int) -> Callable[[np.random.Generator], Metric]:
    """Audits of n images beside a baseline."""

    def draw(rng: np.random.Generator) -> Metric:
        values = rng.choice([-1.0, 1.0, 0.0], n, p=[fall, rise, 1 - fall - rise])
        return Metric("difference", float(values.mean()), n, values=values)

    return draw


def settings() -> Iterator[tuple[str, str, float, Callable[[np.random.Generator], Metric]]]:
    """What is simulated: name, interval, truth, and one audit."""
    for truth, n in ((0.5, 30), (0.97, 100), (0.02, 250), (0.995, 1000)):
        for method in ("exact", "wilson"):
            yield f"proportion {truth:g}, n = {n}", method, truth, shares(truth, n)
    for fall, rise, n in ((0.02, 0.02, 200), (0.1, 0.05, 100), (0.005, 0.001, 500), (0.03, 0.01, 1000)):
        for method in ("exact", "wilson"):
            name = f"paired difference, {fall:g} fall and {rise:g} rise, n = {n}"
            yield name, method, rise - fall, differences(fall, rise, n)
    yield "mean, uniform, n = 60", "bootstrap", 0.5, lambda rng: mean(rng.random(60), (0.0, 1.0))
    yield "mean, exponential, n = 200", "bootstrap", 1.0, lambda rng: mean(rng.exponential(size=200))
    yield (
        "median, exponential, n = 41",
        "order statistics",
        float(np.log(2)),
        lambda rng: median(rng.exponential(size=41)),
    )


def simulate(audits: int) -> None:
    """Print how often each 95% interval holds the truth, and on which side it misses it."""
    rows = []
    for name, method, truth, draw in settings():
        rng = np.random.default_rng(0)
        found = np.array([interval(draw(rng), _NOMINAL, method) for _ in range(audits)])
        above, below = (found[:, 0] > truth + 1e-12).mean(), (found[:, 1] < truth - 1e-12).mean()
        width = float((found[:, 1] - found[:, 0]).mean())
        rows.append((name, method, f"{1 - above - below:.4f}", f"{above:.4f}", f"{below:.4f}", f"{width:.4f}"))
    show(
        f"95% intervals over {audits} simulated audits",
        ("audit", "interval", "holds the truth", "lies above", "lies below", "mean width"),
        rows,
    )


if __name__ == "__main__":
    run_parts(__doc__, {"coverage": simulate}, "--audits", 2000, "how many audits to simulate of each kind")
