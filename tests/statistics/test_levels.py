"""Every metric of every check keeps its level: a small version of `python -m tests.benchmarks.coverage`."""

from pathlib import Path

import numpy as np
import pytest

from auditor import catalog
from tests.benchmarks.coverage import metrics
from tests.statistics.populations import METRICS, SHAPES
from tests.statistics.simulation import RISK, simulate, tolerance

_AUDITS = {2: 300, 5: 300, 20: 200, 100: 100, 1000: 25}
CASES = [(shape, population) for shape, group in SHAPES.items() for population in group]
FAIR = [case for case in CASES if case[1].fair]


def _named(cases):
    return [f"{shape}: {population.name}" for shape, population in cases]


def test_every_metric_with_a_chance_in_it_says_what_it_is_drawn_from():
    """A new check, or a new metric of one, is given a shape in `populations.METRICS`, and is simulated below."""
    missing = [
        f"{check}: {name}"
        for check in catalog.names("checks")
        for name, info in catalog.metrics_of(check).items()
        if info.kind != "exact" and name not in METRICS.get(check, {})
    ]
    told = [(check, name) for check, metrics in METRICS.items() for name in metrics]
    assert all(catalog.metrics_of(check)[name].kind != "exact" for check, name in told), (
        "what is exact has no chance in it"
    )
    assert not missing, f"give these a shape in tests/statistics/populations.py: {', '.join(missing)}"
    assert {shape for metrics in METRICS.values() for *_, shape in metrics.values()} <= SHAPES.keys()


@pytest.mark.parametrize(("shape", "population"), CASES, ids=_named(CASES))
def test_a_false_claim_passes_no_more_often_than_promised(shape, population):
    for n, audits in _AUDITS.items():
        outcome = simulate(population, n, audits)
        most = RISK + tolerance(audits)
        assert outcome.above <= most, f"n = {n}: a floor just above the truth passes in {outcome.above:.1%}"
        assert outcome.below <= most, f"n = {n}: a ceiling just below the truth passes in {outcome.below:.1%}"


@pytest.mark.parametrize(("shape", "population"), FAIR, ids=_named(FAIR))
def test_a_true_claim_passes_nearly_as_often_as_an_oracle_s(shape, population):
    """An oracle that knows the distribution passes nine times in ten."""
    outcome = simulate(population, population.fair, 60)
    assert np.isfinite(outcome.floors)
    assert min(outcome.floors, outcome.ceilings) >= 0.3, outcome


def test_the_documentation_has_every_metric():
    """`python -m tests.benchmarks.coverage` writes it anew."""
    page = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()
    assert [row for row in metrics() if "| " + " | ".join(row) + " |" not in page] == []
