"""What a statement says of a run: passed only where all that was planned ran, some gate was judged, none was waived."""

import base64
import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml

from auditor.evidence.attestation import NAME, SUMMARY, attest, check, new_key, statement, summary
from auditor.evidence.verification import verify
from auditor.exports.files import drawn_by
from auditor.exports.publishing import render_report
from auditor.records import manifest
from auditor.records.store import Folder
from auditor.values import Expectation, Purpose, RecordError, Waiver
from tests.report.page import evidence, record, run_of
from tests.report.test_opening import SAID

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
    manifest.seal(tmp_path, manifest.USUAL, {}, run, "audit", "")
    predicate = statement(tmp_path)["predicate"]
    assert predicate["result"] == result
    found = {kind: predicate[f"{kind}Tests"] for kind in ("passed", "warned", "failed")}
    about = next(part["annotations"] for part in predicate["configuration"] if "annotations" in part)
    assert {kind: cases for kind, cases in (found | {"descriptive": about["descriptive"]}).items() if cases} == told


def sealed(folder, run):
    Folder(folder).save_run(run)
    manifest.seal(folder, manifest.USUAL, {}, run, "audit", "")


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


def test_a_first_page_that_names_somebody_else_is_found_and_so_is_a_statement_that_says_something_else(tmp_path):
    """Whoever answers, sealed anew by whoever changed it; and a signed text that was changed under its signature."""
    folder, key = Folder(tmp_path / "reports" / "audit"), tmp_path / "key.pem"
    folder.save_run(dataclasses.replace(run_of(PASSING), accountability=SAID))
    render_report(folder)
    public = new_key(key)
    attest(folder.path, key)
    told = {finding.of: finding.standing for finding in verify(folder.path, model=False)}
    assert {told[name] for name in ("index.html", "declaration.html", NAME, SUMMARY)} == {"holds"}

    for name in ("index.html", "declaration.html"):
        page = folder.path / name
        first = page.read_bytes()
        assert b"Ada" in first
        page.write_bytes(first.replace(b"Ada", b"Eve"))
        manifest.seal(folder.path, manifest.USUAL, drawn_by(), folder.load_run(), "audit", "")
        found = {f.of: f.standing for f in verify(folder.path, model=False) if f.what != "digests"}
        assert (found[name], found[NAME]) == ("doesn't hold", "doesn't hold")
        page.write_bytes(first)

    folder.save_run(dataclasses.replace(run_of(PASSING), accountability=SAID))
    render_report(folder)
    attest(folder.path, key)
    envelope = json.loads((folder.path / NAME).read_text())
    for part, belongs in (("url", "holds"), ("result", "doesn't hold")):
        said = json.loads(base64.b64decode(envelope["payload"]))
        said["predicate"][part] = "something else"
        changed = base64.b64encode(json.dumps(said, sort_keys=True).encode()).decode()
        (folder.path / NAME).write_text(json.dumps(envelope | {"payload": changed}))
        with pytest.raises(RecordError, match="is not signed by"):
            check(folder.path, public)
        assert stated(folder.path)[NAME] == belongs, (
            "a url is the signer's own word, so the signature alone speaks for it"
        )


def test_the_page_says_by_whose_key_it_is_signed_and_verify_whether_that_is_so(tmp_path):
    folder, key, other = Folder(tmp_path / "reports" / "audit"), tmp_path / "key.pem", tmp_path / "other.pem"
    folder.save_run(run_of(PASSING))
    render_report(folder)
    page = folder.path / "index.html"
    assert "none was known when this page was written" in page.read_text()
    public, stranger = new_key(key), new_key(other)
    attest(folder.path, key)
    der = base64.b64decode("".join(public.read_text().splitlines()[1:-1]))
    digest = hashlib.sha256(der).hexdigest()
    assert f'<code class="digest">{digest}</code>' in page.read_text()
    assert check(folder.path, public)["predicate"]["result"] == "PASSED"
    told = {(one.of, one.what): one.standing for one in verify(folder.path, model=False)}
    assert told[NAME, "belongs to this report"] == told["index.html", "rendered"] == "holds"

    render_report(folder)  # as `auditor report` does: the same page, and the statement is still its own
    assert check(folder.path, public)
    envelope = (folder.path / NAME).read_bytes()
    (folder.path / NAME).unlink()
    assert {one.standing for one in verify(folder.path, model=False) if one.of == NAME} == {"doesn't hold"}

    (folder.path / NAME).write_bytes(envelope)
    text = json.loads((folder.path / "manifest.json").read_text())
    forged = hashlib.sha256(b"another").hexdigest()
    manifest.seal(folder.path, manifest.Layout(signed_by=forged), text["drawn_by"], folder.load_run(), "audit", "")
    told = {(one.of, one.what): one.standing for one in verify(folder.path, model=False)}
    assert told["index.html", "rendered"] == told[NAME, "belongs to this report"] == "doesn't hold"
    attest(folder.path, other)
    with pytest.raises(RecordError, match="is not signed by"):
        check(folder.path, public)
    assert (
        hashlib.sha256(base64.b64decode("".join(stranger.read_text().splitlines()[1:-1]))).hexdigest()
        in page.read_text()
    )

    render_report(folder, manifest.USUAL)  # as a new run does
    assert digest not in page.read_text()
    assert "none was known" in page.read_text()


# --- policy engines, as the guide shows them

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-and-sign.md"
SVR = "https://in-toto.io/attestation/svr/v0.1"


@pytest.fixture(scope="module")
def summed_up(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("svr")
    sealed(folder, run_of(PASSING))
    return summary(folder, statement(folder))


def shown(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return found


def test_the_guides_rego_admits_the_model_that_passed_under_the_spec_and_no_other(summed_up):
    regopy = pytest.importorskip("regopy")
    model, spec = summed_up["subject"][0]["digest"]["sha256"], run_of(PASSING).spec_digest

    def admitted(said: dict, release: dict) -> bool:
        engine = regopy.Interpreter()
        engine.add_module("models", shown("rego"))
        engine.add_data({"release": release})
        engine.set_input(said)
        return str(engine.query("data.models.admit")) == '{"expressions":[true]}'

    asked = {"sha256": model, "spec_sha256": spec}
    assert admitted(summed_up, asked)
    assert not admitted(summed_up, asked | {"sha256": "0" * 64})
    assert not admitted(summed_up, asked | {"spec_sha256": "0" * 64})
    assert not admitted(summed_up | {"predicateType": "https://slsa.dev/verification_summary/v1"}, asked)
    failed = summed_up["predicate"] | {"properties": ["REQUIREMENT_MEASURED_R1"]}
    assert not admitted(summed_up | {"predicate": failed}, asked)


@pytest.mark.parametrize(
    ("found", "properties", "spec", "admitted"),
    [
        (1, ["ROBUSTNESS_AUDIT_PASSED"], "", [True, True]),
        (0, ["ROBUSTNESS_AUDIT_PASSED"], "", [False, True]),
        (1, ["REQUIREMENT_MEASURED_R1"], "", [True, False]),
        (1, ["ROBUSTNESS_AUDIT_PASSED"], "0" * 64, [True, False]),
    ],
)
def test_the_guides_kyverno_policy_admits_what_passed_under_the_spec_and_no_other(
    summed_up, found, properties, spec, admitted
):
    """Its expressions, by another implementation of their language; nothing here runs Kyverno or asks a registry."""
    celpy = pytest.importorskip("celpy")
    policy = yaml.safe_load(shown("yaml"))["spec"]
    [attestation], [attestor] = policy["attestations"], policy["attestors"]
    assert attestation["intoto"]["type"] == summed_up["predicateType"] == SVR
    # What is handed to a policy is the whole statement, whose signature was checked before.
    said = summed_up | {"predicate": summed_up["predicate"] | {"properties": properties}}
    known = {
        "images": {"containers": ["registry.example.org/models/mnist@sha256:1"]},
        "attestations": {attestation["name"]: attestation["name"]},
        "attestors": {attestor["name"]: attestor["name"]},
    }
    asked = {
        "verifyAttestationSignatures": lambda _image, _attestation, _attestors: celpy.json_to_cel(found),
        "extractPayload": lambda _image, _attestation: celpy.json_to_cel(said),
    }
    engine, spec = celpy.Environment(), spec or run_of(PASSING).spec_digest
    rules = [engine.compile(rule["expression"].replace("SPEC_SHA256", spec)) for rule in policy["validations"]]
    assert [bool(engine.program(rule, asked).evaluate(celpy.json_to_cel(known))) for rule in rules] == admitted


# --- the official messages of the predicates


def test_statements_are_messages_of_in_totos_own_definitions(tmp_path, summed_up):
    messages = pytest.importorskip("in_toto_attestation.v1.statement_pb2")
    result = pytest.importorskip("in_toto_attestation.predicates.test_result.v0.test_result_pb2")
    from google.protobuf.json_format import ParseDict, ParseError
    from google.protobuf.timestamp_pb2 import Timestamp

    sealed(tmp_path, run_of(PASSING, WAIVED, DESCRIBED))
    made = statement(tmp_path, "https://ci.example.org/7")
    for said in (made, summed_up):
        read = ParseDict(said, messages.Statement())
        assert read.type == "https://in-toto.io/Statement/v1"
        assert [one.digest["sha256"] for one in read.subject] == [one["digest"]["sha256"] for one in said["subject"]]
    read = ParseDict(made["predicate"], result.TestResult())
    assert (read.result, read.url) == ("WARNED", "https://ci.example.org/7")
    assert (list(read.passed_tests), list(read.warned_tests), list(read.failed_tests)) == (["a"], ["g"], [])
    assert {one.name for one in read.configuration} >= {run_of(PASSING).spec, manifest.NAME}
    with pytest.raises(ParseError):
        ParseDict(made["predicate"] | {"passed": ["a"]}, result.TestResult())
    # The package has no message for a Simple Verification Result; these are the fields that its text requires.
    assert set(summed_up["predicate"]) == {"verifier", "timeCreated", "properties"}
    Timestamp().FromJsonString(summed_up["predicate"]["timeCreated"])
