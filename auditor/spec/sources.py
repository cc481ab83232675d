"""What a spec's names of models stand for: versions in a registry, and signatures beside them; nothing is fetched."""

import re
from dataclasses import dataclass
from pathlib import Path

from auditor.telling.lists import listed
from auditor.values import ModelError

SIGNATURE = "model.sig"  # where `model_signing sign` puts it
_SCHEME = "models:/"
_VERSION = re.compile(r"^models:/([^/:@]+)/(\d+)(?:/(.+))?$")
_SHOWN = 20


@dataclass(frozen=True)
class Registered:
    """A version of a registered model. inner: the file or folder of it that is meant, or nothing for all of it."""

    model: str
    version: str
    inner: str = ""

    def within(self, artifact: Path) -> Path:
        """Find what is meant in the artifact of the version; a folder with a single file in it stands for that file."""
        if not self.inner:
            held = _files(artifact)
            return held[0] if len(held) == 1 else artifact
        path = artifact / self.inner
        if not path.exists():
            raise ModelError(f"models:/{self.model}/{self.version} has no {self.inner} {listing(artifact)}")
        return path


def is_registered(name: str) -> bool:
    """Whether a path in a spec is meant as a registered model."""
    return name.startswith(_SCHEME)


def registered(name: str) -> Registered:
    """Read `models:/name/version` or `models:/name/version/file`; raise ModelError with what is wrong."""
    match = _VERSION.match(name)
    if match is None or ".." in (match[3] or "").split("/"):
        allowed = "allowed is models:/name/version, or models:/name/version/file for one file of it"
        raise ModelError(f"{name} names no model version: {allowed}, with a version number (aliases and stages move)")
    return Registered(match[1], match[2], match[3] or "")


def listing(artifact: Path) -> str:
    """What an artifact holds, in brackets."""
    held = listed((file.relative_to(artifact).as_posix() for file in _files(artifact)), _SHOWN)
    return f"(it holds: {held or 'one file'})"


def _files(artifact: Path) -> list[Path]:
    return sorted(path for path in artifact.rglob("*") if path.is_file())


def signature_beside(path: Path) -> Path:
    """Where the signature of the checkpoint at `path` is, if nobody says otherwise."""
    return (path if path.is_dir() else path.parent) / SIGNATURE
