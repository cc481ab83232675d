"""What the outputs for other programs share: JSON that is the same each time, and names that outlast a run."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from auditor.values import Run


def to_json(value: Any) -> str:
    """Nested values as JSON (RFC 8259): keys sorted, numbers finite or null, ASCII only.

    Everything else is escaped, so that a file shows no control or direction-changing character to whoever prints it.
    """
    return json.dumps(_plain(value), indent=1, sort_keys=True, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to a strict parser
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def fingerprint(*names: str) -> str:
    """What tells a finding from all others, run after run, by names that stay as they are: SHA-256 in hex."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "replace")).hexdigest()


def spec_path(run: Run) -> str:
    """The spec's path with forward slashes and no leading `./`, as build servers look for it.

    That is in its repository, or else relative to where the audit was run if within it.
    """
    return run.place or PurePath(run.spec).as_posix()
