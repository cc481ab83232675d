"""Attestations signed through Sigstore: a real bundle is checked offline; its services are the only thing faked."""

import base64
import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli.main import main
from auditor.evidence import attestation, keyless
from auditor.exports.publishing import render_report
from auditor.records.store import Folder
from auditor.values import Expectation, proportion
from tests.report.page import evidence, record, run_of

pytest.importorskip("sigstore", reason="needs Sigstore: pip install -e '.[dev]'")
REAL = Path(__file__).parents[1] / "sigstore" / "pypi_attestations-0.0.19.sigstore.json"
WHO = "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19"
ISSUER = "https://token.actions.githubusercontent.com"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A finished audit, on a machine that Sigstore's client was never used on and that has no network."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    store = Folder(tmp_path / "audit")
    store.save_run(run_of(record("a", evidence({"accuracy": proportion(96, 100)}), Expectation("accuracy", min=0.5))))
    render_report(store)
    return store.path


def auditor(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def checked(folder: Path, who: str = WHO, issuer: str = ISSUER) -> str:
    result = auditor("verify", folder, "--without-model", "--identity", who, "--issuer", issuer)
    # Its spec isn't there, so nothing more is confirmed than who signed it.
    assert result.exit_code == (3 if "Not checked: spec" in result.output else 2), result.output
    return result.output


def placed(folder: Path, change=lambda _: None) -> Path:
    """The real bundle, changed, as an audit's attestation."""
    bundle = json.loads(REAL.read_text())
    change(bundle)
    path = folder / keyless.NAME
    path.write_text(json.dumps(bundle))
    return path


def signed_by_it() -> dict:
    return json.loads(base64.b64decode(json.loads(REAL.read_text())["dsseEnvelope"]["payload"]))


def test_a_true_signature_of_something_else_is_found(folder):
    placed(folder)
    assert "was signed for something else: its subject, predicateType, predicate differ" in checked(folder)


def test_a_true_signature_of_what_is_attested_is_accepted(folder, monkeypatch):
    placed(folder)
    predicate = {"predicate": {"result": "PASSED"}}
    monkeypatch.setattr(attestation, "statement", lambda *_: signed_by_it())
    assert keyless.check(folder, WHO, ISSUER) == signed_by_it()
    monkeypatch.setattr(attestation, "statement", lambda *_: signed_by_it() | predicate)
    assert "its predicate differ" in checked(folder)


@pytest.mark.parametrize(
    ("who", "issuer"),
    [("somebody@example.org", ISSUER), (WHO, "https://gitlab.com"), (WHO.replace("v0.0.19", "v0.0.20"), ISSUER)],
)
def test_the_signature_of_somebody_else_is_refused(folder, who, issuer):
    placed(folder)
    said = checked(folder, who, issuer)
    assert f"is not signed by {who} as {issuer} knows it: VerificationError: Certificate's" in said


def other_payload(bundle):
    payload = json.dumps(signed_by_it() | {"predicate": {"result": "PASSED"}}).encode()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()


def other_log(bundle):
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)


def no_time(bundle):
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]


@pytest.mark.parametrize(
    ("change", "why"),
    [(other_payload, "DSSE: invalid signature"), (other_log, "invalid log entry"), (no_time, "inclusion promise")],
)
def test_a_bundle_that_was_changed_is_refused(folder, change, why):
    placed(folder, change)
    assert why in checked(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"mediaType": "x"}', "\x00"])
def test_what_is_no_bundle_says_so(folder, content):
    (folder / keyless.NAME).write_text(content)
    assert "attestation.sigstore.json can't be read: " in checked(folder)


def test_an_audit_without_a_bundle_says_how_to_make_one(folder):
    assert "`auditor attest --keyless` makes one" in checked(folder)


def test_a_bundle_is_no_part_of_what_is_sealed(folder, monkeypatch):
    placed(folder)
    assert "1 thing does not hold" in auditor("verify", folder, "--without-model").output  # that it is of this report
    monkeypatch.setattr(attestation, "statement", lambda *_: signed_by_it())
    assert "Nothing that was looked at is wrong" in auditor("verify", folder, "--without-model").output


# --- signing


def test_without_a_network_signing_says_so(folder):
    result = auditor("attest", folder, "--keyless")
    assert result.exit_code == 2
    assert "can't be signed without a key: TUFError: " in result.output
    assert "it takes a way to Sigstore's services, and an identity" in result.output
    assert not (folder / keyless.NAME).exists()


def test_the_statement_is_signed_as_whom_the_ci_says_and_kept_as_a_bundle(folder, monkeypatch):
    """Everything but Sigstore's services is real: they give the certificate and the log's entry of the real bundle."""
    import jwt
    from sigstore import models, oidc, sign
    from sigstore._internal.rekor.client import RekorClient
    from sigstore._internal.timestamp import TimestampAuthorityClient, TimestampError

    def token() -> str:
        claims = {"iss": "https://ci.example.org", "sub": "release", "aud": "sigstore"}
        return jwt.encode(claims | {"iat": int(time.time()), "exp": int(time.time()) + 60}, "k" * 32)

    def no_timestamp(*_):
        raise TimestampError("no network")

    real, asked = models.Bundle.from_json(REAL.read_text()), []
    offline = models.ClientTrustConfig.production(offline=True)
    monkeypatch.setattr(models.ClientTrustConfig, "production", lambda **_: offline)
    monkeypatch.setattr(oidc, "detect_credential", token)
    monkeypatch.setattr(sign.Signer, "_signing_cert", lambda signer: asked.append(signer) or real.signing_certificate)
    monkeypatch.setattr(RekorClient, "create_entry", lambda *_: real.log_entry)
    monkeypatch.setattr(TimestampAuthorityClient, "request_timestamp", no_timestamp)
    result = auditor("attest", folder, "--keyless")
    assert result.exit_code == 0, result.output
    assert asked[0]._identity_token.identity == "release"
    bundle = json.loads((folder / keyless.NAME).read_text())
    assert json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"])) == attestation.statement(folder)
    assert bundle["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    # The certificate isn't of the key that signed, so it can't pass for signed by whom it names.
    assert "DSSE: invalid signature" in checked(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("attest", "."), "say either --key or --keyless"),
        (("attest", ".", "--keyless", "--key", "k.pem"), "say either --key or --keyless"),
        (("attest", ".", "--keyless", "--new-key"), "--new-key makes the key that --key names"),
        (("verify", ".", "--identity", "me"), "--identity and --issuer belong together"),
        (("verify", ".", "--issuer", "it"), "--identity and --issuer belong together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, said, in_folder):
    result = auditor(*arguments)
    assert (result.exit_code, said in result.output) == (2, True)


def test_the_missing_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    placed(folder)
    assert "pip install 'robustness-auditor[sigstore]'" in checked(folder)
    assert "pip install 'robustness-auditor[sigstore]'" in auditor("attest", folder, "--keyless").output
