"""The `auditor cache` commands: how much is kept, and taking away what isn't of use."""

import time
from collections import Counter
from pathlib import Path

import click

from auditor.run.cache import Cache, Entry
from auditor.telling.console import say
from auditor.telling.reason import os_reason
from auditor.values import RecordError

FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".audit_cache"),
    show_default=True,
    help="The cache, as --audit-cache names it.",
)


@click.group()
def cache() -> None:
    """Look at the results that are kept so that nothing unchanged is measured again, or remove some.

    The folder may be removed whole at any time: what is missing is measured again.
    """


@cache.command()
@FOLDER
def info(folder: Path) -> None:
    """Say how much is kept, how large it is, and when it was last of use.

    Kept are results; notes: how long cases and models took, and which models a trial has loaded safely; and what
    reports show, so that one that is rendered again draws nothing.
    """
    entries = Cache(folder).everything()
    say(f"{folder}: {_amount(entries)}")
    if entries:
        say(f"last of use between {_date(entries[0].used)} and {_date(entries[-1].used)}")


@cache.command()
@FOLDER
@click.option("--unused-days", type=click.FloatRange(min=0), default=30.0, show_default=True, help="For how long.")
@click.option("--max-mb", type=click.FloatRange(min=0), default=2000.0, show_default=True, help="Megabytes to leave.")
def prune(folder: Path, unused_days: float, max_mb: float) -> None:
    """Remove what hasn't been of use for long, then the least recently used until the rest is small enough.

    Safe while audits run: what one of them needs and is gone, it measures.

    \b
    Examples:
      auditor cache prune                        the defaults: 30 days, 2000 MB
      auditor cache prune --max-mb 0             everything
      auditor cache prune --folder /ci/cache --unused-days 7
    """
    kept = Cache(folder)
    try:
        removed = kept.prune(unused_days, max_mb * 1e6)
    except OSError as error:
        raise RecordError(f"{folder} can't be pruned: {os_reason(error)}") from error
    say(f"removed {_amount(removed)}; left {_amount(kept.everything())}")


def _amount(entries: list[Entry]) -> str:
    count = Counter(entry.kind for entry in entries)
    size = sum(entry.size for entry in entries) / 1e6
    return f"{count['results']} results, {count['notes']} notes, {count['drawings']} drawings, {size:.1f} MB"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
