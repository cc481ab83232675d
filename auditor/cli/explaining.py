"""`auditor explain`: why a case has its verdict, what would change it, what to do next."""

from pathlib import Path

import click

from auditor.telling.console import Console, say


@click.command()
@click.argument("report", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("case", required=False)
def explain(report: Path, case: str | None) -> None:
    """Say why a case has its verdict, what would change it, and what to do next.

    REPORT is an audit's folder, CASE the id of a case in it; without one, all that somebody has to look at. Nothing is
    measured, and no model loaded.

    \b
    Examples:
      auditor explain reports/mine
      auditor explain reports/mine holds-under-attack
    """
    from rich.markup import escape

    from auditor.records.store import Folder
    from auditor.report import outcome
    from auditor.report.reasons import reasons
    from auditor.values import RecordError, one_of

    run = Folder(report).load_run()
    known = {planned.id: planned for planned in run.cases}
    if case is not None and case not in known:
        raise RecordError(one_of(case, list(known), "case"))
    chosen = [known[case]] if case else list(outcome.open_cases(run))
    console = Console()
    if not chosen:
        say(f"{outcome.told(run)} `auditor explain {report} CASE` explains one.")
    for planned in chosen:
        told = reasons(run, planned, str(report))
        asked = f"{planned.check} of {planned.model}" if planned.model else planned.check
        console.print(f"[bold]{escape(planned.id)}[/bold] ({escape(asked)}): {outcome.word(run, planned)}")
        console.print(f"{escape(planned.title)}\n", style="dim")
        for title, lines in (("Why", told.why), ("What would change it", told.changes)):
            console.print(f"[bold]{title}[/bold]")
            for line in lines:
                console.print(f"  {escape(line)}", soft_wrap=True)
        console.print("[bold]Next[/bold]")
        for command, purpose in told.commands:
            console.print(f"  {escape(command)}   [dim]{escape(purpose)}[/]", soft_wrap=True)
        console.print()
