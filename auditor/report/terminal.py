"""Tables on a terminal: the verdicts of a run, verdicts beside earlier ones, the tables of one record."""

from collections.abc import Collection

from rich.markup import escape
from rich.table import Table

from auditor.report.outcome import WEAKNESS, brief, counts, finding, selected_cases, word
from auditor.report.text import cell
from auditor.telling.console import Console
from auditor.values import Record, Run, State

STYLES: dict[State, str] = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "error": "bold magenta",
    "waived": "cyan",
    "cut off": "magenta",
    "not run": "magenta",
    "descriptive": "dim",
    "not selected": "dim",
}
_OF_WORDS = {WEAKNESS: "yellow", **{str(state): style for state, style in STYLES.items()}}


def verdict_table(
    run: Run, colours: bool, width: int, told: Collection[str] = (), remarked: Collection[str] = ()
) -> str:
    """One line a case: verdict, what was found or what went wrong, and how long it took; below, remarks on the run.

    told: ids of cases whose story stands above already, so that one figure of each is enough.
    remarked: remarks that stand there, too.
    """
    console = Console(width=width, force_terminal=colours, no_color=not colours)
    table = _table("verdict", "case", "finding")
    table.add_column("seconds", justify="right", no_wrap=True)
    for case in selected_cases(run):
        record = run.records.get(case.id)
        seconds = "" if not record else record.recalled or f"{record.seconds:.1f}"
        table.add_row(
            _styled(word(run, case)), case.id, escape((brief if case.id in told else finding)(run, case)), seconds
        )
    with console.capture() as capture:
        console.print(table)
        console.print(", ".join(f"{count} {name}" for name, count in _counts(run).items()))
        for said in (said for said in run.remarks if said not in remarked):
            console.print(f"[yellow]{escape(said)}[/]", soft_wrap=True)  # it may hold a command, to be copied
        for record in run.records.values():
            if record.waiver and record.case not in told and record.waiver.standing not in ("in force", "unneeded"):
                owner = escape(record.waiver.owner)
                console.print(f"[yellow]waiver of {record.case} by {owner}: {record.waiver.standing}[/]")
        for name, look in {name: record.look for name, record in run.records.items() if record.look > 1}.items():
            console.print(
                f"[yellow]{name}: look {look} at the same question; other seeds gave other outcomes before[/]"
            )
        for name, said in run.eased.items():
            console.print(f"[yellow]{name}: {escape(said)}[/]")
        if run.code_allowed:
            console.print("[yellow]code in checkpoints was allowed to run (--audit-allow-code)[/]")
    return capture.get()


def verdicts_before_and_now(run: Run) -> None:
    """Print each case's verdict before and now, changed ones first."""
    console = Console()
    table = _table("before", "now", "case", "why")
    rows = []
    for case in run.cases:
        record, state = run.records.get(case.id), run.state(case)
        earlier = record.earlier.verdict.status if record and record.earlier else None
        why = escape(record.verdict.message) if record else ""
        rows.append((earlier == state, (_styled(earlier) if earlier else "–", _styled(state), case.id, why)))
    for _, row in sorted(rows, key=lambda pair: pair[0]):
        table.add_row(*row)
    if run.compared_with:
        console.print(f"Run {run.id[:8]} of {run.started} beside {run.compared_with}.", markup=False)
    else:
        console.print(
            f"Judged again, nothing measured: evidence of run {run.id[:8]} ({run.started}), first judged by the spec "
            f"{run.earlier_spec_digest[:12]}, now by {run.spec_digest[:12]} ({run.spec}).",
            markup=False,
        )
    console.print(table)
    if run.not_judged:
        console.print(f"There before and not now: {', '.join(run.not_judged)}", markup=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("verdict", "before", "now"))
    return table


def _styled(word: str) -> str:
    return f"[{_OF_WORDS[word]}]{word}[/]"


def _counts(run: Run) -> dict[str, int]:
    found = counts(run)
    return {"planned": len(run.cases), **{state: found[state] for state in STYLES if found[state]}}


def evidence_tables(record: Record, columns: tuple[str, ...]) -> tuple[Table, ...]:
    """The tables of a record's evidence, for rich to print, with just these of their columns where they have all of
    them, else with their own; only the last folds.

    A record that couldn't be measured has none.
    """
    drawn = []
    for table in record.evidence.tables if record.evidence else ():
        shown = Table(title=escape(table.title), title_justify="left", box=None, header_style="bold")
        told = columns if set(columns) <= set(table.columns) else table.columns
        for column in told:
            shown.add_column(escape(column), no_wrap=column != told[-1], overflow="fold")
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            shown.add_row(*(escape(cell(cells[column], column in table.shares)) for column in told))
        drawn.append(shown)
    return tuple(drawn)
