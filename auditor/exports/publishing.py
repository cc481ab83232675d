"""A finished audit's records to all that is made of them: its pages, files for other programs, a step's summary."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from auditor.judging import asked
from auditor.records import history, manifest
from auditor.records.store import Folder, write_bytes
from auditor.report import PAGE
from auditor.telling.reason import os_reason
from auditor.values import EXIT_NOT_MEASURED, EXIT_NOT_PASSED, RecordError, Run


def render_again(
    folder: Folder, accept_changed: bool, layout: manifest.Layout | None = None, drawings: Path | None = None
) -> tuple[Run, Path]:
    """Render a run that was sealed before, as `render_report` does.

    accept_changed: whether records may differ from their manifest, which every page then says; RecordError is raised
    otherwise.
    """
    noted = _changed(folder, accept_changed)
    if noted:
        folder.mark_changed(noted)
    return render_report(folder, layout, drawings)


def _changed(folder: Folder, accept_changed: bool) -> tuple[str, ...]:
    if not accept_changed:
        manifest.check_sealed(folder.path)
    return manifest.changed(folder.path)


def render_report(
    folder: Folder, layout: manifest.Layout | None = None, drawings: Path | None = None
) -> tuple[Run, Path]:
    """Render the last run, for people and for other programs, from its records alone.

    layout: that of the last time if not given. drawings: where pictures are kept that needn't be drawn again. Returns
    the run and the page's path; the other files lie beside it. The page of the whole reports folder is brought up to
    date too, in the same layout.
    """
    from auditor.exports.files import drawn_by, render_files
    from auditor.report.index import render_index
    from auditor.report.outcome import word

    run = folder.load_run()
    layout = layout or manifest.layout(folder.path) or manifest.USUAL
    _write_report(folder.path, render_files(run, layout, drawings=drawings))
    reports, path = folder.reports, folder.path.resolve()
    audit = path.relative_to(reports).parts[0]
    try:
        previous = history.last_link(reports, audit, run.id)
    except RecordError:
        previous = ""  # what is wrong with the history is said when the run is added to it
    link = manifest.seal(folder.path, layout, drawn_by(), run, audit, previous)
    if run.part_of:
        history.remember(reports, audit, run)
        return run, folder.path / PAGE  # the page of all audits shows the whole run beside it
    history.add(path, run, link, asked(run), word)
    for name, content in render_index(history.audits(reports), layout.folder).items():
        write_bytes(reports / name, content)
    return run, folder.path / PAGE


def render_elsewhere(
    folder: Folder,
    target: Path,
    accept_changed: bool,
    layout: manifest.Layout | None = None,
    drawings: Path | None = None,
) -> tuple[Run, Path]:
    """Render the last run into another folder than that of its records, which its pages then don't lead to.

    Nothing is sealed, and no other file is touched. accept_changed: as for `render_again`. Raises RecordError if that
    folder holds records.
    """
    from auditor.exports.files import render_files

    if (target / "run.json").exists():
        raise RecordError(f"{target} holds records of its own; name another folder")
    run = sealed(folder, accept_changed)
    layout = layout or manifest.layout(folder.path) or manifest.USUAL
    _write_report(target, render_files(run, layout, beside_records=False, drawings=drawings))
    return run, target / PAGE


def sealed(folder: Folder, accept_changed: bool) -> Run:
    """The last run, with what of its records isn't as it was sealed; RecordError unless that is accepted."""
    noted, run = _changed(folder, accept_changed), folder.load_run()
    return dataclasses.replace(run, changed=tuple(dict.fromkeys((*run.changed, *noted))))


def _write_report(folder: Path, made: Mapping[str, bytes]) -> None:
    """Write the files of a report, and remove those that an earlier one left and this one lacks."""
    from auditor.report.layout import OURS, PICTURES

    if (folder / PICTURES).is_symlink():
        raise RecordError(f"{folder / PICTURES} is a link; a report's files lie in {folder} itself")
    for name, content in made.items():
        write_bytes(folder / name, content)
    for name in manifest.files(folder):
        if OURS.fullmatch(name) and name not in made:
            (folder / name).unlink()


def add_to_step_summary(run: Run) -> None:
    """Append a run to the summary of a GitHub Actions step, whose file GITHUB_STEP_SUMMARY names, if it does.

    A run takes at most half of what room there is, so that several audits of one step all have theirs.
    """
    from auditor.report.summary import render

    add(lambda room: render(run, room).encode())


def add(made: Callable[[int], bytes]) -> None:
    """Append what is made for so many bytes to the step's summary, if there is one; RecordError if that can't be."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    from auditor.report.summary import MOST_BYTES

    try:
        with Path(name).open("ab") as file:
            file.write(made((MOST_BYTES - file.tell()) // 2))
    except OSError as error:
        raise RecordError(f"the step summary {name} can't be written: {os_reason(error)}") from error


def exit_code(runs: Iterable[Run]) -> int:
    """What a command ends with that has made or shown runs: whether some case couldn't be measured, or did badly.

    A case that its budget left out was chosen not to run. It is about the cases, as pytest's exit code is; what a whole
    run shows is `outcome.overall`.
    """
    states = {run.state(case) for run in runs for case in run.cases if case.id not in run.left}
    if states & {"error", "cut off"}:
        return EXIT_NOT_MEASURED
    return EXIT_NOT_PASSED if states - {"pass", "descriptive", "waived", "not selected"} else 0
