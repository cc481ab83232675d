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
    head = _git(folder, "rev-parse", "HEAD")
    if not head:
        return ""
    return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""  # git isn't installed, or hangs: the run is of no known commit
    return done.stdout.strip() if done.returncode == 0 else ""
