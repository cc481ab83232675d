"""`auditor verify`: whatever is changed in a finished audit is found and named, without running an attack."""

import dataclasses
import json
import sys
from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.evidence.verification import verify
from auditor.exports.publishing import render_report
from auditor.records import manifest
from auditor.records.store import Folder
from tests.support import last_run, spec, write

# pytester forgets what a test has imported, and this library can't be imported twice.
import_module("cryptography.hazmat.primitives.serialization")

CASES = """\
- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
- id: holds
  check: robust_accuracy
  params: {eps: 0.3, attacks: [{attack: apgd, steps: 10}]}
  expect: {robust_accuracy: {max: 0.5}}
- {id: curve, check: security_curve, params: {eps: [0.1, 0.3], attacks: [{attack: apgd, steps: 10}]}}
- {id: near, check: minimal_perturbation, params: {attacks: [{attack: deepfool}]}}
- {id: flips, check: digit_flip, params: {target: 0, steps: 5, step_size: 0.3, objective: logit}}
- {id: noise, check: noise_to_target, params: {target: 1, samples: 10, steps: 5, objective: logit}}
- {id: each, check: noise_to_target, params: {target: all, samples: 10, steps: 5, clip: both, objective: logit}}
- {id: towards, check: robust_accuracy, params: {eps: 0.3, target: 1, attacks: [{attack: apgd, steps: 10}]}}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache, so that the cases are measured once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def audited(project, kept, monkeypatch):
    """A finished audit, in the folder it was run from."""
    write(project, spec(CASES))
    project.runpytest_inprocess("-q", f"--audit-cache={kept}")
    monkeypatch.chdir(project.path)
    return project


def folder(project):
    return project.path / "reports" / "tiny"


def wrong(project, **how) -> dict[tuple[str, str], str]:
    return {(f.of, f.what): f.seen for f in verify(folder(project), **how) if not f.ok}


def test_an_untouched_audit_holds_and_every_image_was_looked_at(audited):
    found = list(verify(folder(audited)))
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]
    predicted = {finding.of: finding.seen for finding in found if finding.what == "predicted again"}
    assert set(predicted) == {"holds", "curve", "near", "flips", "noise", "each", "towards"}
    assert "40 of 60 fool the checkpoint, 0 unlike stored; " in predicted["holds"]
    assert "still do as 8-bit images" in predicted["holds"]
    assert {finding.of for finding in found if finding.what == "counted"} == set(predicted)
    result = CliRunner().invoke(main, ["verify", "reports/tiny/index.html"])
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("What was checked again holds; ")


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "name",
    ["run.json", "index.html", "records/holds/record.json", "records/holds/arrays.npz", "records/clean/begun"],
)
def test_one_changed_bit_in_any_file_is_found_and_named(audited, name):
    flip(folder(audited) / name)
    assert wrong(audited, model=False)[name, "digests"] == "has been changed"
    result = CliRunner().invoke(main, ["verify", "reports/tiny", "--without-model"])
    assert result.exit_code == 1
    assert name in result.output


def test_files_that_come_or_go_are_found(audited):
    (folder(audited) / "records" / "extra.json").write_text("{}")
    (folder(audited) / "records" / "near" / "arrays.npz").unlink()
    page = folder(audited) / "index.html"
    page.rename(folder(audited).parent / "elsewhere.html")
    page.symlink_to(folder(audited).parent / "elsewhere.html")
    found = wrong(audited, model=False)
    assert found["records/extra.json", "digests"] == "is not in the manifest"
    assert found["records/near/arrays.npz", "digests"] == "is missing"
    assert found["index.html", "digests"] == "is a link, not a file"
    (folder(audited) / manifest.NAME).unlink()
    assert "has no manifest.json" in wrong(audited)["the folder", "digests"]


def tamper(project, case: str, change) -> None:
    """Change a record, then render and seal everything anew, as somebody would who knows how."""
    store = Folder(folder(project))
    record = last_run(project).records[case]
    store.save(change(record))
    render_report(store)


def evidence(**more):
    return lambda record: dataclasses.replace(record, evidence=dataclasses.replace(record.evidence, **more))


def images(change):
    """Change the adversarial images of a record."""

    def changed(record):
        made = change(record.evidence.adversarial)
        return dataclasses.replace(record, evidence=dataclasses.replace(record.evidence, adversarial=made))

    return changed


def better_metric(record):
    metric = dataclasses.replace(record.evidence.metrics["robust_accuracy"], value=0.9, successes=54)
    return evidence(metrics={**record.evidence.metrics, "robust_accuracy": metric})(record)


def consistent_lie(record):
    """Every number agrees with every other, but for the images."""
    from auditor.values import proportion

    rows = record.evidence.metrics["robust_accuracy"].rows
    held = np.arange(60) < 10
    metrics = {**record.evidence.metrics, "robust_accuracy": proportion(held, rows=rows)}
    return evidence(metrics=metrics)(record)


def moved_image(made):
    shifted = made.images.copy()
    shifted[3] = np.clip(shifted[3] + 0.31 * np.sign(0.5 - made.originals[3]), 0, 1)
    return dataclasses.replace(made, images=shifted)


@pytest.mark.parametrize(
    ("case", "change", "where"),
    [
        ("clean", lambda r: dataclasses.replace(r, confidence=0.6), "verdict"),
        ("clean", lambda r: dataclasses.replace(r, verdict=dataclasses.replace(r.verdict, status="fail")), "verdict"),
        ("holds", better_metric, "metrics"),
        ("holds", consistent_lie, "counted"),
        ("holds", images(moved_image), "within bounds"),
        ("holds", images(lambda m: dataclasses.replace(m, images=m.originals)), "predicted again"),
        ("holds", images(lambda m: dataclasses.replace(m, fooled=~m.fooled)), "predicted again"),
        ("holds", images(lambda m: dataclasses.replace(m, labels=(m.labels + 1) % 3)), "originals"),
        ("near", images(lambda m: dataclasses.replace(m, originals=m.originals * np.float32(0.9))), "originals"),
        (
            "flips",
            images(lambda m: dataclasses.replace(m, proof=dataclasses.replace(m.proof, after=m.proof.after + 1))),
            "logits",
        ),
        ("noise", images(lambda m: dataclasses.replace(m, fooled=~m.fooled)), "counted"),
        ("curve", images(lambda m: dataclasses.replace(m, fooled=np.zeros_like(m.fooled))), "predicted again"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_what_was_changed_and_sealed_anew_is_found_where_it_contradicts_the_rest(audited, case, change, where):
    tamper(audited, case, change)
    found = wrong(audited)
    assert (case, where) in found
    assert {of for of, _ in found} == {case}


def test_another_checkpoint_data_or_spec_is_noticed(audited):
    (audited.path / "linear.keras").write_bytes((audited.path / "conv.keras").read_bytes())
    found = wrong(audited)
    assert found["clean", "checkpoint"] == "linear is another checkpoint than was audited"
    assert ("holds", "predicted again") in found
    write(audited, spec(CASES.replace("min: 0.9", "min: 0.8")))
    assert "has been changed since" in wrong(audited)["one.audit.yaml", "spec"]
    (audited.path / "one.audit.yaml").unlink()
    assert "No such file" in wrong(audited)["one.audit.yaml", "spec"]
    assert set(wrong(audited, model=False)) == {("one.audit.yaml", "spec")}


def test_verifying_without_the_model_loads_no_tensorflow(audited):
    program = (
        "import sys; from auditor.cli.main import main;"
        "main(['verify', 'reports/tiny', '--without-model'], standalone_mode=False);"
        "print([n for n in ('tensorflow', 'keras', 'matplotlib.pyplot') if n in sys.modules])"
    )
    assert audited.run(sys.executable, "-c", program).outlines[-1] == "[]"


# --- attestation


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def sign(key="audit.pem"):
    made = invoke("attest", "reports/tiny", "--key", key, "--new-key")
    assert made.exit_code == 0, made.output


def test_a_signed_statement_names_checkpoint_spec_and_results(audited):
    import base64

    sign()
    envelope = json.loads((folder(audited) / "attestation.json").read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(base64.b64decode(envelope["payload"]))
    run = last_run(audited)
    [subject] = statement["subject"]
    assert subject == {"name": "linear.keras", "digest": {"sha256": manifest.digest(audited.path / "linear.keras")}}
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["predicate"]["result"] == "PASSED"
    assert statement["predicate"]["configuration"][0]["digest"]["sha256"] == run.spec_digest
    told = {kind: cases for kind, cases in statement["predicate"].items() if kind.endswith("Tests") and cases}
    gated = ["clean", "holds"]
    described = [case for case in run.records if case not in gated]
    assert told == {"passedTests": gated}
    about = next(part["annotations"] for part in statement["predicate"]["configuration"] if "annotations" in part)
    assert about["descriptive"] == described
    checked = invoke("verify", "reports/tiny", "--key", "audit.pub", "--without-model")
    assert checked.exit_code == 0
    assert "signed by audit.pub: PASSED" in checked.output
    assert (audited.path / "audit.pem").stat().st_mode & 0o077 == 0


def test_what_is_sealed_anew_after_signing_no_longer_fits_the_signature(audited):
    sign()
    tamper(audited, "holds", consistent_lie)
    result = invoke("verify", "reports/tiny", "--key", "audit.pub", "--without-model")
    assert result.exit_code == 2
    assert "was signed for something else" in result.output


def test_signatures_and_keys_that_don_t_fit_are_refused(audited):
    missing = invoke("verify", "reports/tiny", "--key", "data.npz")
    assert (missing.exit_code, "no unencrypted PEM key" in missing.output) == (2, True)
    sign()
    (audited.path / "other").mkdir()
    sign("other/audit.pem")
    assert "is not signed by audit.pub" in invoke("verify", "reports/tiny", "--key", "audit.pub").output
    assert "a key is never overwritten" in invoke("attest", "reports/tiny", "--key", "audit.pem", "--new-key").output
    assert "--new-key makes one" in invoke("attest", "reports/tiny", "--key", "none.pem").output
    flip(folder(audited) / "index.html")
    refused = invoke("attest", "reports/tiny", "--key", "audit.pem")
    assert (refused.exit_code, "index.html has been changed" in refused.output) == (2, True)


# --- replay


def test_one_finding_comes_out_again_as_it_did(audited):
    result = invoke("replay", "reports/tiny", "flips")
    assert result.exit_code == 0, result.output
    assert "fooled the model then, fooled the model now" in result.output
    assert "differ by at most 0 in any pixel" in result.output
    page = (audited.path / "reports" / "tiny-replay.html").read_text()
    assert "nothing was expected; the evidence was made" in page
    for case in ("holds", "near", "curve"):
        row = int(last_run(audited).records[case].evidence.adversarial.indices[4])
        again = invoke("replay", "reports/tiny", case, "--row", row)
        assert again.exit_code == 0
        assert "differ by at most 0 in any pixel" in again.output, case


def test_what_can_t_be_replayed_says_why(audited):
    assert "has no record of 'hold' (it has: clean, holds" in invoke("replay", "reports/tiny", "hold").output
    assert "attacked no image of the data" in invoke("replay", "reports/tiny", "noise").output
    assert "attacked no image of the data" in invoke("replay", "reports/tiny", "clean").output
    missing = invoke("replay", "reports/tiny", "flips", "--row", 777)
    assert (missing.exit_code, "attacked no image in row 777 (broken rows: " in missing.output) == (2, True)
    (audited.path / "linear.keras").write_bytes((audited.path / "conv.keras").read_bytes())
    assert "is another checkpoint than was audited" in invoke("replay", "reports/tiny", "flips").output
