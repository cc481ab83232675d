"""Where this package was installed from, so that a build server installs the same and not what bears its name."""

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = "robustness-auditor"


@dataclass(frozen=True)
class Source:
    """What pip is asked for, to stand between double quotes in a shell. note: what is left for a person to do."""

    asked: str
    note: str = ""


def installed_from() -> Source:
    """Where it came from, as pip noted it in direct_url.json (PyPA): an index, an archive, a repository, a folder."""
    installed = importlib.metadata.distribution(_NAME)
    return source(installed.read_text("direct_url.json"), installed.version)


def source(noted: str | None, version: str) -> Source:
    """What to ask for. noted: the content of direct_url.json; None of what was installed by its name."""
    if noted is None:
        return Source(f"{_NAME}=={version}")
    found: Mapping[str, Any] = json.loads(noted)
    url, part = str(found["url"]), found.get("subdirectory")
    parts = [f"subdirectory={part}"] if part else []
    if not url.startswith(("https://", "http://", "ssh://")):
        wanted = f"the path of a wheel in the repository, or an address of {_NAME} {version}"
        note = f"Set AUDITOR to {wanted} that the server reaches: here it came from a folder or file of this machine."
        return Source(f"${{AUDITOR:?set it to {wanted}}}", note)
    if (vcs := found.get("vcs_info")) is not None:
        asked = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    else:
        digests: Mapping[str, str] = found.get("archive_info", {}).get("hashes", {})
        parts += [f"{name}={digest}" for name, digest in digests.items() if name == "sha256"]
        asked = url
    return Source(f"{_NAME} @ {asked}" + (f"#{'&'.join(parts)}" if parts else ""))
