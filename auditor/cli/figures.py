"""The `auditor figures` command: the pictures of a report as files of their own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.telling.console import say
from auditor.telling.reason import os_reason
from auditor.values import RecordError

if TYPE_CHECKING:
    from auditor.drawing.files import Format


@click.command()
@click.argument("report", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("cases", nargs=-1, metavar="[CASE]...")
@click.option("--format", "kind", type=click.Choice(["svg", "png", "pdf"]), default="svg", show_default=True)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("figures"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--dpi", type=click.IntRange(20, 1200), default=200, show_default=True, help="Pixels an inch, of a PNG.")
def figures(report: Path, cases: tuple[str, ...], kind: "Format", output: Path, dpi: int) -> None:
    """Write every figure of a report as a file, for a paper or a slide.

    REPORT is an audit's folder. CASE names those whose figures are wanted (default: all). Each file is named by its
    case, its place among the case's figures and its title, and says in its metadata what it shows.

    \b
    Examples:
      auditor figures reports/mnist-cnn
      auditor figures reports/mnist-cnn seven-becomes-3 --format pdf --output paper/figures
      auditor figures reports/mnist-cnn --format png --dpi 300
    """
    from auditor.drawing.files import save
    from auditor.records.store import Folder

    run = Folder(report).load_run()
    known = [case.id for case in run.cases]
    for case in cases:
        if case not in known:
            raise RecordError(f"{report} has no case {case!r}; there are {', '.join(known)}")
    written = 0
    for case in cases or known:
        if case not in run.records:
            if cases:
                raise RecordError(f"{case!r} left no record, so it has no figures")
            continue
        try:
            for path in save(run.records[case], output, kind, dpi):
                say(path)
                written += 1
        except OSError as error:
            raise RecordError(f"{output} can't be written to: {os_reason(error)}") from error
    if not written:
        say("These cases have no figures.", err=True)
