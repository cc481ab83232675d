"""A spec with a mistake: the others run, its last report stands, and every output says that it wasn't run."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from click.testing import CliRunner
from jsonschema import Draft7Validator

from auditor.cli.main import main
from tests.plain import make_plain, run_plain
from tests.plugin.test_sessions import content

SCHEMA = Path(__file__).parents[1] / "exports" / "schemas" / "sarif-2.1.0.json"
CHECKS = "- {id: wrong, check: act, model: a, expect: {accuracy: {max: 0.5}}}\n"
CONTINUE = "--continue-on-collection-errors"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A good spec and one that was good, run as GitHub would; what the session printed, and what lay there before."""
    folder = tmp_path_factory.mktemp("ran")
    good = make_plain(folder, CHECKS)
    good.write_text(good.read_text() + "- {id: easy, check: accuracy, model: a, expect: {accuracy: {min: 0.1}}}\n")
    other = folder / "other: a,b.audit.yaml"
    other.write_text(good.read_text().replace("audit: plain", "audit: other"))
    run_plain(folder)
    before = {n: d for n, d in content(folder / "reports").items() if n.startswith("other/")}
    assert before
    other.write_text(other.read_text().replace("check: act", "check: cat"))
    done = run_plain(folder, CONTINUE, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
    return folder, done, before


def test_the_others_run_and_its_last_report_stands(ran):
    folder, done, before = ran
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    assert "## ✕ plain: fail" in (folder / "summary.md").read_text()
    assert {n: d for n, d in content(folder / "reports").items() if n.startswith("other/")} == before


def cases_in(path, strict=False):
    document = ET.parse(path).getroot()
    if strict:
        xmlschema.XMLSchema(SCHEMA.with_name("junit-10.xsd")).validate(document)
    assert int(document.get("errors")) == len(document.findall(".//error"))
    return document.findall(".//testcase")


def test_every_output_says_where_the_mistake_is(ran):
    folder, done, _ = ran
    line = next(
        n for n, text in enumerate((folder / "other: a,b.audit.yaml").read_text().splitlines(), 1) if "cat" in text
    )
    summary = (folder / "summary.md").read_text()
    assert "## ! a spec can't be run: nothing is known of what it asks" in summary
    commands = [said for said in done.stdout.splitlines() if said.startswith("::")]
    assert commands[0].startswith(f"::error file=other%3A a%2Cb.audit.yaml,line={line},col=")
    assert "unknown check 'cat'" in commands[0]
    assert commands[1].startswith("::error file=plain.audit.yaml,line=8,title=wrong%3A fail::")
    # What a pass doesn't say is shown beside its line, too.
    assert commands[2].startswith(
        "::warning file=plain.audit.yaml,line=9,title=easy%3A pass%2C but::for accuracy ≥ 0.1 al"
    )
    assert len(commands) == 3
    document = json.loads((folder / "reports" / "@specs" / "results.sarif").read_text())
    assert list(Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(document)) == []
    (result,) = document["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": line}
    (finding,) = json.loads((folder / "reports" / "@specs" / "gl-code-quality.json").read_text())
    assert finding["location"] == {"path": "other: a,b.audit.yaml", "lines": {"begin": line}}
    (test,) = cases_in(folder / "reports" / "@specs" / "junit.xml", strict=True)
    assert (test.get("name"), test.find("error").get("message")) == ("other: a,b.audit.yaml", finding["description"])
    assert f"line {line}: unknown check 'cat'" in test.find("error").text
    joined = CliRunner().invoke(
        main, ["report", str(folder / "reports" / "plain"), str(folder / "reports"), "--join", str(folder)]
    )
    assert joined.exit_code == 0, joined.output
    assert {f["check_name"] for f in json.loads((folder / "gl-code-quality.json").read_text())} == {
        "spec",
        "act",
        "weak-claim",
    }
    assert next((test.get("classname"), len(test)) for test in cases_in(folder / "junit.xml")) == ("@specs", 1)
    assert {test.get("classname") for test in cases_in(folder / "junit.xml")} == {"@specs", "plain", "other"}


def test_once_it_is_mended_nothing_says_so(ran):
    folder, _, _ = ran
    other = folder / "other: a,b.audit.yaml"
    other.write_text(other.read_text().replace("check: cat", "check: act"))
    assert run_plain(folder, "-n", "1", GITHUB_ACTIONS="true").returncode == 1
    document = json.loads((folder / "reports" / "@specs" / "results.sarif").read_text())
    assert document["runs"][0]["results"] == []  # which closes what code scanning was told before
    assert not (folder / "reports" / "@specs" / "junit.xml").exists()
    assert run_plain(folder, GITHUB_ACTIONS="").returncode == 1
    assert not (folder / "reports" / "@specs").exists()
