"""`auditor init --template`: specs to begin with where there is no model yet."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.spec import make_plan
from auditor.starting.templates import TEMPLATES


def init(*arguments: str):
    return CliRunner().invoke(main, ["init", *arguments])


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_is_a_spec_whose_gates_its_samples_can_settle(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    done = init("--template", name)
    assert done.exit_code == 0, done.output
    assert f"Next: change what is in CAPITALS in {name}.audit.yaml, then auditor run" in done.output
    plan = make_plan(Path(f"{name}.audit.yaml"), files=False)
    assert (plan.audit, plan.warnings) == (name, ())
    assert any(case.expectations for case in plan.cases)
    assert init("--template", name).exit_code == 2, "it is there"
    there = init("--template", name, "--output", "other.audit.yaml", "--ci", "gitlab")
    assert there.exit_code == 0
    assert "auditor run other.audit.yaml" in Path(".gitlab-ci.yml").read_text()


def test_help_names_all_and_without_any_they_are_named():
    said = init("--help").output
    assert all(f"  {name}  " in said for name in TEMPLATES)
    neither = init()
    assert neither.exit_code == 2
    assert "|".join(TEMPLATES) in neither.output
    both = init("m.keras", "--template", "release")
    assert (both.exit_code, "leave one of them out" in both.output) == (2, True)
