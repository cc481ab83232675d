"""What a statement says of a run: passed only where all that was planned ran, some gate was judged, none was waived."""

import dataclasses

import pytest

from auditor.evidence.attestation import statement
from auditor.records import manifest
from auditor.records.store import Folder
from auditor.values import Expectation, Waiver
from tests.report.page import evidence, record, run_of

PASSING, DESCRIBED = record("a", evidence(), Expectation("accuracy", min=0.5)), record("e", evidence())
WAIVER = Waiver("Ada", "mended soon", "2999-12-31", standing="in force")
WAIVED = record("g", evidence(), Expectation("accuracy", max=0.5), waiver=WAIVER)
LEFT = dataclasses.replace(run_of(PASSING, not_run=["n"]), left={"n": "no time"})


@pytest.mark.parametrize(
    ("run", "result", "told"),
    [
        (run_of(PASSING, DESCRIBED), "PASSED", {"passed": ["a"], "descriptive": ["e"]}),
        (run_of(DESCRIBED), "WARNED", {"descriptive": ["e"]}),
        (run_of(PASSING, WAIVED), "WARNED", {"passed": ["a"], "warned": ["g"]}),
        (run_of(PASSING, unselected=["u"]), "WARNED", {"passed": ["a"], "warned": ["u"]}),
        (LEFT, "WARNED", {"passed": ["a"], "warned": ["n"]}),
        (run_of(PASSING, not_run=["n"]), "FAILED", {"passed": ["a"], "failed": ["n"]}),
    ],
)
def test_a_statement_says_what_became_of_every_planned_case(tmp_path, run, result, told):
    Folder(tmp_path).save_run(run)
    manifest.seal(tmp_path, 1, {}, run, "audit", "")
    predicate = statement(tmp_path)["predicate"]
    assert predicate["result"] == result
    found = {kind: predicate[f"{kind}Tests"] for kind in ("passed", "warned", "failed")}
    about = next(part["annotations"] for part in predicate["configuration"] if "annotations" in part)
    assert {kind: cases for kind, cases in (found | {"descriptive": about["descriptive"]}).items() if cases} == told
