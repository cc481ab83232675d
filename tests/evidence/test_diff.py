"""`auditor diff`: two runs side by side, from their records alone."""

import re

from click.testing import CliRunner

from auditor.cli.main import main
from tests.support import spec, write

CASES = """\
- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: holds, check: robust_accuracy, params: {eps: 0.3, attacks: [{attack: apgd, steps: 10}]}}
"""
GONE = "- {id: gone, check: accuracy}\n"


def test_two_runs_stand_side_by_side(project):
    write(project, spec(CASES + GONE))
    project.runpytest_inprocess("--audit-report=before")
    swapped = spec(CASES).replace("path: linear.keras", "path: conv.keras")
    write(project, swapped.replace("eps: 0.3", "eps: 0.01"))
    project.runpytest_inprocess("--audit-report=other")
    write(project, swapped)
    project.runpytest_inprocess("--audit-report=now")
    for path in [*project.path.glob("*.keras"), project.path / "data.npz", project.path / "one.audit.yaml"]:
        path.unlink()

    result = CliRunner().invoke(main, ["diff", str(project.path / "before/tiny"), str(project.path / "now/tiny")])
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert any(line.startswith("pass fail clean") for line in lines)
    assert any("There before and not now: gone" in line for line in lines)
    page = (project.path / "now" / "tiny-diff.html").read_text()
    assert "<strong>Compared.</strong>" in page
    assert "100% → 0%" in page
    assert "60 fell, 0 rose" in page

    result = CliRunner().invoke(main, ["diff", str(project.path / "other/tiny"), str(project.path / "now/tiny")])
    assert result.exit_code == 0
    page = (project.path / "now" / "tiny-diff.html").read_text()
    assert "its parameter eps was 0.01 and is 0.3 now" in re.sub(r"</?button[^>]*>", "", page)


def test_two_audits_can_t_be_compared(project):
    for name in ("a", "b"):
        write(project, spec(GONE, audit=name), name)
    project.runpytest_inprocess()
    result = CliRunner().invoke(main, ["diff", str(project.path / "reports/a"), str(project.path / "reports/b")])
    assert result.exit_code == 2
    assert "is of the audit 'a'" in result.output
