"""Short attacks on what held, and questions that cases share: few where nothing is found, and no weaker for it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from auditor.checks import robust_accuracy
from auditor.measuring import memory, probes
from auditor.measuring.memory import clearly_worse
from auditor.measuring.once import once
from auditor.measuring.telltales import FEW
from auditor.run.measuring import measured
from auditor.search import Job, ThreatModel, distance
from tests.support import LinearClassifier, context, linear_weights, samples

BOX = (0.0, 1.0)


def job(count: int, eps: float = 0.1) -> Job:
    data = samples(count)
    nowhere, logits = np.full(count, -1), np.zeros((count, 3), np.float32)
    return Job(data.images, data.labels, nowhere, np.full(count, eps), np.arange(count), logits)


@pytest.mark.parametrize(("share", "least"), [(0.08, 0.77), (0.1, 0.88), (0.2, 0.99)])
def test_stages_find_what_fifty_images_in_any_case_would(share, least):
    """50 images of which more than 2 break are found by a binomial's tail; in stages it is as likely."""
    drawn, whole = np.random.default_rng(0), job(75)
    found, asked = [], []
    for _ in range(4000):
        weak = drawn.random(75) < share
        seen = probes.in_stages(lambda part, weak=weak: weak[part.rows], whole)
        found.append(seen.mean() > FEW)
        asked.append(len(seen))
    assert binom.sf(2, 50, share) - 0.02 < np.mean(found)
    assert np.mean(found) > least - 0.02
    none = probes.in_stages(lambda part: np.zeros(len(part.rows), np.bool_), whole)
    assert len(none) == 25  # half of 50, where nothing breaks
    assert set(asked) <= {25, 75}


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_noise_is_as_large_as_the_ball_allows_and_belongs_to_an_image(norm):
    whole, threat = job(4, eps=0.15), ThreatModel(norm, (-9.0, 9.0))
    made = probes._noisy(whole, threat, 3, 5)
    assert distance(made, whole.images, norm) == pytest.approx(np.full(4, 0.15), rel=1e-4)
    assert (distance(made, whole.images, norm) <= 0.15).all()
    assert (probes._noisy(whole.only(np.array([2])), threat, 3, 5)[0] == made[2]).all()
    assert (probes._noisy(whole, threat, 3, 6) != made).any()


def test_what_was_among_the_attacks_is_not_tried_again():
    """As long as it had its usual parameters, and no fewer steps."""
    strong = {"attack": "square", "steps": 50}
    for attack, again in ((strong, False), ({**strong, "fill": 0.01}, True), ({**strong, "steps": 49}, True)):
        params = robust_accuracy.Params(eps=0.01, attacks=[{"attack": "apgd", "steps": 3}, attack], samples=20)
        choices = [stage for choice in params.attacks for stage in choice.stages("linf")]
        stages = [probes.Stage(choice, np.arange(20), None, 0.0) for choice in choices]
        assert probes._tried_before(probes.UNSEEING[1], stages) != again
    found = measured(
        "robust_accuracy",
        context(LinearClassifier(*linear_weights()), samples()),
        robust_accuracy.Params(eps=0.01, samples=20, attacks=[{"attack": "apgd", "steps": 3}, strong]),
    )
    (told,) = (test for test in found.diagnostics if test.name == "search without gradients")
    assert told.ok
    assert "it was among the attacks" in told.message


def comparison(before: np.ndarray, others: np.ndarray | None = None) -> memory._Comparison:
    count, whole = len(before), job(len(before))
    claim = memory._Claim(whole.images, whole.labels, whole.targets, before, whole.rows, 0.1)
    assert count == len(claim.rows)
    return memory._Comparison("shifted images", claim, others)


def test_the_second_half_is_attacked_only_where_it_could_make_a_difference(monkeypatch):
    """Whatever forty images would show to be worse is found but for one order of them in a hundred."""
    asked: list[int] = []
    weak = np.zeros(40, np.bool_)

    def broken(_, __, claim):
        asked.append(len(claim.rows))
        return weak[claim.rows]

    monkeypatch.setattr(memory, "_broken", broken)

    def told(before, after):
        nonlocal weak
        weak = after
        asked.clear()
        # A classifier of its own: nothing is shared.
        here = context(LinearClassifier(*linear_weights()), samples())
        return comparison(before).told(here, robust_accuracy.Params(eps=0.1)).ok

    drawn, none = np.random.default_rng(1), np.zeros(40, np.bool_)
    assert told(none, none)
    assert asked == [20]
    assert told(~none, ~none)
    assert asked == []  # all were broken before: nothing could be worse
    missed = tried = 0
    for count in (10, 12, 20, 30):
        for _ in range(250):
            after = drawn.permutation(np.arange(40) < count)
            if clearly_worse(none, after, paired=True):
                tried += 1
                missed += told(none, after)
    assert tried > 900
    assert missed <= tried / 100


def test_cases_share_what_they_ask_of_the_same_images_and_of_no_others(monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(memory, "_broken", lambda _, __, claim: asked.append(1) or np.zeros(len(claim.rows), np.bool_))
    here = context(LinearClassifier(*linear_weights()), samples())
    params = robust_accuracy.Params(eps=0.1)
    first = comparison(np.zeros(40, np.bool_))
    for other in (first, first):
        other.told(here, params)
    assert len(asked) == 1
    noise = replace(first, claim=replace(first.claim, originals=first.claim.originals + 0.01))
    noise.told(here, params)
    replace(first, claim=replace(first.claim, radius=0.2)).told(here, params)
    first.told(here, robust_accuracy.Params(eps=0.1, norm="l2"))
    first.told(context(LinearClassifier(*linear_weights()), samples()), params)
    assert len(asked) == 5


def test_what_is_asked_often_is_kept_longest():
    model, data, asked = LinearClassifier(*linear_weights()), samples(), []
    for turn in range(100):
        assert once(("often",), model, data, lambda: asked.append("often") or 1) == 1
        assert once((turn,), model, data, lambda turn=turn: asked.append(turn) or turn) == turn
    assert asked.count("often") == 1
    assert once((0,), model, data, lambda: "anew") == "anew"
