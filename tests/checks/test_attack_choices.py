"""Attacks as they stand in a spec: every mistake at its own place."""

from pathlib import Path

import pytest

from auditor.spec.plan import make_plan
from auditor.values import SpecError
from tests.support import spec

KNOWN = (
    "apgd, autoattack, bim, carlini_wagner, ddn, deepfool, fab, feature_distribution, fgsm, fmn, hopskipjump, mifgsm, "
    "noise_search, pgd, pointwise, square"
)
CHECKS = """\
- id: robust
  check: robust_accuracy
  params:
    eps: 8/255
    attacks:
      - {attack: pgdd}
      - {attack: pgd, stepz: 3}
      - {attack: pgd, steps: 0}
      - pgd
"""


def test_mistakes_in_attacks(tiny, tmp_path):
    path = tmp_path / "one.audit.yaml"
    for name in ("linear.keras", "steeper.keras", "conv.keras", "data.npz"):
        (tmp_path / name).symlink_to(Path(tiny) / name)
    path.write_text(spec(CHECKS))
    with pytest.raises(SpecError) as caught:
        make_plan(path, "one.audit.yaml")
    assert [str(problem) for problem in caught.value.problems] == [
        f"one.audit.yaml:13:11: unknown attack 'pgdd'; did you mean 'pgd'? (known: {KNOWN})",
        "one.audit.yaml:14:25: unknown pgd key 'stepz'; did you mean 'steps'? "
        "(known: attack, steps, restarts, rivals, loss, step_size, random_start)",
        "one.audit.yaml:15:32: `params.attacks.steps` should be at least 1, got 0",
        f"one.audit.yaml:16:11: an attack is written {{attack: apgd}}, with its parameters beside it (known: {KNOWN})",
    ]


def test_good_attacks_come_back_as_they_were_written(tiny, tmp_path):
    path = tmp_path / "one.audit.yaml"
    for name in ("linear.keras", "steeper.keras", "conv.keras", "data.npz"):
        (tmp_path / name).symlink_to(Path(tiny) / name)
    path.write_text(spec("- {id: r, check: robust_accuracy, params: {eps: 8/255, attacks: [{attack: fgsm}]}}"))
    params = make_plan(path).cases[0].params.model_dump(mode="json")
    assert params["eps"] == 8 / 255
    assert params["attacks"] == [{"attack": "fgsm", "loss": "scaled_ce", "rivals": 0, "steps": 1}]
