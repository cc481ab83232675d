"""The verdict table on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from auditor.core import PlannedCase, Run, State
from auditor.report.text import visible

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
