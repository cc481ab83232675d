"""SARIF: valid by the standard's own schema, and each case that didn't pass is a result that outlasts the run."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from jsonschema import Draft7Validator

import auditor
from auditor import catalog
from auditor.exports import annotations, codequality, junit
from auditor.exports.sarif import render
from auditor.report import summary
from auditor.values import Expectation, PlannedCase, Run, proportion
from tests.report.page import every_state, evidence, hostile_run, record, run_of

VALIDATOR = Draft7Validator(json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text()))


def only_run(text: str) -> dict:
    document = json.loads(text)
    assert list(VALIDATOR.iter_errors(document)) == []
    assert document["version"] == "2.1.0"
    assert len(document["runs"]) == 1
    return document["runs"][0]


def results(text: str) -> dict[str, dict]:
    return {result["properties"]["case"]: result for result in only_run(text)["results"]}


def every_check():
    cases = [PlannedCase(name, name, "A question?", "m", 1, True) for name in catalog.names("checks")]
    return replace(run_of(), cases=tuple(cases))


@pytest.mark.parametrize(
    "run",
    [every_state(), hostile_run(), run_of(), every_check()],
    ids=["every state", "hostile", "empty", "every check"],
)
def test_it_is_valid_and_the_same_each_time(run):
    only_run(render(run))
    assert render(run) == render(run)


def test_the_schema_would_notice():
    document = json.loads(render(every_state()))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert list(VALIDATOR.iter_errors(document))


def test_what_did_not_pass_is_a_result_of_its_level():
    found = results(render(every_state()))
    assert {case: result["level"] for case, result in found.items()} == {
        "failing": "error",
        "unsure": "warning",
        "broken": "error",
        "waived": "error",
        "waived-doubt": "warning",
        "expired": "error",
        "killed": "error",
        "never-began": "error",
    }
    assert found["broken"]["properties"]["errorKind"] == "DataError"
    assert found["failing"]["properties"]["metrics"] == {"accuracy": 0.96}
    assert "violates accuracy ≤ 50%" in found["failing"]["message"]["text"]


def test_only_a_waiver_in_force_suppresses():
    found = results(render(every_state()))
    suppressed = {case for case, result in found.items() if result["suppressions"]}
    assert suppressed == {"waived", "waived-doubt"}
    assert found["waived"]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "Ada, until 2999-12-31: until the retraining"}
    ]


def test_a_result_stands_where_its_case_does_in_the_spec():
    run = every_state()
    lines = {case.id: case.line for case in run.cases}
    for case, result in results(render(run)).items():
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "specs/a.audit.yaml", "uriBaseId": "%SRCROOT%"}
        assert place["region"] == {"startLine": lines[case]}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("./specs/a b#1%.audit.yaml", "specs/a%20b%231%25.audit.yaml"),
        ("/srv/é.audit.yaml", "file:///srv/%C3%A9.audit.yaml"),
        ("../x.audit.yaml", "../x.audit.yaml"),
    ],
)
def test_a_path_becomes_a_uri(path, uri):
    run = replace(run_of(record("a")), spec=path)
    artifact = results(render(run))["a"]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == uri
    assert ("uriBaseId" in artifact) == (not uri.startswith("file:"))
    assert unquote(uri).endswith(path.removeprefix("./"))


def test_fingerprints_name_audit_case_and_check_and_nothing_measured():
    def prints(run):
        return {case: result["partialFingerprints"]["auditCase/v1"] for case, result in results(render(run)).items()}

    worse = record("a", evidence({"accuracy": proportion(1, 100)}), Expectation("accuracy", min=0.9))
    bad = replace(worse, evidence=evidence({"accuracy": proportion(2, 100)}))
    before, after = run_of(worse, record("b")), replace(run_of(record("b"), bad), id="another", spec="moved.audit.yaml")
    assert prints(before) == prints(after)
    assert len(set(prints(before).values())) == 2
    assert prints(before)["a"] != prints(replace(before, audit="another"))["a"]
    other = replace(before, cases=tuple(replace(case, check="transfer") for case in before.cases))
    assert prints(before)["a"] != prints(other)["a"]


def test_checks_are_rules_with_their_documentation():
    run = every_check()
    rules = only_run(render(run))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(catalog.names("checks"))
    for rule in rules:
        documentation = catalog.documentation("checks", rule["id"])
        assert rule["shortDescription"]["text"] == documentation[""]
        assert all(f"{title}\n" in rule["help"]["text"] for title in documentation if title)
        assert len(rule["fullDescription"]["text"]) <= 1024
        assert rule["name"].casefold() != rule["id"].casefold()
    for case, result in results(render(run)).items():
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == case


def test_a_check_that_is_not_installed_is_still_a_rule():
    run = replace(run_of(), cases=(PlannedCase("a", "gone", "A question?", "m", 1, True),))
    (rule,) = only_run(render(run))["tool"]["driver"]["rules"]
    assert rule["id"] == "gone"
    # GitHub refuses a file with a rule that lacks one of these.
    for part in ("shortDescription", "fullDescription", "help"):
        assert "unknown check 'gone'" in rule[part]["text"]


def test_the_tool_says_whether_it_could_measure_everything():
    run = only_run(render(every_state()))
    assert run["tool"]["driver"]["version"] == auditor.__version__
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["startTimeUtc"] == "2026-07-01T12:00:00Z"
    assert "startTimeUtc" not in only_run(render(hostile_run()))["invocations"][0], "a time that is none"
    told = [(told["level"], told["message"]["text"].split(":")[0]) for told in invocation["toolExecutionNotifications"]]
    assert told[:3] == [("error", "broken"), ("error", "killed"), ("error", "never-began")]
    assert told[3:] == [("note", "described"), ("note", "compared"), ("note", "nothing")], "no alerts, and no silence"
    assert run["properties"]["overall"] == "error"
    assert invocation["toolExecutionNotifications"][0]["exception"]["kind"] == "DataError"
    failed = only_run(render(run_of(record("a", evidence(), Expectation("accuracy", max=0.5)))))
    assert failed["invocations"][0]["executionSuccessful"] is True, "that a model fails is a finding, not a breakdown"
    assert len(failed["results"]) == 1


def test_messages_make_no_links_and_show_no_control_characters():
    text = render(hostile_run())
    assert text.isascii()
    messages = [result["message"]["text"] for result in only_run(text)["results"]]
    assert len(messages) == 3
    assert sum("\\[x\\](http://y){{0}}\\\\@z" in said for said in messages) == 2, "a metric's name and a case's id"
    for said in messages:
        assert not re.search(r"(?<!\\)[\[\]]|[\x1b\u202e\u200b\n]", said)


def test_a_long_message_is_cut_to_what_is_shown():
    said = results(render(run_of(record("a", verdict=replace(record("a").verdict, message="x" * 5000)))))["a"]
    assert len(said["message"]["text"]) <= 1024
    assert said["message"]["text"].endswith("x …")


def doubtful() -> Run:
    """A run in which a pass, a case that fails and the spec itself say less than they seem to."""
    good, bad = Expectation("accuracy", min=0.5), Expectation("accuracy", max=0.5)
    run = run_of(
        record("good", evidence(caveats=("the images are of one class",)), good), record("bad", evidence(), bad)
    )
    twice = "line 7: an attack of one start is weak"
    more = {
        "good": {"warnings": (twice, "line 9: an attack of one start is weak"), "caveats": (twice.split(": ")[1],)},
        "bad": {"warnings": ("line 12: anything would meet it",)},
    }
    cases = tuple(replace(case, **more[case.id]) for case in run.cases)
    return replace(run, cases=cases, remarks=("line 2: the title says `safe`",), eased={"gone": "it is asked no more"})


def test_what_makes_a_claim_weak_is_a_result_that_is_told_once():
    run = only_run(render(doubtful()))
    rules = run["tool"]["driver"]["rules"]
    told = {}
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help")), "as GitHub wants it"
        assert rule.get("defaultConfiguration", {"level": "error"})["level"] == result["level"]
        line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
        told[result["message"]["text"], line] = (result["ruleId"], result["level"])
    assert told.pop(("bad: " + doubtful().records["bad"].verdict.message, 11)) == ("accuracy", "error")
    assert told == {
        ("the title says `safe`", 2): ("weak-claim", "warning"),
        ("good: an attack of one start is weak", 7): ("weak-claim", "warning"),
        ("good: an attack of one start is weak", 9): ("weak-claim", "warning"),
        ("bad: anything would meet it", 12): ("weak-claim", "warning"),
        ("gone: it is asked no more", 1): ("says-less", "note"),
        ("good: the images are of one class", 10): ("says-less", "note"),
    }
    assert run["invocations"][0]["toolExecutionNotifications"] == [], "and nowhere else"
    prints = [tuple(result["partialFingerprints"].items()) for result in run["results"]]
    assert len(set(prints)) == len(prints)
    moved = doubtful()
    warnings = tuple(said.replace("line 7", "line 70") for said in moved.cases[0].warnings)
    moved = replace(moved, cases=(replace(moved.cases[0], warnings=warnings), *moved.cases[1:]))
    again = [tuple(result["partialFingerprints"].items()) for result in only_run(render(moved))["results"]]
    assert again == prints, "a line above it changes no finding"


def test_other_outputs_tell_it_once_too():
    run = doubtful()
    said = {"an attack of one start is weak": 2, "anything would meet it": 1, "the title says": 1, "of one class": 1}
    found = codequality.findings(run)
    assert [one["severity"] for one in found] == ["blocker", *["minor"] * 4, *["info"] * 2]
    assert len({one["fingerprint"] for one in found}) == len(found)
    texts = {
        "code quality": codequality.render(run),
        "JUnit": junit.render(run),
        "flat JUnit": junit.render_flat([run]),
        "summary": summary.render(run),
    }
    # Where a pass has one line, the same said at two places of the spec is said in it once.
    for name, text in texts.items():
        many = said | ({} if name == "code quality" else {"an attack of one start is weak": 1})
        assert {one: text.count(one) for one in said} == many, name
    commands = [re.sub(r".*line=(\d+),title=(.*)", r"\1 \2", command) for command in annotations.of_run(run)]
    assert commands == [
        "11 bad%3A fail::accuracy ≤ 0.5 asked, 0.96 measured",
        "2 weak claim::the title says `safe`",
        *(f"{line} good%3A pass%2C but::an attack of one start is weak" for line in (7, 9)),
        "10 good%3A pass%2C but::the images are of one class",
    ]
