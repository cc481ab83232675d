"""qualification"""

import numpy as np
import pytest

from auditor.checks import qualification, robust_accuracy
from auditor.checks.qualification import Params, run
from auditor.measuring.decoys import DISGUISES, MEMORY, Decoy
from auditor.measuring.rivals import Rival
from auditor.values import CheckError
from tests.support import LinearClassifier, context, linear_weights, samples

NAMES = (*DISGUISES, MEMORY)
ON_REAL_NETWORKS = (
    "vote",
    "lure",
    "quantised input",
    "cut gradient",
    "dropout left on",
    "batch size",
    "number format",
    "clock",
)


def falling() -> LinearClassifier:
    return LinearClassifier(*linear_weights())


def rows_of(evidence):
    return {row[0]: row for row in evidence.tables[1].rows}


def passed_by_kind(evidence):
    """Of each kind, how many decoys there are and how many passed."""
    return {kind: (count, passed) for kind, count, passed, _ in evidence.tables[0].rows}


@pytest.mark.slow
def test_every_decoy_is_caught_and_of_honest_models_the_one_that_must_resist_and_doesn_t_is_an_alarm():
    here = context(falling(), samples(), {"strong": falling()})
    evidence = run(here, Params(eps=0.5, samples=40, resisting=["strong"]))
    assert {name: row[5] for name, row in rows_of(evidence).items()} == dict.fromkeys(NAMES, "caught")
    values = {name: metric.value for name, metric in evidence.metrics.items()}
    assert values == {"missed": 0, "caught": len(NAMES), "false_alarms": 1, "closed_form_gap": 0}
    kinds = passed_by_kind(evidence)
    assert sum(count for count, _ in kinds.values()) == len(NAMES)
    assert {passed for _, passed in kinds.values()} == {0}
    assert {"honeypot", "votes and squashing", "number format", "memory", "batch trap", "clock"} <= set(kinds)
    assert not any(found_by.startswith("nothing") for *_, found_by in evidence.tables[0].rows)
    left_alone, alarm = evidence.tables[2].rows
    assert left_alone[4] == "right"
    assert alarm[:2] == ("strong", "must resist")
    assert alarm[4] == "WRONG"


def test_without_tell_tale_tests_decoys_are_missed(monkeypatch):
    """The mutation: if the tests fell silent, and the surrogate with them, the metric would say so."""

    def idle(context, threat, job, ended, broken):
        return Rival(ended, broken, np.flatnonzero(~broken), np.zeros((~broken).sum(), bool), (), False)

    few = {name: DISGUISES[name] for name in ("cut gradient", "saturated softmax", "constant output")}
    monkeypatch.setattr(qualification, "DISGUISES", few)
    monkeypatch.setattr(robust_accuracy, "within_ball", lambda *_: ())
    monkeypatch.setattr(robust_accuracy, "challenged", idle)
    monkeypatch.setattr(robust_accuracy, "elsewhere", lambda *_: np.zeros(0, bool))
    evidence = run(context(falling(), samples()), Params(eps=0.5, samples=40))
    missed = {name for name, row in rows_of(evidence).items() if row[5] == "MISSED"}
    assert {"cut gradient", "saturated softmax"} <= missed
    assert (
        evidence.metrics["missed"].value
        == len(missed)
        == sum(passed for _, passed in passed_by_kind(evidence).values())
    )
    assert "missed: " in evidence.summary


def test_a_network_that_holds_can_t_qualify_anything():
    with pytest.raises(CheckError, match=r"holds 0\.5 within linf 0\.01 itself; take a larger `eps`"):
        run(context(falling(), samples()), Params(eps=0.01, samples=20))


@pytest.mark.parametrize(
    "name",
    [
        "saturated softmax",
        "cut gradient",
        "shattered gradient",
        "rounded output",
        "vote",
        "lure",
        "clock",
        "dummy class",
    ],
)
def test_a_disguise_keeps_the_decisions(name):
    honest, here = falling(), samples()
    said = Decoy(honest, DISGUISES[name]).predict(here.images)
    assert np.isfinite(said).all()
    assert (said.argmax(axis=1) == honest.predict(here.images).argmax(axis=1)).mean() > 0.9


@pytest.mark.slow
def test_on_real_networks_a_decoy_of_each_kind_is_caught_and_the_hardened_one_left_alone(networks, digits, monkeypatch):
    few = {name: DISGUISES[name] for name in ON_REAL_NETWORKS}
    monkeypatch.setattr(qualification, "DISGUISES", few)
    here = context(networks["cnn"], digits, {"hardened": networks["hardened"]})
    params = Params(eps=0.2, samples=25, resisting=["hardened"], attacks=[{"attack": "apgd", "steps": 20}])
    evidence = run(here, params)
    values = {name: metric.value for name, metric in evidence.metrics.items()}
    assert values == {"missed": 0, "caught": len(few) + 1, "false_alarms": 0, "closed_form_gap": 0}
    plain, hardened = (row[2] for row in evidence.tables[2].rows)
    assert plain < 0.2 < 0.7 < hardened
