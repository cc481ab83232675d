"""The tree of errors. Every one says what was wrong, where, what is allowed and what to do.

AuditError
├── SpecError      one or more mistakes in a spec file, each with file:line:column
├── ExtensionError an unknown or broken check, attack, format or dataset
├── DataError      samples that can't be loaded or used
├── ModelError     a checkpoint that can't be loaded or used
│   └── ChoiceError    it has several outputs, inputs or signatures, and nobody says which is meant
├── CheckError     a check that can't measure what it was asked to
│   └── CutOffError    it was begun in this run, by a process that left no record
├── RecordError    a record or report that can't be written or read
└── TrackingError  MLflow isn't there, isn't configured, or refuses
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

# What the `auditor` command ends with: a gate isn't met; what was asked is wrong; `verify` lacked what it checks with;
# something couldn't be measured or written, so that nothing is known of it.
EXIT_NOT_PASSED = 1
EXIT_WRONG = 2
EXIT_NOT_CHECKED = 3
EXIT_NOT_MEASURED = 4


class AuditError(Exception):
    """Anything the auditor can explain to a person; its message needs no traceback."""


class ExtensionError(AuditError):
    """An unknown or broken check, attack, model format or dataset."""


class DataError(AuditError):
    """Samples that can't be loaded, or that no verdict should rest on."""


class ModelError(AuditError):
    """A checkpoint that can't be loaded, or whose outputs can't be used."""

    def saying(self, message: str) -> "ModelError":
        """The same error in other words."""
        return ModelError(message)


class ChoiceError(ModelError):
    """A checkpoint with several outputs, inputs or signatures, of which a spec has to name one.

    parameter: what names it, such as `output_name`. among: what there is, with its shape where that is known: the batch
    first, None for a size that is left open.
    """

    def __init__(self, message: str, parameter: str, among: Mapping[str, tuple[int | None, ...] | None]) -> None:
        super().__init__(message)
        self.parameter, self.among = parameter, dict(among)

    def saying(self, message: str) -> "ChoiceError":
        """The same error, with the same choice, in other words."""
        return ChoiceError(message, self.parameter, self.among)


class SizeError(ModelError):
    """A checkpoint that leaves sizes of its images open and can't be run at one that was tried: the data tells."""

    def saying(self, message: str) -> "SizeError":
        """The same error in other words."""
        return SizeError(message)


class CheckError(AuditError):
    """A check that can't measure what it was asked to measure."""


class CutOffError(CheckError):
    """A case that was begun in this run, by a process that left no record of it."""


class RecordError(AuditError):
    """A record or report that can't be written or read."""


class TrackingError(AuditError):
    """MLflow isn't there, isn't configured, or refuses."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake at one place; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SpecError(AuditError):
    """All mistakes found in one spec file, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def one_of(value: object, allowed: Sequence[str], what: str) -> str:
    """Say that `value` is no known `what`, name the nearest right one, and list what is allowed."""
    known = ", ".join(allowed) if allowed else "none"
    close = get_close_matches(str(value), list(allowed), n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"unknown {what} {value!r}{hint} (known: {known})"
