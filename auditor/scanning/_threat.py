"""What every kind of file is asked for."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Threat:
    """Something in a file that no honest checkpoint needs.

    severity: whether a loader could act upon it (critical), or it only shouldn't be there. file: where, as
    `model.keras › config.json` for a file within a file. kind: what it is, in a word or two. message: the same as a
    sentence. A file that can't be read is of the kind "unreadable".
    """

    severity: Severity
    file: str
    kind: str
    message: str


def unreadable(file: str, error: Exception) -> Threat:
    """What is said of a file that can't be looked into: a loader may read it otherwise."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return Threat("critical", file, "unreadable", f"it can't be looked into: {reason}")
