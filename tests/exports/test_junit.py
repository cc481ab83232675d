"""JUnit XML by the strict schema of Jenkins' xUnit plugin, the same bytes each time."""

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from auditor.exports.junit import render
from tests.report.page import every_state, hostile_run, run_of, run_of_everything

SCHEMA = Path(__file__).parent / "schemas" / "junit-10.xsd"
RUNS = {"every state": every_state(), "everything": run_of_everything(), "hostile": hostile_run(), "empty": run_of()}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_it_follows_the_schema(run):
    xmlschema = pytest.importorskip("xmlschema", reason="needs xmlschema: pip install -e '.[dev]'")
    made = render(run)
    assert made == render(run)
    xmlschema.XMLSchema(SCHEMA).validate(ET.fromstring(made.encode()))


def test_each_case_is_a_suite_with_its_metrics_and_what_became_of_it():
    run = every_state()
    root = ET.fromstring(render(run).encode())
    (audit,) = root
    suites = {suite.find("testcase").get("name"): suite for suite in audit.findall("testsuite")}
    assert set(suites) == {case.id for case in run.cases if run.state(case) != "not selected"}
    kinds = {name: [part.tag for part in suite.find("testcase")] for name, suite in suites.items()}
    for case in run.cases:
        if case.id not in suites:
            continue
        wanted = {
            "pass": None,
            "descriptive": None,
            "fail": "failure",
            "inconclusive": "failure",
            "waived": "skipped",
        }.get(run.state(case), "error")
        assert [tag for tag in kinds[case.id] if tag != "system-out"] == ([wanted] if wanted else [])
        told = {p.get("name"): p.get("value") for p in suites[case.id].find("properties")}
        record = run.records.get(case.id)
        for name, metric in (record.evidence.metrics if record and record.evidence else {}).items():
            assert told[name] == repr(float(metric.value))
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(audit.get(kind)) == len(list(audit.iter(tag)))
    assert int(root.get("tests")) == len(suites)


def test_what_a_budget_left_out_is_skipped():
    run = run_of(not_run=["late"])
    assert ET.fromstring(render(run)).find(".//error") is not None
    left = dataclasses.replace(run, left={"late": "it may take 3 min"})
    skipped = ET.fromstring(render(left)).find(".//skipped")
    assert skipped.get("message") == "Not run: it may take 3 min"
