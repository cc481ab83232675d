"""security_curve"""

from dataclasses import replace

import numpy as np

from auditor.checks.security_curve import Params, run
from auditor.judging.verdict import judge
from auditor.search.shown import ready
from auditor.values import Expectation
from tests.support import LinearClassifier, context, samples


def test_accuracy_never_rises_with_the_radius(networks, digits):
    params = Params(
        eps=[0.3, 0.05, 0.1, 0.2], samples=100, attacks=[{"attack": "apgd", "steps": 10}, {"attack": "fgsm"}]
    )
    evidence = run(context(networks["cnn"], digits), params)
    values = [evidence.metrics[f"robust_accuracy.{eps}"].value for eps in (0.05, 0.1, 0.2, 0.3)]
    assert values == sorted(values, reverse=True)
    assert values[0] <= evidence.metrics["clean_accuracy"].value
    assert values[-1] == 0
    assert evidence.metrics["half_eps"].value in (0.1, 0.2)
    worst, quick, rival = evidence.figures[0].series
    assert (worst.y <= quick.y).all()
    assert (rival.y <= worst.y).all()
    assert rival.name == "surrogate, on what held"
    np.testing.assert_array_equal(evidence.figures[0].x, [0, 0.05, 0.1, 0.2, 0.3])


def test_a_sweep_is_traced_once(networks, digits):
    def sweep(*radii):
        attacks = [{"attack": "pgd", "steps": 3}]
        run(context(networks["regression"], digits), Params(eps=list(radii), samples=20, attacks=attacks))
        return ready.cache_info().misses

    traced = sweep(0.01, 0.02)
    assert sweep(*(i / 100 for i in range(3, 11))) == traced


def test_a_network_that_holds_at_every_radius_has_its_half_beyond_the_last():
    """Constant logits: nothing moves it, and `half_eps: {min: 0.01}` holds."""
    flat = LinearClassifier(np.zeros((36, 3), np.float32), np.array([1.0, 0.0, 0.0], np.float32))
    data = samples()
    data = replace(data, labels=np.zeros_like(data.labels))
    evidence = run(context(flat, data), Params(eps=[0.1, 0.2], attacks=[{"attack": "pgd", "steps": 2}]))
    assert evidence.metrics["half_eps"].value == np.inf
    verdict = judge({"half_eps": evidence.metrics["half_eps"]}, [Expectation("half_eps", min=0.01)], 0.95)
    assert verdict.status == "pass"
    assert "at least half at every radius" in evidence.summary
