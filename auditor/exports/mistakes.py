"""Mistakes in specs as other programs read them: a spec that can't be planned leaves no records to render."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.exports import codequality, junit, sarif
from auditor.exports.interchange import to_json
from auditor.exports.publishing import add
from auditor.records.store import write_text
from auditor.report.summary import mistakes
from auditor.values import Problem

FOLDER = "@specs"
"""Where they lie among reports; no audit can have that name."""
_TESTS = "junit.xml"


def write(reports: Path, problems: Sequence[Problem], always: bool) -> None:
    """Write them beside the reports, or remove what an earlier session wrote.

    always: whether files are written that say there are none, as whoever keeps what he was told last has to hear it.
    Tests are no such thing, and a file with none in it is a mistake to their readers.
    """
    folder = reports / FOLDER
    for name, text in _rendered(problems).items():
        if problems or (always and name != _TESTS):
            write_text(folder / name, text)
        else:
            (folder / name).unlink(missing_ok=True)
    if not (problems or always) and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _rendered(problems: Sequence[Problem]) -> Mapping[str, str]:
    return {
        "gl-code-quality.json": to_json([codequality.mistake(problem) for problem in problems]),
        "results.sarif": sarif.document([sarif.of_mistakes(problems)]),
        _TESTS: junit.of_mistakes(problems),
    }


def step_summary(problems: Sequence[Problem]) -> None:
    """Say them in the summary of a step, as `add_to_step_summary` does a run, where there is room."""
    add(lambda room: told if len(told := mistakes(problems).encode()) <= room else b"")
