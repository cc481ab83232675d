"""A log tells each failure once: its story where failures are told, one figure of it elsewhere."""

import re
import shlex
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from tests.plain import make_plain, run_plain

CHECKS = """\
- {id: bad, check: accuracy, model: a, expect: {accuracy: {max: 0.5}}}
- {id: unsure, check: accuracy, model: a, params: {first: 3}, expect: {accuracy: {min: 0.9}}}
- {id: broken, check: accuracy, model: a, expect: {accuracy: {max_drop: 0.1}}}
- {id: easy, check: accuracy, model: a, expect: {accuracy: {min: 0.1}}}
- {id: forgiven, check: accuracy, model: a, expect: {accuracy: {max: 0.4}}}
waivers:
- {case: forgiven, reason: until retrained, owner: Ada, expires: 2999-12-31}
"""
WRONG = "audit: wrong\ndata: {dataset: npz, path: data.npz, nonsuch: 1}\n"
# What is said of each case, in words of which a log needs one copy.
OF_CASES = {
    "bad": "violates accuracy ≤ 50%",
    "unsure": "29 samples would settle it",
    "broken": "name one of the spec's models `baseline`",
    "easy": "33.3% of the images have, is enough",
    "forgiven": "violates accuracy ≤ 40%",
    "unsure, as planned": "with fewer it is inconclusive at best",
    "waiver, as planned": "give it a day within a year",
}
BRIEF = {
    "bad": "accuracy ≤ 50% asked, 100% measured",
    "unsure": "accuracy ≥ 90% asked, 100% measured, which isn't settled",
    "broken": "accuracy has no baseline to be compared with: give a previous run's re …",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An audit of every kind of failure beside an ordinary test that fails, and a spec with a mistake."""
    made = tmp_path_factory.mktemp("told")
    make_plain(made, CHECKS)
    (made / "test_other.py").write_text("def test_one():\n    assert 1 == 2\n")
    (made / "wrong.audit.yaml").write_text(WRONG)
    return made


@pytest.fixture(scope="module")
def log(folder):
    """The session as GitHub shows it."""
    options = ("--continue-on-collection-errors", "--junitxml=pytest.xml")
    return run_plain(folder, *options, GITHUB_ACTIONS="true", CI="true").stdout


def times(text: str) -> dict[str, int]:
    """How often each sentence stands in a text, however its lines were broken."""
    whole = " ".join(text.replace("%25", "%").split())
    return {name: whole.count(said) for name, said in OF_CASES.items()}


def test_each_failure_is_told_once(folder, log):
    assert times(log) == dict.fromkeys(OF_CASES, 1)
    failures = log.split("= FAILURES =")[1].split("= audit remarks =")[0]
    assert {name for name, many in times(failures).items() if many} >= {"bad", "unsure", "broken"}
    assert "E       assert 1 == 2" in failures, "ordinary tests keep their own"
    table = log.split("= plain =")[1].split("= short test summary info =")[0]
    summary = log.split("= short test summary info =")[1]
    commands = [line for line in log.splitlines() if line.startswith("::")]
    for case, brief in BRIEF.items():
        assert re.search(rf"^\w+ +{case} +{re.escape(brief)} ", table, re.MULTILINE), table
        assert re.search(rf"^[A-Z]+ plain\.audit\.yaml::{case} - {re.escape(brief)}$", summary, re.MULTILINE), summary
        (command,) = (one for one in commands if f"title={case}%3A" in one)
        assert command.partition("::")[2].partition("::")[2].replace("%25", "%") == brief
    told = {case.get("name"): case.find("failure") for case in ET.parse(folder / "pytest.xml").iter("testcase")}
    assert {case: told[case].get("message") for case in BRIEF} == BRIEF
    assert OF_CASES["bad"] in told["bad"].text


def test_a_mistake_in_a_spec_is_told_once(log):
    mistakes = re.findall(r"^wrong\.audit\.yaml:\d+:\d+: (.+)$", log, re.MULTILINE)
    commands = [line for line in log.splitlines() if line.startswith("::error file=wrong.audit.yaml")]
    assert len(mistakes) == len(commands) > 0
    long = [said for said in mistakes if len(said) > 110]
    assert long
    assert all(log.replace("%25", "%").count(said) == 1 for said in long)


def test_the_command_that_is_named_next_says_more(folder, log, monkeypatch):
    named = re.findall(r"^next: auditor (.+)$", log, re.MULTILINE)
    assert len(named) == 3
    monkeypatch.chdir(folder)
    for case, command in zip(BRIEF, named, strict=True):
        said = CliRunner().invoke(main, shlex.split(command))
        assert said.exit_code == 0, said.output
        assert OF_CASES[case] in said.output


@pytest.mark.parametrize(
    "options",
    [["-n", "1"], ["--tb=no", "-v"], ["--tb=line", "-q"], ["--tb=long", "--no-summary"]],
    ids=" ".join,
)
def test_so_it_does_however_pytest_is_asked(folder, options):
    result = run_plain(folder, *options, "--ignore=wrong.audit.yaml", NO_COLOR="1")
    assert times(result.stdout) == dict.fromkeys(OF_CASES, 1), result.stdout
    assert "\x1b" not in result.stdout
    assert pytest.RunResult.parse_summary_nouns(result.stdout.splitlines())["failed"] == 4
