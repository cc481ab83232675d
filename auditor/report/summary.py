"""A run as Markdown for the summary of a GitHub Actions step: the verdict and a table of the cases."""

import re
from collections.abc import Sequence

from auditor.report import outcome, text
from auditor.telling.escaping import visible
from auditor.values import PlannedCase, Problem, Run

MOST_BYTES = 1024 * 1024
"""What GitHub takes from one step; of a larger summary it shows nothing."""
_LONGEST = 300
_MOST_REMARKS = 20
# Whatever could begin markup, HTML, a link or a mention; `|` would end a cell.
_ACTIVE = re.compile(r"[\\`*_{}\[\]<>#|~&@:$^=\"']|(?<=www)\.")


def render(run: Run, room: int = MOST_BYTES) -> str:
    """Put a run into Markdown of at most `room` bytes; nothing at all where not even its verdict fits.

    The most urgent cases come first, so those that had to be left out are the least urgent; how many is said.
    """
    counts = outcome.counts(run)
    overall = outcome.overall(counts)
    head = (
        f"## {outcome.SYMBOLS[overall]} {_escaped(run.title)}: {overall}\n\n{_escaped(outcome.told(run))}\n\n"
        "| verdict | case | check | model | finding |\n| --- | --- | --- | --- | --- |\n"
    )
    cases = sorted(outcome.selected_cases(run), key=lambda case: outcome.STATES.index(run.state(case)))
    rows = [_row(run, case) for case in cases]
    said = "".join(
        f"- {_escaped(text.shortened(remark, _LONGEST))}\n" for remark in outcome.remarks(run)[:_MOST_REMARKS]
    )
    tail = close = f"\n{said}\n" if said else "\n"
    while _size(head, *rows, tail) > room:
        if not rows:
            return ""
        # By estimate rather than one by one: rows are about as long as each other.
        over = _size(head, *rows, tail) - room
        del rows[-max(1, over * len(rows) // _size(*rows)) :]
        tail = f"\n{len(cases) - len(rows)} of {len(cases)} cases are left out here; the report has them all.\n{close}"
    return "".join((head, *rows, tail))


def mistakes(problems: Sequence[Problem]) -> str:
    """Mistakes that keep specs from being run, as Markdown; the first of them, where there are many."""
    files = len({problem.file for problem in problems})
    head = "a spec can't be run: nothing is known of what it asks"
    if files > 1:
        head = f"{files} specs can't be run: nothing is known of what they ask"
    rows = "".join(
        f"- {_escaped(f'{problem.file}:{problem.line}:{problem.column}')}: "
        f"{_escaped(text.shortened(problem.message, _LONGEST))}\n"
        for problem in problems[:_MOST_REMARKS]
    )
    more = len(problems) - _MOST_REMARKS
    left = f"\n{more} more: `auditor validate` has them all.\n" if more > 0 else ""
    return f"## {outcome.SYMBOLS['error']} {head}\n\n{rows}{left}\n"


def _size(*parts: str) -> int:
    return sum(len(part.encode()) for part in parts)


def _row(run: Run, case: PlannedCase) -> str:
    state = outcome.word(run, case)
    finding = outcome.finding(run, case, _LONGEST)
    cells = (f"{outcome.SYMBOLS[state]} {state}", *map(_escaped, (case.id, case.check, case.model, finding)))
    return f"| {' | '.join(cells)} |\n"


def _escaped(said: str) -> str:
    """Text that Markdown takes as text, on one line: what could mean more becomes a character reference."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", visible(" ".join(said.split())))
