"""GitLab's code quality report.

GitLab ships its JSON Schema in no package. What its server's own demands of a finding (app/validators/json_schemas/
codeclimate.json: texts for description, fingerprint and severity, and a location) is part of what is asked for here,
which is what its documentation demands of each field.
"""

import json

import pytest

from auditor.exports.codequality import render
from tests.report.page import every_state, hostile_run, run_of

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


@pytest.mark.parametrize("run", [every_state(), hostile_run(), run_of()], ids=["every state", "hostile", "empty"])
def test_fields_are_those_that_are_documented(run):
    text = render(run)
    assert text == render(run)
    assert text.isascii()
    findings = json.loads(text)
    for finding in findings:
        assert set(finding) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert finding["severity"] in SEVERITIES
        assert set(finding["location"]) == {"path", "lines"}
        assert set(finding["location"]["lines"]) == {"begin"}
        assert type(finding["location"]["lines"]["begin"]) is int
        assert finding["location"]["lines"]["begin"] >= 1
        assert finding["location"]["path"]
        assert not finding["location"]["path"].startswith("./")
        assert all(isinstance(finding[key], str) and finding[key] for key in ("check_name", "fingerprint"))
        assert finding["description"].isprintable(), "one line of text without control characters"
    fingerprints = [finding["fingerprint"] for finding in findings]
    assert len(set(fingerprints)) == len(fingerprints)


def test_what_did_not_pass_is_there_by_its_weight():
    found = {finding["description"].split(":")[0]: finding for finding in json.loads(render(every_state()))}
    assert {case: finding["severity"] for case, finding in found.items()} == {
        "failing": "blocker",
        "expired": "blocker",
        "broken": "critical",
        "killed": "critical",
        "never-began": "critical",
        "unsure": "major",
        "waived": "info",
        "waived-doubt": "info",
    }
    assert "waived by Ada, until 2999-12-31" in found["waived"]["description"]
    assert found["failing"]["location"] == {"path": "specs/a.audit.yaml", "lines": {"begin": 12}}
    assert found["failing"]["check_name"] == "accuracy"
