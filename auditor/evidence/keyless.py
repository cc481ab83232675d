"""Attestations without a key of one's own: signed with an identity that Sigstore vouches for.

Signing asks Sigstore's public services, and leaves the identity and the statement's digest in their public log for
good. Checking needs no network: Sigstore's root of trust is the one its client has kept or brought along.
"""

import json
from pathlib import Path
from typing import Any

from auditor.evidence.attestation import PAYLOAD, check_fits, statement
from auditor.records.store import write_text
from auditor.telling.reason import named_reason
from auditor.values import RecordError

NAME = "attestation.sigstore.json"
_WANTED = "this needs the extra `sigstore`: pip install 'robustness-auditor[sigstore]'"
_HINT = "it takes a way to Sigstore's services, and an identity: in GitHub Actions `permissions: {id-token: write}`"


def attest(folder: Path, url: str = "") -> Path:
    """Sign the statement of an audit as whom the CI's token, or else a login in the browser, says one is.

    Writes a Sigstore bundle into the audit's folder. Raises RecordError if that fails.
    """
    content = json.dumps(statement(folder, url), sort_keys=True).encode()
    try:
        from sigstore import dsse, oidc
        from sigstore.models import ClientTrustConfig
        from sigstore.sign import SigningContext
    except ImportError as error:
        raise RecordError(_WANTED) from error
    try:
        trusted = ClientTrustConfig.production()
        ambient = oidc.detect_credential()
        if ambient is None:
            token = oidc.Issuer(trusted.signing_config.get_oidc_url()).identity_token()
        else:
            token = oidc.IdentityToken(ambient)
        with SigningContext.from_trust_config(trusted).signer(token) as signer:
            bundle = signer.sign_dsse(dsse.Statement(content))
    except Exception as error:  # the client's errors share no base, and some are private
        raise RecordError(f"{folder} can't be signed without a key: {_said(error)}; {_HINT}") from error
    write_text(folder / NAME, json.dumps(json.loads(bundle.to_json()), indent=1, sort_keys=True) + "\n")
    return folder / NAME


def check(folder: Path, identity: str, issuer: str) -> dict[str, Any]:
    """Return the statement that was signed; raise RecordError unless this identity signed it and it still fits."""
    try:
        from sigstore.errors import Error, VerificationError
        from sigstore.models import Bundle
        from sigstore.verify import Verifier, policy
    except ImportError as error:
        raise RecordError(_WANTED) from error
    path = folder / NAME
    try:
        bundle = Bundle.from_json(path.read_text("utf-8"))
        signer = policy.Identity(identity=identity, issuer=issuer)
        kind, payload = Verifier.production(offline=True).verify_dsse(bundle, signer)
        if kind != PAYLOAD:
            raise ValueError(f"what was signed is {kind}, not {PAYLOAD}")
        signed: dict[str, Any] = json.loads(payload)
    except FileNotFoundError as error:
        raise RecordError(f"{folder} has no {NAME}; `auditor attest --keyless` makes one") from error
    except VerificationError as error:
        raise RecordError(f"{path} is not signed by {identity} as {issuer} knows it: {_said(error)}") from error
    except (Error, OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} can't be read: {_said(error)}") from error
    check_fits(path, signed, folder)
    return signed


def _said(error: BaseException) -> str:
    """What an error and its causes say, on one line; some of the client's say nothing but their names."""
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        parts.append(named_reason(link))
        link = link.__cause__
    return "; ".join(dict.fromkeys(parts))
