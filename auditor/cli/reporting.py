"""`auditor report`: pages, and files for other programs, from stored records alone."""

import dataclasses
import math
import sys
from pathlib import Path

import click

from auditor.cli import evidence
from auditor.telling.console import say


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@click.option(
    "--size",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MB",
    help="What a page takes at most: a larger one has its pictures beside it (default: as the last time, or 15).",
)
@click.option(
    "--layout",
    type=click.Choice(["page", "folder"]),
    help="folder: style, script and pictures beside the page, for viewers that refuse what stands within one, such as "
    "Jenkins' (default: as the last time, or page).",
)
@click.option(
    "--junit",
    type=click.Choice(["nested", "flat"]),
    help="flat: tests of junit.xml in their audit's suite, not in suites within it (default: as the last time, or "
    "nested).",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Render to a folder in DIRECTORY for each audit, without the records, instead of beside them.",
)
@click.option(
    "--cache",
    "kept",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".audit_cache"),
    show_default=True,
    help="Where drawings are kept, as --audit-cache names it.",
)
@click.option(
    "--join",
    "joined",
    type=click.Path(file_okay=False, path_type=Path),
    help="Render no page: put the findings of all audits into one file of each kind in DIRECTORY, and end with 0.",
)
@click.option(
    "--pdf", is_flag=True, help="Print a PDF of each audit too, beside its folder, by Chromium or else WeasyPrint."
)
@evidence.ACCEPT_CHANGED
def report(
    folders: tuple[Path, ...],
    size: float | None,
    layout: str | None,
    junit: str | None,
    output: Path | None,
    kept: Path,
    joined: Path | None,
    pdf: bool,
    accept_changed: bool,
) -> None:
    """Render reports again, and what other programs read beside them, from stored records alone.

    FOLDER is an audit's folder, or a folder of audits (default: reports). Ends with 1 if a gate isn't met, with 4
    if a case couldn't be measured. What is drawn is kept in the cache. Records that aren't as their manifest says
    are refused.

    Build servers often take one file of a kind for a job: --join writes one `gl-code-quality.json`, one
    `results.sarif`, and one `junit.xml` whose tests lie in one suite for each audit, not in suites of suites.
    """
    from auditor.exports.joined import join
    from auditor.exports.mistakes import FOLDER
    from auditor.exports.pdf import write_pdf
    from auditor.exports.publishing import add_to_step_summary, exit_code, render_again, render_elsewhere, sealed
    from auditor.records import manifest
    from auditor.records.store import Folder, write_text
    from auditor.run.cache import Cache
    from auditor.values import RecordError

    reports = folders or (Path("reports"),)
    audits = [audit for path in reports for audit in _audits(path)]
    if joined is not None and (audits or any((path / FOLDER).is_dir() for path in reports)):
        for name, text in join([sealed(Folder(audit), accept_changed) for audit in audits], reports).items():
            write_text(joined / name, text)
            say(joined / name)
        return
    if not audits:
        where = ", ".join(map(str, reports))
        raise RecordError(f"no audit records in {where}; `auditor run` makes them")
    drawings = Cache(kept).drawings
    runs = []
    for audit in audits:
        before = manifest.layout(audit) or manifest.USUAL
        beside = layout == "folder" if layout else before.folder
        flat = junit == "flat" if junit else before.flat
        bytes_at_most = math.ceil(size * 1e6) if size else before.size
        laid_out = dataclasses.replace(before, size=bytes_at_most, folder=beside, flat=flat)
        if output is None:
            run, page = render_again(Folder(audit), accept_changed, laid_out, drawings)
        else:
            target = output / audit.resolve().name
            run, page = render_elsewhere(Folder(audit), target, accept_changed, laid_out, drawings)
        add_to_step_summary(run)
        runs.append(run)
        say(page)
        if pdf:
            printed = evidence.lies_beside(page.parent, ".pdf")
            write_pdf(run, printed)
            say(printed)
    if code := exit_code(runs):
        sys.exit(code)


def _audits(folder: Path) -> list[Path]:
    if (folder / "run.json").exists():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/run.json"))
