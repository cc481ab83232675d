"""The verdict table on a terminal, and the tables of one record."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from auditor.core import PlannedCase, Record, Run, State
from auditor.report.text import cell, visible

STYLES: dict[State, str] = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "error": "bold magenta",
    "cut off": "magenta",
    "not run": "magenta",
    "not selected": "dim",
}


def verdict_table(run: Run, colours: bool, width: int) -> str:
    """One line a case: verdict, what was found or what went wrong, and how long it took."""
    console = Console(width=width, force_terminal=colours, no_color=not colours, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("case", overflow="fold")
    table.add_column("finding", overflow="fold")
    table.add_column("seconds", justify="right", no_wrap=True)
    for case in run.cases:
        state = run.state(case)
        if state == "not selected":
            continue
        record = run.records.get(case.id)
        seconds = f"{record.seconds:.1f}" if record else ""
        table.add_row(f"[{STYLES[state]}]{state}[/]", case.id, _finding(run, case), seconds)
    with console.capture() as capture:
        console.print(table)
        console.print(", ".join(f"{count} {name}" for name, count in _counts(run).items()))
    return capture.get()


def _finding(run: Run, case: PlannedCase) -> str:
    record = run.records.get(case.id)
    if record is None:
        return ""
    if record.evidence is None or record.verdict.status in ("fail", "inconclusive", "error"):
        return escape(visible(record.verdict.message))
    return escape(visible(record.evidence.summary))


def _counts(run: Run) -> dict[str, int]:
    states = [run.state(case) for case in run.cases]
    return {"planned": len(states), **{s: states.count(s) for s in STYLES if s in states}}


def evidence_tables(record: Record, columns: tuple[str, ...]) -> tuple[Table, ...]:
    """The tables of a record's evidence, for rich to print, with just these of their columns; only the last folds.

    A record that couldn't be measured has none.
    """
    drawn = []
    for table in record.evidence.tables if record.evidence else ():
        shown = Table(title=escape(visible(table.title)), title_justify="left", box=None, header_style="bold")
        for column in columns:
            shown.add_column(escape(column), no_wrap=column != columns[-1], overflow="fold")
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            shown.add_row(*(escape(visible(cell(cells[column]))) for column in columns))
        drawn.append(shown)
    return tuple(drawn)
