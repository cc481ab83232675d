"""The plugin where a spec can't be planned: the others run, and every output says that this one didn't.

Loaded with `auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.plugin import options
from auditor.plugin.items import SUFFIX
from auditor.plugin.state import STATE, plan_of
from auditor.telling.reason import named_reason

if TYPE_CHECKING:
    from auditor.values import Problem

_WRONG = pytest.StashKey[list[Path]]()
_PROBLEMS = pytest.StashKey[list["Problem"]]()


class _Listener:
    """Keeps which specs couldn't be collected, in this process or in workers of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a spec with mistakes."""
        path = self._config.rootpath / report.nodeid
        if report.failed and report.nodeid.endswith(SUFFIX) and path not in self._config.stash[_WRONG]:
            self._config.stash[_WRONG].append(path)


def pytest_configure(config: pytest.Config) -> None:
    """Listen to what can't be collected."""
    config.stash[_WRONG], config.stash[_PROBLEMS] = [], []
    config.pluginmanager.register(_Listener(config), "audit_mistakes")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say in every output which specs weren't run; a session with one of them ends as one that a mistake stopped."""
    config = session.config
    if hasattr(config, "workerinput") or options.dry(config):
        return
    state, problems = config.stash[STATE], config.stash[_PROBLEMS]
    problems.extend(problem for path in config.stash[_WRONG] for problem in _mistakes(config, path))
    github = os.environ.get("GITHUB_ACTIONS") == "true"
    if not (problems or state.begun):
        return  # a session of tests that are no audits
    from auditor.exports.mistakes import step_summary, write
    from auditor.values import AuditError

    try:
        write(state.reports, problems, always=github)
        if problems:
            step_summary(problems)
    except AuditError as error:
        state.problems.append(str(error))
    if problems and session.exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.INTERRUPTED


def _mistakes(config: pytest.Config, path: Path) -> Iterator[Problem]:
    """What is wrong with a spec, each at its place in the repository."""
    from auditor.records.commit import place
    from auditor.values import Problem, SpecError

    shown = place(path) or os.path.relpath(path, config.invocation_params.dir)
    try:
        plan_of(config, path)
    except SpecError as error:
        yield from (replace(problem, file=shown) for problem in error.problems)
    except Exception as error:  # whatever it is, the spec wasn't run, and the terminal has shown it whole
        yield Problem(shown, 1, 1, named_reason(error))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """On GitHub, show what was found beside the lines of the specs."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    state, problems = config.stash[STATE], config.stash[_PROBLEMS]
    if not (problems or state.rendered):
        return
    from auditor.exports.annotations import of_mistakes, of_run

    for command in (*of_mistakes(problems), *(said for run, _ in state.rendered for said in of_run(run))):
        terminalreporter.ensure_newline()
        terminalreporter.write_line(command)
