"""What a verification says of one thing, and what it can't say."""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["holds", "doesn't hold", "taken from the record", "not checked"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: of which case (or file), what, how it stands, and what was seen.

    `taken from the record`: nothing here speaks for it or against it. `not checked`: it could have been derived again,
    but what that takes isn't there.
    """

    of: str
    what: str
    standing: Standing
    seen: str

    @property
    def ok(self) -> bool:
        """Whether it gives no cause for doubt."""
        return self.standing in ("holds", "taken from the record")


def found(of: str, what: str, ok: bool, seen: str) -> Finding:
    """A thing that was derived again, and is as it was told or isn't."""
    return Finding(of, what, "holds" if ok else "doesn't hold", seen)


def taken(of: str, what: str, seen: str) -> Finding:
    """A thing that the record says and nobody derived again."""
    return Finding(of, what, "taken from the record", seen)


def unchecked(of: str, what: str, seen: str) -> Finding:
    """A thing that can't be derived again here, and why."""
    return Finding(of, what, "not checked", seen)
