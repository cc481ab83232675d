"""Signatures of checkpoints, as `model-signing` of the OpenSSF makes them, checked with a key and without a network."""

from pathlib import Path

from auditor.telling.reason import reason
from auditor.values import ModelError


def check(model: str, path: Path, signature: Path, key: Path) -> None:
    """Raise ModelError unless the owner of the elliptic-curve `key` has signed the file or folder `path` as it is.

    model: what the checkpoint is called in messages.
    """
    if not signature.is_file():
        message = f"there is no signature {signature}; `model_signing sign key` makes one"
        raise ModelError(f"model {model!r}: {message}, and `signature_path` in the spec says where it is")
    try:
        from model_signing.verifying import Config
    except ImportError as error:
        way = "install it with: pip install 'robustness-auditor[signing]'"
        raise ModelError(
            f"model {model!r}: what checks signatures can't be imported ({reason(error)}); {way}"
        ) from error
    try:
        Config().use_elliptic_key_verifier(public_key=key).verify(path, signature)
    except Exception as error:  # of JSON, cryptography and its own: each means that the signature doesn't hold
        message = f"its signature {signature} doesn't hold with {key}: {reason(error)}; it isn't loaded"
        raise ModelError(f"model {model!r}: {message}") from error
