"""Which state of a repository a run is of: its commit, and where in it the spec lies."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# GitHub, GitLab, Jenkins, Azure Pipelines, Bitbucket, CircleCI, in this order.
SAID = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION", "BITBUCKET_COMMIT", "CIRCLE_SHA1")


@dataclass(frozen=True)
class Commit:
    """name: the commit's hash, with `+` if files that git tracks were changed since; empty where it isn't known.

    problem: why git doesn't say it, where there is a repository.
    """

    name: str
    problem: str = ""


def repository(folder: Path) -> Path | None:
    """The folder of the repository that a folder lies in, whether or not git would open it."""
    folder = folder.resolve()
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)


def place(spec: Path) -> str:
    """A spec's path in its repository, with forward slashes; empty where it lies in none."""
    root = repository(spec.parent)
    return (spec.parent.resolve() / spec.name).relative_to(root).as_posix() if root else ""


def commit_of(folder: Path) -> Commit:
    """The commit that the build server names, or else the one that git does; changed files are git's word alone."""
    said = next((os.environ[name] for name in SAID if os.environ.get(name)), "")
    root = repository(folder)
    if root is None:
        return Commit(said)
    head, refused = _git(folder, "rev-parse", "--quiet", "--verify", "HEAD")
    changes, _ = _git(folder, "status", "--porcelain", "--untracked-files=no")
    name = said or head
    if name and not refused:
        return Commit(name + ("+" if changes else ""))
    unknown = "whether files were changed since its commit" if name else "which commit the spec is of"
    remedy = f"; `git config --global --add safe.directory {root}` lets it" if "dubious ownership" in refused else ""
    return Commit(name, f"{unknown} isn't known: {refused}{remedy}" if refused else "")


def _git(folder: Path, *arguments: str) -> tuple[str, str]:
    """What git says, and why it says nothing, where it gives a reason."""
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
    except FileNotFoundError:
        return "", "git isn't installed"
    except (OSError, subprocess.TimeoutExpired):
        return "", "git can't be run, or doesn't answer"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    told = next((line.removeprefix("fatal: ") for line in done.stderr.splitlines() if line.strip()), "")
    return "", f"git says: {told}" if told else ""
