"""What was tested and what was not, from the records alone."""

from dataclasses import replace

import pytest

from auditor.report.coverage import coverage
from auditor.report.html import render
from auditor.report.page import make_page
from auditor.spec.plan import make_plan
from auditor.values import CONTROLS, Expectation, proportion
from tests.report.page import evidence, parse, record, run_of
from tests.support import spec, write

PASSING = record("a", evidence(), Expectation("accuracy", min=0.5))
FAILING = record("b", evidence(), Expectation("accuracy", max=0.5))


def speaking(run, **controls):
    return replace(run, cases=tuple(replace(case, controls=controls.get(case.id, ())) for case in run.cases))


def test_a_control_has_its_cases_and_the_most_urgent_state():
    run = speaking(run_of(PASSING, FAILING), a=("aia:15.1", "aia:15.3"), b=("aia:15.1", "own:four eyes"))
    rows = {row.control.id: row for rows in coverage(run).frameworks.values() for row in rows}
    assert (rows["aia:15.1"].cases, rows["aia:15.1"].state) == (("a", "b"), "fail")
    assert (rows["aia:15.3"].cases, rows["aia:15.3"].state) == (("a",), "pass")
    assert (rows["own:four eyes"].control.framework, rows["own:four eyes"].state) == ("Own controls", "fail")
    assert rows["owasp:ML02"].state is None
    assert rows.keys() >= CONTROLS.keys()
    page = parse(render(run))
    table = page.one("details", class_="controls")
    assert "3 that some case" in table.one("summary").text
    assert "not tested" in table.text


def said(*records):
    return " ".join(coverage(run_of(*records)).untested)


def attack(**params):
    return replace(PASSING, check="robust_accuracy", params={"norm": "linf", **params})


def test_threat_models_that_nobody_tried_are_named():
    assert "No case attacks within a threat model" in said(PASSING)
    white = said(attack(attacks=[{"attack": "apgd"}]))
    assert "Changes bounded in L2, L1, L0." in white
    assert "only scores or decisions" in white
    assert "follow its gradient" not in white
    black = said(attack(attacks=[{"attack": "square"}, {"attack": "not installed here"}]))
    assert "only scores or decisions" not in black
    assert "follow its gradient" in black
    both = said(attack(attacks=[{"attack": "autoattack"}]))
    assert "only scores" not in both
    assert "follow its gradient" not in both
    assert "Natural corruptions such as noise" in both
    assert "Shifted data" in both
    assert "backdoors" in both


def test_corruptions_that_ran_are_no_longer_untested():
    def corrupted(*kinds):
        shares = {f"corrupted_accuracy.{kind}": proportion(50, 60) for kind in kinds}
        return replace(record("a", evidence(shares)), check="corruptions")

    some = said(corrupted("gaussian_noise", "fog"))
    assert "Natural corruptions of other families: blur, digital faults such as compression, changed shapes" in some
    moved = replace(record("b", evidence()), check="spatial")
    assert "changed shapes" not in said(corrupted("gaussian_noise"), moved)
    everything = said(corrupted("gaussian_noise", "fog", "zoom_blur", "pixelate", "rotate"))
    assert "Natural corruptions" not in everything
    assert "Shifted data: images of other sources" in everything  # nothing here stands for those
    assert "certain of nonsense" in everything
    assert "certain of nonsense" not in said(replace(record("b", evidence()), check="out_of_distribution"))
    failed = replace(record("a", evidence()), check="corruptions", evidence=None)
    assert "Natural corruptions such as noise" in said(failed)


def test_classes_with_too_few_images_are_named():
    few = evidence(
        {"accuracy": proportion(50, 60), "accuracy.cat": proportion(9, 10), "accuracy.dog": proportion(41, 50)}
    )
    assert "little can be said: cat (10)." in said(record("a", few))


def test_checks_speak_for_themselves_and_a_spec_may_say_otherwise(project):
    cases = """\
    - {id: own, check: accuracy, controls: ["own:release board"]}
    - {id: plain, check: accuracy}
    - {id: white, check: robust_accuracy, params: {eps: 0.1}}
    - {id: both, check: robust_accuracy, params: {eps: 0.1, attacks: [{attack: autoattack}]}}
    """
    plan = make_plan(write(project, spec(cases)))
    found = {case.id: case.controls for case in plan.cases}
    assert found["own"] == ("own:release board",)
    assert "aia:15.3" in found["plain"]
    assert "nist:evasion-white-box" in found["white"]
    assert "nist:evasion-black-box" not in found["white"]
    assert {"nist:evasion-white-box", "nist:evasion-black-box"} <= set(found["both"])
    assert all(name in CONTROLS for controls in list(found.values())[1:] for name in controls)


@pytest.mark.parametrize("wrong", ["atlas:AML.T0051", "own:", "ML01"])
def test_an_unknown_control_gets_the_nearest_right_one(project, wrong):
    write(project, spec(f"- {{id: a, check: accuracy, controls: ['{wrong}']}}"))
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines([f"one.audit.yaml:8:*unknown control '{wrong}'*begin one of your own with `own:`*"])


def test_the_first_screen_names_whole_what_was_not_tested_and_how_much_more_there_is():
    page = make_page(run_of(PASSING))
    untested = page.coverage.untested
    told = [said for said in untested if said in page.gaps]
    assert 0 < len(told) < len(untested)
    assert page.gaps == f"{' '.join(told)} And {len(untested) - len(told)} more."


def test_every_framework_says_its_version_and_what_its_names_were_held_against():
    """Names that anybody can look up: those of ATLAS's content release 2026.09, which renamed AML.T0020."""
    assert all(control.version and control.checked.endswith("2026") for control in CONTROLS.values())
    titles = {control.id: control.title for control in CONTROLS.values()}
    assert titles["atlas:AML.T0020"] == "Training Data Poisoning"
    assert titles["nist:poisoning-targeted"] == "Targeted poisoning"
    assert titles["iso42001:A.6.2.4"].startswith("AI system verification and validation")
    assert any("DIS 24029-3" in control.version for control in CONTROLS.values())
