"""How benchmarks are asked for, and how they print."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def say(what: Any) -> None:
    """Print one line."""
    Console(width=120, highlight=False).print(what)


def show(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print one table."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)


def run_parts(text: str, parts: Mapping[str, Callable[[int], None]], option: str, default: int, meaning: str) -> None:
    """Read the command line, and run the parts it names with the number it gives."""
    arguments = argparse.ArgumentParser(description=text.splitlines()[0])
    arguments.add_argument(option, dest="number", type=int, default=default, help=f"{meaning} (default: {default})")
    arguments.add_argument("--only", default=",".join(parts), help="parts, separated by commas (default: all)")
    chosen = arguments.parse_args()
    for name in chosen.only.split(","):
        parts[name](chosen.number)
