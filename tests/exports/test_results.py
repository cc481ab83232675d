"""`results.json` says what the records say."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import auditor.spec.schema
from auditor.exports.results import render
from auditor.values import Earlier, Expectation, Table, Verdict, proportion
from tests.report.page import HOSTILE, every_state, evidence, hostile_run, record, run_of

VALIDATOR = Draft202012Validator(
    json.loads((Path(auditor.spec.schema.__file__).parent / "results.schema.json").read_text(encoding="utf-8"))
)


def cases(text: str) -> dict[str, dict]:
    return {case["id"]: case for case in json.loads(text, parse_constant=pytest.fail)["cases"]}


@pytest.mark.parametrize("run", [every_state(), hostile_run(), run_of()], ids=["every state", "hostile", "empty"])
def test_it_is_valid_and_the_same_each_time(run):
    text = render(run)
    assert list(VALIDATOR.iter_errors(json.loads(text))) == []
    assert text == render(run)


def test_it_holds_every_case_in_its_state_with_the_counts():
    run = every_state()
    document = json.loads(render(run))
    assert {case["id"]: case["state"] for case in document["cases"]} == {c.id: run.state(c) for c in run.cases}
    assert len(set(document["counts"])) == 9
    assert document["format"] == 2, "1 called a pass what is descriptive"
    assert sum(document["counts"].values()) == len(document["cases"]) == 13
    assert document["overall"] == "error"
    assert document["spec"] == {"path": "specs/a.audit.yaml", "sha256": "5bec", "measured_under": "", "not_judged": []}


def test_metrics_have_their_intervals_and_what_has_no_value_is_null():
    found = cases(render(every_state()))
    metric = found["passing"]["record"]["metrics"]["accuracy"]
    # Clopper and Pearson's interval of 96 of 100, by R's binom.test.
    assert metric["low"] == pytest.approx(0.9007428, abs=1e-6)
    assert metric["high"] == pytest.approx(0.9889955, abs=1e-6)
    assert (metric["value"], metric["successes"], metric["n"], metric["kind"]) == (0.96, 96, 100, "proportion")
    nothing = found["nothing"]["record"]["metrics"]
    assert nothing["radius"]["value"] is None
    assert nothing["radius"]["high"] is None
    unknown = {"kind": "proportion", "value": None, "n": 0, "successes": 0, "low": 0, "high": 1, "beyond": None}
    unknown |= {"clusters": None, "effective_n": None}
    assert nothing["share"] == unknown
    finding = found["unsure"]["record"]["verdict"]["findings"][0]
    demand = {"metric": "accuracy", "min": 0.95, "max": None, "versus_baseline": False, "hollow": ""}
    demand |= {"share": True, "gap": False}
    assert finding["expectation"] == demand
    assert finding["status"] == "inconclusive"
    assert finding["low"] < 0.95 < finding["value"]


def test_a_waived_case_keeps_its_verdict_and_says_who_answers():
    case = cases(render(every_state()))["waived"]
    assert case["state"] == "waived"
    assert case["record"]["verdict"]["status"] == "fail"
    assert case["record"]["waiver"]["owner"] == "Ada"
    assert case["record"]["waiver"]["standing"] == "in force"


def test_the_difference_from_a_baseline_is_paired():
    compared = cases(render(every_state()))["compared"]["record"]["baseline"]
    difference = compared["differences"]["accuracy"]
    assert (difference["before"], difference["fell"], difference["rose"]) == (0.92, 5, 3)
    assert difference["change"]["value"] == pytest.approx(-0.02)
    assert difference["change"]["low"] < -0.02 < difference["change"]["high"]
    assert difference["p"] == pytest.approx(0.7265625)  # 2 P(X ≤ 3), X of 8 fair coins


def test_what_could_not_be_measured_has_its_reason_and_what_left_no_record_none():
    found = cases(render(every_state()))
    assert found["broken"]["record"]["failure"]["kind"] == "DataError"
    assert found["broken"]["record"]["metrics"] == {}
    assert found["killed"]["record"] is None
    assert "a crash, a kill" in found["killed"]["message"]


def test_evidence_judged_again_names_both_specs_and_both_verdicts():
    earlier = Earlier(Verdict("pass", "it was good"), "01d")
    one = record("a", evidence({"accuracy": proportion(1, 2)}), Expectation("accuracy", min=0.9), earlier=earlier)
    document = json.loads(render(replace(run_of(one), earlier_spec_digest="01d", not_judged=("b",))))
    assert document["spec"]["measured_under"] == "01d"
    assert document["spec"]["not_judged"] == ["b"]
    assert document["cases"][0]["record"]["earlier"]["verdict"]["status"] == "pass"
    assert document["cases"][0]["record"]["verdict"]["status"] == "fail"


def test_hostile_text_comes_back_as_it_was_from_a_file_of_plain_ascii():
    text = render(hostile_run())
    assert text.isascii()
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    readable = HOSTILE.replace("\ud800", "?")  # half a character can't be kept in UTF-8
    assert json.loads(text)["title"] == readable
    assert cases(text)["a"]["record"]["params"] == {readable: readable}


def test_controls_tables_and_what_was_not_tested_are_there():
    tables = (Table("Worst", ("name", "share"), (("a", 0.5), ("b", float("nan")), ("c", 3))),)
    run = run_of(record("a", evidence(tables=tables)))
    run = replace(run, commit="abc+", cases=(replace(run.cases[0], controls=("aia:15.1",)),))
    document = json.loads(render(run))
    assert list(VALIDATOR.iter_errors(document)) == []
    assert document["commit"] == "abc+"
    assert document["cases"][0]["controls"] == ["aia:15.1"]
    (table,) = document["cases"][0]["record"]["tables"]
    assert table["rows"] == [["a", 0.5], ["b", None], ["c", 3]]
    assert any("transfer" in said for said in document["untested"])
