"""Which commit a run is of: what the CI says, or what git says of the spec's folder."""

import os
import subprocess
from pathlib import Path

_SAID = ("GITHUB_SHA", "CI_COMMIT_SHA")


def commit_of(folder: Path) -> str:
    """The commit's hash, with `+` if files that git tracks were changed since; empty where there is no repository."""
    said = next((os.environ[name] for name in _SAID if os.environ.get(name)), "")
    if said:
        return said
    head, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not head or changes is None:
        return ""
    return head + ("+" if changes else "")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where it isn't installed, hangs, or knows no repository."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
