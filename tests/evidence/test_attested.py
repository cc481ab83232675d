"""What a statement says of a run: passed only where all that was planned ran, some gate was judged, none was waived."""

import dataclasses

import pytest

from auditor.evidence.attestation import NAME, SUMMARY, attest, check, new_key, statement, summary
from auditor.evidence.verification import verify
from auditor.records import manifest
from auditor.records.store import Folder
from auditor.values import Expectation, Purpose, Waiver
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


def sealed(folder, run):
    Folder(folder).save_run(run)
    manifest.seal(folder, 1, {}, run, "audit", "")


def stated(folder) -> dict[str, str]:
    found = verify(folder, model=False)
    return {finding.of: finding.standing for finding in found if finding.what == "belongs to this report"}


def test_a_statement_names_its_url_and_verify_says_whether_it_belongs_to_this_report(tmp_path):
    first, other, key = tmp_path / "first", tmp_path / "other", tmp_path / "key.pem"
    case = dataclasses.replace(run_of(PASSING).cases[0], purpose=Purpose(("R1",)))
    sealed(first, dataclasses.replace(run_of(PASSING), cases=(case,)))
    sealed(other, run_of(WAIVED))
    public = new_key(key)
    attest(first, key, "https://ci.example.org/7")
    assert check(first, public)["predicate"]["url"] == "https://ci.example.org/7"
    assert stated(first) == {NAME: "holds", SUMMARY: "holds"}
    properties = summary(first, statement(first))["predicate"]["properties"]
    assert properties == ["ROBUSTNESS_AUDIT_PASSED", "REQUIREMENT_MEASURED_R1"]

    attest(other, key)
    assert stated(other) == {NAME: "holds"}, "there is no summary of what didn't all pass"
    for name in (NAME, SUMMARY):
        (other / name).write_bytes((first / name).read_bytes())
    assert stated(other) == {NAME: "doesn't hold", SUMMARY: "doesn't hold"}
