"""A signed statement of what an audit found of a checkpoint, that other tools can read.

An in-toto Statement v1 with the test-result predicate (https://in-toto.io/attestation/test-result/v0.1), signed with an
Ed25519 key and wrapped as a DSSE envelope (https://github.com/secure-systems-lab/dsse). It names the digests of spec,
data and manifest, and through the manifest every file of the audit; which cases were planned, which ran, which didn't
and which are waived; and the link of the run before, so that none is left out between two statements unseen.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import auditor
from auditor.exports.publishing import render_again
from auditor.records import manifest
from auditor.records.store import Folder, write_text
from auditor.report import PAGE, outcome
from auditor.telling.reason import named_reason, os_reason, reason
from auditor.values import RecordError, Run, State

NAME = "attestation.json"
SUMMARY = "attestation.svr.json"
SUMMARY_PREDICATE = "https://in-toto.io/attestation/svr/v0.1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
_FAILED: tuple[State, ...] = ("fail", "inconclusive", "error", "cut off", "not run")
_WANTED = "this needs the extra `attest`: pip install 'robustness-auditor[attest]'"


def statement(folder: Path, url: str = "") -> dict[str, Any]:
    """What is attested of a finished audit; raise RecordError if its files aren't as they were sealed.

    url: where the run can be looked at, in the words of whoever signs.

    It is PASSED only where the whole run passed: every planned case ran, some gate was judged, none was waived.
    """
    wrong = manifest.broken(folder)
    if wrong:
        name, why = next(iter(wrong.items()))
        raise RecordError(f"{folder} is not as it was sealed, so it can't be attested: {name} {why}")
    run = Folder(folder).load_run()
    if run.changed:
        raise RecordError(f"{folder} holds records that were changed after a run sealed them: {run.changed[0]}")
    states = {case.id: run.state(case) for case in run.cases}
    passed = [case for case, state in states.items() if state == "pass"]
    waived = [case for case, state in states.items() if state == "waived"]
    # Cases that were chosen not to run are no failure, and nothing that is known.
    deselected = [case for case, state in states.items() if state == "not selected" or case in run.left]
    failed = [case for case, state in states.items() if state in _FAILED and case not in deselected]
    warned = [*waived, *deselected]
    whole_passed = outcome.overall(outcome.counts(run)) == "pass"
    result = "FAILED" if failed else "PASSED" if whole_passed else "WARNED"
    link = manifest.link(folder)
    about = {
        "run": run.id,
        "link": link.own if link else "",
        "previous": link.previous if link else "",
        "planned": list(states),
        "executed": [case for case in states if case in run.records],
        "deselected": deselected,
        "waived": waived,
        "descriptive": [case for case, state in states.items() if state == "descriptive"],
    }
    whole = {"sha256": manifest.digest(folder / manifest.NAME)}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(_checkpoints(run).items())],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            **({"url": url} if url else {}),
            "configuration": [
                {"name": run.spec, "digest": {"sha256": run.spec_digest}},
                {"name": manifest.NAME, "digest": whole, "annotations": about},
                *({"name": name, "digest": {"sha256": sha256}} for sha256, name in sorted(_data(run).items())),
            ],
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": failed,
        },
    }


def told(signed: Mapping[str, Any]) -> str:
    """The result that was signed, with whatever keeps it from saying that all was well."""
    predicate = signed["predicate"]
    about: Mapping[str, Any] = next(
        (one["annotations"] for one in predicate["configuration"] if "annotations" in one), {}
    )
    parts = [
        f"{what}: {', '.join(names)}"
        for what, names in (
            ("failed", predicate["failedTests"]),
            ("waived", about.get("waived", ())),
            ("not run", about.get("deselected", ())),
        )
        if names
    ]
    return f"{predicate['result']} ({'; '.join(parts)})" if parts else str(predicate["result"])


def _data(run: Run) -> Mapping[str, str]:
    """The data sets that cases measured on: their names by the SHA-256 of images, labels and rows."""
    told = (record.provenance.get("data", {}) for record in run.records.values())
    return {str(data["sha256"]): str(data["dataset"]) for data in told if data.get("sha256")}


def _checkpoints(run: Run) -> Mapping[str, str]:
    """Digests of the models that cases measured, by file name; raise RecordError if there is none, or one has none."""
    remote = [record.case for record in run.records.values() if record.evidence is not None and not record.files]
    if remote:
        message = f"{', '.join(remote)} measured an endpoint, which has no digest that a statement could name"
        raise RecordError(f"{message}; put what is to be attested in an audit of its own")
    found = {name: sha256 for record in run.records.values() for name, sha256 in record.files.items()}
    if not found:
        raise RecordError("no record says which checkpoint it measured, so there is nothing to attest")
    return found


def new_key(private: Path) -> Path:
    """Make an Ed25519 key pair: `private` (PEM, PKCS 8, readable by its owner alone) and, beside it, `.pub`."""
    serialization, ed25519 = _keys()
    if private.exists():
        raise RecordError(f"{private} exists; a key is never overwritten")
    key = ed25519.Ed25519PrivateKey.generate()
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)
    try:
        private.touch(mode=0o600)
        private.write_bytes(secret)
    except OSError as error:
        raise RecordError(f"{private} can't be written: {os_reason(error)}") from error
    public = private.with_suffix(".pub")
    write_text(public, key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode())
    return public


def key_digest(public: Any) -> str:
    """The SHA-256 of a public key, as `openssl pkey -pubin -outform DER` writes it."""
    serialization, _ = _keys()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def attest(folder: Path, private: Path, url: str = "") -> Path:
    """Sign the statement of an audit with a private key, and keep it in the audit's folder.

    The audit's page says from then on by whose key, as it is rendered and sealed anew before. Beside the statement a
    summary for policy engines is signed, if the whole run passed, and else none is left there.
    """
    serialization, ed25519 = _keys()
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    key = _read(private, lambda data: serialization.load_pem_private_key(data, None), ed25519.Ed25519PrivateKey)
    statement(folder, url)  # what can't be attested isn't rendered anew
    if (folder / PAGE).exists():
        layout = dataclasses.replace(manifest.layout(folder) or manifest.USUAL, signed_by=key_digest(key.public_key()))
        render_again(Folder(folder), accept_changed=False, layout=layout)
    made = statement(folder, url)
    (folder / SUMMARY).unlink(missing_ok=True)
    summed_up = summary(folder, made)
    for name, content in ((NAME, made), *(((SUMMARY, summed_up),) if summed_up else ())):
        envelope = Envelope(json.dumps(content, sort_keys=True).encode(), PAYLOAD, {})
        envelope.sign(CryptoSigner(key))
        write_text(folder / name, json.dumps(envelope.to_dict(), indent=1, sort_keys=True) + "\n")
    return folder / NAME


def summary(folder: Path, made: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Simple Verification Result of a statement; None where not all passed, as it has no word for that."""
    if made["predicate"]["result"] != "PASSED":
        return None
    run = Folder(folder).load_run(arrays=False)
    told = {name for case in run.cases for name in case.purpose.requirements}
    return {
        "_type": made["_type"],
        "subject": made["subject"],
        "predicateType": SUMMARY_PREDICATE,
        "predicate": {
            "verifier": {
                "id": f"pkg:pypi/robustness-auditor@{auditor.__version__}",
                "policy": {"uri": run.spec, "digest": {"sha256": run.spec_digest}},
            },
            "timeCreated": run.started,
            "properties": ["ROBUSTNESS_AUDIT_PASSED", *(f"REQUIREMENT_MEASURED_{name}" for name in sorted(told))],
        },
    }


def unsigned(path: Path) -> dict[str, Any]:
    """What a statement says, whoever signed it; raise RecordError where it can't be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        payload = content.get("dsseEnvelope", content)["payload"]
        said: dict[str, Any] = json.loads(base64.b64decode(payload, validate=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path} can't be read: {named_reason(error)}") from error
    return said


def check(folder: Path, public: Path) -> dict[str, Any]:
    """Return the statement that was signed; raise RecordError unless the signature is the key's and it still fits."""
    serialization, ed25519 = _keys()
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    key = _read(public, serialization.load_pem_public_key, ed25519.Ed25519PublicKey)
    path = folder / NAME
    try:
        envelope = Envelope.from_dict(json.loads(path.read_text("utf-8")))
        envelope.verify([SSlibKey.from_crypto(key)], 1)
        signed: dict[str, Any] = json.loads(envelope.payload)
    except FileNotFoundError as error:
        raise RecordError(f"{folder} has no {NAME}; `auditor attest` makes one") from error
    except VerificationError as error:
        raise RecordError(f"{path} is not signed by {public}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} can't be read: {named_reason(error)}") from error
    told = (manifest.layout(folder) or manifest.USUAL).signed_by
    if told not in ("", key_digest(key)):
        raise RecordError(f"{folder} says that it was signed by the key of SHA-256 {told}, and {public} is another one")
    check_fits(path, signed, folder)
    return signed


def check_fits(path: Path, signed: Any, folder: Path) -> None:
    """Raise RecordError unless what was signed, in `path`, is what is attested of an audit now."""
    predicate = signed.get("predicate") if isinstance(signed, dict) else None
    now = statement(folder, predicate.get("url", "") if isinstance(predicate, dict) else "")
    if isinstance(signed, dict) and signed.get("predicateType") == SUMMARY_PREDICATE:
        now = summary(folder, now) or {"predicate": None}
    if signed != now:
        found = signed if isinstance(signed, dict) else {}
        differs = [key for key in now if found.get(key) != now[key]]
        raise RecordError(f"{path} was signed for something else: its {', '.join(differs)} differ from what is here")


def _keys() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise RecordError(_WANTED) from error
    return serialization, ed25519


def _read(path: Path, load: Any, kind: type[Any]) -> Any:
    try:
        key = load(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} can't be read: {os_reason(error)}") from error
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path} is no unencrypted PEM key: {reason(error)}") from error
    if not isinstance(key, kind):
        raise RecordError(f"{path} is no Ed25519 key")
    return key
