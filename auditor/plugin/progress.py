"""The plugin while a case runs: how far it is, on the line where its verdict will stand.

Only on a terminal, and gone when the case is done; under pytest-xdist there is no such line. Loaded with
`auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any

import pytest

from auditor.plugin.items import AuditItem

_PAUSE = 0.2  # seconds between two looks, so that drawing costs nothing
_SAVE, _BACK, _CLEAR = "\x1b7", "\x1b8", "\x1b[K"


class Line:
    """The rest of a terminal's current line, written over and over."""

    def __init__(self, config: pytest.Config, reporter: Any) -> None:
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._writer = reporter._tw
        self._began = self._drawn = time.monotonic()

    def __call__(self, text: str) -> None:
        """Show a text, if the last one has stood for a moment."""
        now = time.monotonic()
        if now - self._drawn >= _PAUSE:
            self._drawn = now
            self._write(f"{now - self._began:.0f} s · {text}")

    def clear(self) -> None:
        """Leave the line as it was."""
        if self._drawn > self._began:
            self._write("")

    def _write(self, text: str) -> None:
        room = self._writer.fullwidth - self._writer.width_of_current_line - 2
        with self._capture.global_and_fixture_disabled():
            self._writer._file.write(f"{_SAVE} {text[: max(0, room)]}{_CLEAR}{_BACK}")
            self._writer._file.flush()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show how far the case is while it runs."""
    reporter = item.config.pluginmanager.getplugin("terminalreporter")
    if not isinstance(item, AuditItem) or not _on_terminal(reporter):
        return (yield)
    from auditor.compute import watched

    line = Line(item.config, reporter)
    try:
        with watched(line):
            return (yield)
    finally:
        line.clear()


def _on_terminal(reporter: Any) -> bool:
    """Whether what pytest writes is read on a terminal that can go back in a line."""
    return reporter is not None and on_screen(reporter) and os.environ.get("TERM") != "dumb"


def on_screen(reporter: Any) -> bool:
    """Whether what pytest writes goes to a terminal."""
    # The file is asked, as `reporter.isatty` is a value up to pytest 8 and a function from 9 on.
    return bool(reporter._tw._file.isatty())
