"""What every kind of file is asked for."""

from dataclasses import dataclass
from typing import Literal

from auditor.telling.reason import reason

Severity = Literal["critical", "warning", "unknown"]


@dataclass(frozen=True)
class Threat:
    """Something in a file that no honest checkpoint needs.

    severity: whether a loader could act upon it (critical), or it only shouldn't be there; or, unknown, that it wasn't
    looked into, since what it is isn't known, so that nothing found in it means nothing. file: where, as
    `model.keras › config.json` for a file within a file. kind: what it is, in a word or two. message: the same as a
    sentence. A file that can't be read is of the kind "unreadable".
    """

    severity: Severity
    file: str
    kind: str
    message: str


def unreadable(file: str, error: Exception) -> Threat:
    """What is said of a file that can't be looked into: a loader may read it otherwise."""
    return Threat("critical", file, "unreadable", f"it can't be looked into: {reason(error)}")


def unknown(file: str, kind: str = "no kind of file that the scan knows") -> Threat:
    """What is said of a file of which nobody knows how to look into it; kind: what it is."""
    return Threat("unknown", file, "not looked into", f"it wasn't looked into: it is {kind}")
