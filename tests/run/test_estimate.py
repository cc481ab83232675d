"""What is said of cases before they run: cached, as long as the last time, or at most so long."""

import re

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.loading.resources import Resources
from auditor.run.estimate import calibrate
from auditor.spec.plan import make_plan
from tests.support import spec, write

CHECKS = """\
- {id: clean, check: accuracy}
- {id: holds, check: robust_accuracy, params: {eps: 0.05, samples: 30, attacks: [{attack: pgd, steps: 20}]}}
- {id: flip, check: digit_flip, params: {target: 0, steps: 5, step_size: 0.3, objective: logit}}
- {id: onto, check: transfer, params: {adversarial: flip, onto: [steeper]}, tags: [nightly], priority: 3}
"""


def _lines(*arguments: str) -> dict[str, str]:
    """What `auditor plan` says a case takes, by its id, and its last words."""
    result = CliRunner().invoke(main, ["plan", *arguments], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
    heads = {line.split()[0]: at for at, line in enumerate(lines) if re.match(r"\w+  \w+ of ", line)}
    return {**{name: lines[at + 1] for name, at in heads.items()}, "": " ".join(lines[-3:])}


def test_a_plan_knows_more_each_time(project: pytest.Pytester) -> None:
    path = write(project, spec(CHECKS))
    assert _lines(str(path))["clean"] == "time unknown: its speed isn't known; --calibrate times it"
    said = _lines(str(path), "--calibrate")
    # All 60 images, 276 answers to see whether the model is steady, 7 × 60 as they are and in six other ranges, 3 × 48
    # on and beside levels of 8 bits, and 50 to see whether it ever says anything else.
    assert re.fullmatch(r".* at most, by up to 950 predictions", said["clean"])
    assert re.fullmatch(r".* at most, by up to [\d,]+ gradients and [\d,]+ predictions", said["holds"])
    assert said["onto"] == "time unknown: `transfer` can't say before it runs"
    assert re.search(
        r"4 cases; .* at most for 3; unknown for 1\. Loading the model takes .* one process needs", said[""]
    )
    assert _lines(str(path)) == said  # calibrations are kept

    assert project.runpytest("--audit-cache", ".audit_cache").ret == 0
    after = _lines(str(path))
    assert all(after[name].startswith("cached") for name in ("clean", "holds", "flip", "onto"))
    path.write_text(path.read_text().replace("audit: tiny", "audit: tiny\nseed: 1"))
    other = _lines(str(path))
    assert re.match(r".* the last time \(.* UTC\), by up to 950 predictions", other["clean"])
    assert "the last time for 4" in other[""]


def test_a_model_that_can_t_be_opened_is_said_with_its_reason(project: pytest.Pytester) -> None:
    (project.path / "linear.keras").write_bytes(b"nothing")
    said = _lines(str(write(project, spec(CHECKS))), "--calibrate")
    assert said["clean"].startswith("time unknown: ")
    assert "linear.keras" in said["clean"]
    assert "4 cases; unknown for 4" in said[""]


def test_a_calibration_is_of_the_model_and_of_this_machine(project: pytest.Pytester) -> None:
    plan = make_plan(write(project, spec(CHECKS)))
    speed = calibrate(plan, "conv", Resources())
    assert (speed.class_count, speed.images, speed.image_bytes) == (3, 60, 6 * 6 * 4)
    assert 0 < speed.prediction < 0.01
    assert speed.gradient is not None
    assert 0 <= speed.gradient < 0.1
    assert 0 < speed.trace < 60


def test_a_plan_fetches_nothing(project: pytest.Pytester) -> None:
    registered = "far: {format: keras, path: 'models:/digits/1', output: probabilities}\n"
    path = write(project, spec("- {id: clean, check: accuracy, model: far}\n", models=registered))
    assert _lines(str(path))["clean"] == "time unknown: its files have to be fetched; --calibrate does"
