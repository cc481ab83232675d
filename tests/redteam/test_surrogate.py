"""Networks that lead attacks astray: what they claim doesn't pass, and what an honest one claims isn't doubted."""

import pytest

from auditor import catalog
from auditor.judging.verdict import judge
from auditor.measuring import attackable
from auditor.measuring.rivals import challenged
from auditor.measuring.surrogate import learned
from auditor.run.measuring import measured
from auditor.search.loop import ThreatModel
from auditor.values import Expectation
from tests.redteam import liars, truth
from tests.support import context

PGD = [{"attack": "pgd", "steps": 10}]
BALL = ("robust_accuracy", {"eps": 0.1, "samples": 60, "attacks": PGD}, Expectation("robust_accuracy", min=0.6))
# Claims that are false, with the liars they are made of; what is true of these stands in `test_truth`.
CLAIMS = [
    *((name, *BALL) for name in liars.STRUCTURAL if name not in ("steep_input", "guarded_by_layers")),
    (
        "honeypot",
        "security_curve",
        {"eps": [0.05, 0.1], "samples": 60, "attacks": PGD},
        Expectation("robust_accuracy.0.1", min=0.6),
    ),
    ("reversed_scores", "minimal_perturbation", {"samples": 60}, Expectation("median_distance", min=1.5)),
    ("sign_flipped", "digit_flip", {"samples": 60, "objective": "logit"}, Expectation("flip_rate", max=0.3)),
    ("sign_flipped", "noise_to_target", {"samples": 40, "objective": "logit"}, Expectation("success_rate", max=0.3)),
    ("squashed", "noise_to_target", {"samples": 40, "objective": "logit"}, Expectation("success_rate", max=0.3)),
    (
        "steep_input",
        "robust_accuracy",
        {"norm": "l2", "eps": 1.5, "samples": 100, "attacks": [{"attack": "apgd", "steps": 20}]},
        Expectation("robust_accuracy", min=0.5),
    ),
]


def judged(redteam, name, check, params, claim):
    evidence = measured(
        check, context(redteam.opened(name), redteam.digits), catalog.load("checks", check).Params(**params)
    )
    return judge(evidence.metrics, [claim], 0.95, evidence.diagnostics), evidence


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check", "params", "claim"), CLAIMS)
def test_a_false_claim_does_not_pass(redteam, name, check, params, claim):
    verdict, _ = judged(redteam, name, check, params, claim)
    assert verdict.status in ("fail", "inconclusive"), verdict.message


def test_an_honest_network_is_not_doubted_and_a_pass_says_what_it_means(redteam):
    verdict, evidence = judged(redteam, "honest", *BALL[:2], Expectation("robust_accuracy", min=0.05))
    assert verdict.status == "pass", verdict.message
    assert verdict.message.endswith("these attacks, within this budget, found no more")
    assert [d.name for d in evidence.diagnostics if not d.ok] == []
    attacked = truth.descended(redteam.honest, redteam.images[:60], redteam.labels[:60], 0.1)
    upper = truth.held(redteam.honest, redteam.images[:60], redteam.labels[:60], attacked)
    assert evidence.metrics["robust_accuracy"].value <= upper


def test_what_a_surrogate_finds_is_the_same_alone_and_in_company(redteam):
    """Whoever replays a single image gets the same one, to the bit."""
    here = context(redteam.opened("honeypot"), redteam.digits)
    module = catalog.load("checks", "robust_accuracy")
    made = module.run(here, module.Params(**BALL[1])).adversarial
    assert made.fooled.sum() > 3
    assert learned(here, here.classifier) is learned(here, here.classifier)
    job = attackable(here, 60, None).job(redteam.digits, 0.1)
    nothing = job.labels < 0
    together = challenged(here, ThreatModel("linf", (0.0, 1.0)), job, job.images, nothing)
    one = together.broken.argmax()
    alone = job.only(slice(one, one + 1))
    again = challenged(here, ThreatModel("linf", (0.0, 1.0)), alone, alone.images, nothing[:1])
    assert again.broken[0]
    assert (again.images[0] == together.images[one]).all()


def test_images_don_t_go_further_where_they_are_noticed_or_were_made_by_an_attack_that_is_doubted(redteam):
    def carried(source):
        """Images made on a network, shown to the honest one and to one whose rim is guarded."""
        strongly = {**BALL[1], "full_length": True, "samples": 60}
        ball, transfer = (catalog.load("checks", name) for name in ("robust_accuracy", "transfer"))
        made = measured(
            "robust_accuracy", context(redteam.opened(source), redteam.digits), ball.Params(**strongly)
        ).adversarial
        others = {"guarded": redteam.opened("guarded"), "other": redteam.opened("honest")}
        here = context(redteam.opened(source), redteam.digits, others, made=made)
        found = transfer.run(here, transfer.Params(adversarial="made", onto=["guarded", "other"]))
        return {diagnostic.name: diagnostic.ok for diagnostic in found.diagnostics}

    assert carried("honest") == {"images taken further": True, "unnoticed": False, "shifted images": True}
    assert carried("honeypot")["images taken further"] is False
