"""Why a verdict, what would change it, what next: from records alone, on a terminal."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.records.store import Folder
from auditor.report.reasons import reasons
from tests.report.page import every_state, hostile_run, run_of_everything

SAYS = {
    "failing": "more images than these 100 wouldn't: the whole interval violates it",
    "broken": "Mending what the error names",
    "killed": "Running it",
    "never-began": "Running it",
    "left-out": "Running it",
    "waived": "The end of the waiver",
    "nothing": "An expectation",
}


@pytest.mark.parametrize("case", SAYS)
def test_every_state_says_what_would_change_it(case):
    run = every_state()
    (planned,) = [one for one in run.cases if one.id == case]
    told = reasons(run, planned, "reports/a b")
    assert any(SAYS[case] in change for change in told.changes), told
    assert told.why
    assert all(told.why)
    commands = [command for command, _ in told.commands]
    assert commands[0] == f"auditor run {run.spec}::{case} --audit-no-cache"
    assert ("auditor verify 'reports/a b'" in commands) == (case in run.records)


def test_a_doubt_about_the_measurement_is_settled_by_no_number_of_images():
    run = run_of_everything()
    busy = run.records["waived"]
    doubted = replace(busy, verdict=replace(busy.verdict, status="inconclusive"), waiver=None)
    (planned,) = [one for one in run.cases if one.id == "waived"]
    for params, advice in (
        ({"attacks": [{"attack": "fgsm"}]}, "more `steps` or `restarts`, another attack"),
        ({"top": 3}, "What the tell-tale tests doubt, mended: each says above what it found. More images of the same"),
    ):
        told = reasons(replace(run, records={"waived": replace(doubted, params=params)}), planned, "r")
        assert any(said.startswith("doubtful: gradients") for said in told.why)
        assert sum(advice in change for change in told.changes) == 1
        assert any(command.startswith("auditor plan") for command, _ in told.commands)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"samples": 10}, "more images (`samples`), of which"),
        ({"adversarial": "flip"}, "more images (`samples` of flip), of which"),
        ({"top": 3}, "more images (it takes all that the data has), of which"),
    ],
)
def test_more_images_are_asked_for_by_what_the_check_knows(params, told, tmp_path, monkeypatch):
    run = every_state()
    run = replace(run, records={**run.records, "unsure": replace(run.records["unsure"], params=params)})
    (planned,) = [one for one in run.cases if one.id == "unsure"]
    assert any(told in change for change in reasons(run, planned, "r").changes)
    purposes = dict(reasons(run, planned, "r").commands)
    assert any(f", in the folder in which {run.spec} lies" in purpose for purpose in purposes.values())
    (tmp_path / run.spec).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / run.spec).touch()
    monkeypatch.chdir(tmp_path)
    assert not any("in the folder" in purpose for _, purpose in reasons(run, planned, "r").commands)


def test_a_stronger_attacker_is_named_only_where_one_attacked():
    run = every_state()
    (planned,) = [one for one in run.cases if one.id == "passing"]
    assert reasons(run, planned, "r").changes == ("Other images, or a stricter expectation: see what was not tested.",)
    attacked = replace(run.records["passing"], params={"attacks": [{"attack": "fgsm"}]})
    run = replace(run, records={**run.records, "passing": attacked})
    assert "A stronger attacker than those tried" in reasons(run, planned, "r").changes[0]


def test_it_is_printed(tmp_path, monkeypatch):
    run = every_state()
    monkeypatch.setattr(Folder, "load_run", lambda *_: run)
    done = CliRunner().invoke(main, ["explain", str(tmp_path), "failing"])
    assert done.exit_code == 0, done.output
    assert "What would change it" in done.output
    assert "violates accuracy" in done.output
    whole = CliRunner().invoke(main, ["explain", str(tmp_path)])
    assert all(name in whole.output for name in ("failing", "unsure", "broken", "killed"))
    assert "descriptive" not in whole.output
    wrong = CliRunner().invoke(main, ["explain", str(tmp_path), "fialing"])
    assert wrong.exit_code == 2
    assert "did you mean 'failing'?" in wrong.output
    monkeypatch.setattr(Folder, "load_run", lambda *_: hostile_run())
    assert "\x1b" not in CliRunner().invoke(main, ["explain", str(tmp_path)]).output
