"""What is worth saying beside a result: advice, a cache that can't be written to, a waiver that nobody needs.

It has a channel of its own. A project may turn Python's warnings into errors (`-W error`, `filterwarnings = error`),
and then advice would fail a case that passes.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

_LISTENERS: list[list[str]] = []


def remark(text: str) -> None:
    """Say something to whoever listens in this process, once; on the error stream where nobody does."""
    if not _LISTENERS:
        sys.stderr.write(f"{text}\n")
    elif text not in _LISTENERS[-1]:
        _LISTENERS[-1].append(text)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Listen: give the list that remarks of this process are added to, whichever thread makes them."""
    said: list[str] = []
    _LISTENERS.append(said)
    try:
        yield said
    finally:
        _LISTENERS.remove(said)


@contextmanager
def lenient() -> Iterator[None]:
    """Let libraries warn: a warning that a project has turned into an error is none while the auditor works.

    What a library says of its own future is no finding about a model, and must not end a measurement. Everything else
    that a project's filters say goes on. What TensorFlow's compiler says of its own syntax trees, some four hundred
    times an attack since Python 3.13, isn't told at all.
    """
    with warnings.catch_warnings():
        # A list, whatever its stub says; leaving and entering this block tells modules that they know it no longer.
        filters = cast(list[tuple[object, ...]], warnings.filters)
        filters[:] = [("default" if action == "error" else action, *rest) for action, *rest in filters]
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="gast")
        yield
