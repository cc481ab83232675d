"""robust_accuracy"""

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from auditor.checks import transfer
from auditor.checks.robust_accuracy import Params, run
from auditor.search.norms import distance
from auditor.values import CheckError
from tests.support import context


@pytest.mark.slow
def test_a_plain_network_falls(networks, digits):
    """PGD-40 finds 0.65 to 0.67, 0.04 and 0.00 at 0.1, 0.2, 0.3 on such networks, in every library."""
    measured = {
        eps: run(
            context(networks["cnn"], digits),
            Params(eps=eps, samples=100, attacks=[{"attack": "apgd", "steps": 40}]),
        ).metrics
        for eps in (0.0, 0.1, 0.3)
    }
    found = {eps: metrics["robust_accuracy"].value for eps, metrics in measured.items()}
    assert found[0.0] == measured[0.0]["clean_accuracy"].value
    assert 0.5 < found[0.1] < 0.75
    assert found[0.3] == 0


def test_what_is_counted_lies_in_the_ball_and_is_wrong(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(eps=0.15, samples=100))
    made = evidence.adversarial
    said = networks["cnn"].predict(made.images).argmax(axis=1)
    np.testing.assert_array_equal(said != made.labels, made.fooled)
    assert (distance(made.images, made.originals, "linf") <= 0.15).all()
    held = evidence.metrics["robust_accuracy"]
    assert held.successes == evidence.metrics["clean_accuracy"].successes - made.fooled.sum()
    assert held.n == 100


def test_attacks_work_on_what_is_left(networks, digits):
    choices = [{"attack": "fgsm"}, {"attack": "pgd", "steps": 20}, {"attack": "square", "steps": 20}]
    evidence = run(context(networks["cnn"], digits), Params(eps=0.1, samples=100, attacks=choices))
    rows = evidence.tables[0].rows
    assert [row[0].split()[0] for row in rows] == ["fgsm", "pgd", "square", "surrogate", "inner"]
    for before, after in itertools.pairwise(rows[:4]):
        assert after[1] == before[1] - before[2]
    assert 0 < rows[4][1] < rows[3][1] / 2  # a quarter, as more than a few held
    assert rows[-1][3] == evidence.metrics["robust_accuracy"].value


def test_images_that_stopped_early_are_refused_by_transfer(networks, digits):
    params = {"eps": 0.3, "samples": 50, "attacks": [{"attack": "pgd", "steps": 20}]}
    for full, others in ((False, None), (True, 0.8)):
        made = run(context(networks["cnn"], digits), Params(full_length=full, **params)).adversarial
        here = context(networks["cnn"], digits, networks, made=made)
        onto = transfer.Params(adversarial="made", onto=["retrained-1"])
        if others is None:
            with pytest.raises(CheckError, match="with `full_length: true`"):
                transfer.run(here, onto)
        else:
            assert transfer.run(here, onto).metrics["still_wrong_rate"].value > others


def test_a_target(networks, digits):
    evidence = run(context(networks["cnn"], digits), Params(eps=0.3, samples=60, target=3))
    made = evidence.adversarial
    assert (made.labels != 3).all()
    assert (networks["cnn"].predict(made.images[made.fooled]).argmax(axis=1) == 3).all()
    assert made.fooled.mean() > 0.8


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"eps": 1.5}, "beyond the box"),
        ({"eps": 29, "norm": "l2"}, "in l2 no two images are further apart than 28"),
        ({"eps": 785, "norm": "l0", "attacks": [{"attack": "fmn"}]}, "further apart than 784; `eps` counts values"),
        ({"eps": 0.1, "target": 10}, "target 10 is no class"),
    ],
)
def test_what_cannot_be_attacked(networks, digits, params, told):
    with pytest.raises(CheckError, match=told):
        run(context(networks["cnn"], digits), Params(**params))


@pytest.mark.parametrize(
    "params",
    [
        {"eps": -0.1},
        {"eps": 0.1, "norm": "l7"},
        {"eps": 0.1, "attacks": []},
        {"eps": 0.1, "attacks": [{"attack": "pgdd"}]},
        {"eps": 0.1, "attacks": [{"attack": "pgd", "steps": 0}]},
        {"eps": 0.1, "attacks": [{"attack": "pgd", "step_size": 0}]},
        {"eps": 0.1, "attacks": ["pgd"]},
    ],
)
def test_parameters_that_make_no_sense(params):
    with pytest.raises(ValidationError):
        Params(**params)


def test_autoattack_is_its_stages_each_on_what_is_left(networks, digits):
    choice = {"attack": "autoattack", "steps": 10, "rivals": 3, "queries": 30}
    evidence = run(context(networks["cnn"], digits), Params(eps=0.1, samples=60, attacks=[choice]))
    rows = evidence.tables[0].rows
    assert [row[0] for row in rows[:5]] == [
        "apgd (10 steps, scaled_ce)",
        "apgd (10 steps, dlr, 3 rivals)",
        "fab (10 steps, margin, 3 rivals)",
        "square (30 steps, margin)",
        "surrogate (answers alone)",
    ]
    assert rows[5][0].startswith("inner layer (")
    for before, after in itertools.pairwise(rows[:5]):
        assert after[1] == before[1] - before[2]
    # Few held, so that the rest of the manners are tried on all of them.
    assert [row[0] for row in rows[6:]] == [f"{row[0]}, in every manner" for row in rows[4:6]]
    assert all(row[1] <= rows[4][1] - rows[4][2] for row in rows[5:])
    alone = run(
        context(networks["cnn"], digits), Params(eps=0.1, samples=60, attacks=[{"attack": "apgd", "steps": 10}])
    )
    assert evidence.metrics["robust_accuracy"].value <= alone.metrics["robust_accuracy"].value


def test_an_attack_that_seeks_the_closest_counts_within_the_radius(networks, digits):
    evidence = run(
        context(networks["cnn"], digits), Params(norm="l2", eps=1.5, samples=60, attacks=[{"attack": "ddn"}])
    )
    made = evidence.adversarial
    assert 0.2 < made.fooled.mean() < 0.9
    assert (distance(made.images, made.originals, "l2") <= 1.5).all()


def test_a_norm_that_an_attack_lacks_is_a_mistake_in_the_spec():
    with pytest.raises(ValidationError, match=r"'square' has no norm 'l1' \(it has: linf, l2\)"):
        Params(eps=0.1, norm="l1", attacks=[{"attack": "square"}])
    with pytest.raises(ValidationError, match=r"'apgd' has no norm 'l0'"):
        Params(eps=3, norm="l0")
