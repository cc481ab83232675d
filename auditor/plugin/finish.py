"""The plugin at the end of a session: reports, baselines, tracking, and what is said of them.

Loaded with `auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from auditor.plugin import options
from auditor.plugin.items import REMARK
from auditor.plugin.progress import on_screen
from auditor.plugin.state import STATE, State
from auditor.telling.lists import listed
from auditor.telling.reason import named_reason

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.spec import Plan
    from auditor.values import Problem, Run


_MOST_NAMED = 3
_LOG = 120


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Render the report of every audit that ran, whatever became of its cases."""
    config = session.config
    state = config.stash[STATE]
    if hasattr(config, "workerinput") or options.dry(config):
        return
    if state.begun:
        from auditor.telling.remarks import heard, lenient

        with heard() as remarks, lenient():
            for audit in state.begun:
                _finish(state, audit)
        for said in remarks:
            state.remarks.setdefault(said, [])
    if state.problems:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _finish(state: State, audit: str) -> None:
    """Render one audit's report, and hand it on to whoever asked for it."""
    from auditor.exports.publishing import add_to_step_summary, render_report
    from auditor.records.store import Folder
    from auditor.report import PAGE
    from auditor.run.cache import Cache
    from auditor.values import AuditError

    folder, stands = Folder(state.reports / audit).folder_of(state.run), state.standing.get(audit)
    try:
        if not stands and folder.load_plan().id != state.run:
            state.problems.append(f"no report: another run has taken {folder.path}; give each its --audit-report")
            return
        if stands:
            run, page = stands, folder.path / PAGE
        else:
            drawings = Cache(state.cache).drawings if state.cache else None
            run, page = render_report(folder, state.layout, drawings)
    except AuditError as error:
        state.problems.append(f"no report: {error}")
        return
    except Exception as error:  # a fault of ours: every case has its outcome and its record, and other audits theirs
        told = f"no report of {audit}, but its records are in {folder.path}: {named_reason(error)}"
        state.problems.append(told)
        return
    state.rendered.append((run, page))
    if state.save:
        _save_baseline(state, run, page.parent)
    try:
        add_to_step_summary(run)
    except AuditError as error:
        state.problems.append(str(error))
    if state.tracking:
        _track(state, run, page.parent, state.works[audit].plan)


def _track(state: State, run: Run, folder: Path, plan: Plan) -> None:
    from auditor.evidence.tracking import track
    from auditor.values import TrackingError

    try:
        state.tracked.append(track(folder, run, plan, state.tracking))
    except TrackingError as error:
        state.problems.append(str(error))


def _save_baseline(state: State, run: Run, folder: Path) -> None:
    """Keep a finished run's records as a baseline; half a run would hide cases from every later comparison."""
    from auditor.records.store import Folder
    from auditor.values import RecordError

    missing = [case.id for case in run.cases if case.id not in run.records]
    if missing or state.save is None:
        state.problems.append(f"no baseline saved for {run.audit}: it has no record of {', '.join(missing)}")
        return
    try:
        Folder(folder).copy_to(state.save / run.audit)
    except RecordError as error:
        state.problems.append(f"no baseline saved: {error}")
        return
    state.saved.append(state.save / run.audit)


class _Listener:
    """Keeps what was said beside results, in this process or in workers of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Every phase's report has the properties of all before it."""
        if report.when == "call":
            for said in (str(value) for name, value in report.user_properties if name == REMARK):
                self._config.stash[STATE].remarks.setdefault(said, []).append(report.nodeid)


def pytest_configure(config: pytest.Config) -> None:
    """Listen to what is remarked."""
    config.pluginmanager.register(_Listener(config), "audit_remarks")


def _of(cases: Sequence[str], remark: str) -> str:
    """A remark with the cases it was made on, or the most of them that are read."""
    return f"{listed(cases, _MOST_NAMED)}: {remark}" if cases else remark


def _width(terminalreporter: Any) -> int:
    """How many characters a line may have: as many as the terminal, or in a log, which has no edge, enough to read."""
    known = on_screen(terminalreporter) or "COLUMNS" in os.environ
    width = terminalreporter._tw.fullwidth
    return int(width if known else max(width, _LOG))


def _told_above(terminalreporter: Any, config: pytest.Config) -> dict[Path, set[str]]:
    """The cases of each spec whose whole story stands in pytest's block of failures."""
    told: dict[Path, set[str]] = {}
    if config.option.tbstyle not in ("no", "line") and not config.option.no_summary:
        for report in terminalreporter.getreports("failed"):
            file, _, case = report.nodeid.partition("::")
            told.setdefault((config.rootpath / file).resolve(), set()).add(case)
    return told


def _planned(state: State) -> list[Problem]:
    """What was known to make claims weak before anything ran, but for what stands in the line of its verdict."""
    from auditor.report import outcome

    runs = {run.audit: run for run, _ in state.rendered}
    found: list[Problem] = []
    for plan in state.plans.values():
        run = runs.get(plan.audit)
        shown = {case.id: outcome.caveats(run, case) for case in run.cases} if run else {}
        found += plan.remarks
        found += [said for case in plan.cases for said in case.warnings if said.message not in shown.get(case.id, ())]
    return sorted(found)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was remarked, the verdict table of every audit, and where its report is."""
    state = config.stash[STATE]
    if not (state.plans or state.remarks or state.problems):
        return  # a session of tests that are no audits
    from auditor.telling.escaping import on_terminal

    planned = _planned(state)
    if planned or state.remarks:
        terminalreporter.section("audit remarks")
        for said in (*map(str, planned), *(_of(cases, remark) for remark, cases in state.remarks.items())):
            terminalreporter.write_line(on_terminal(said), yellow=True)
    if not state.rendered and not state.problems:
        return
    from auditor.report.terminal import verdict_table
    from auditor.run.noted import told_at

    told, specs = _told_above(terminalreporter, config), {plan.audit: path for path, plan in state.plans.items()}
    for run, page in state.rendered:
        above, width = told.get(specs[run.audit].resolve(), ()), _width(terminalreporter)
        remarked = {told_at(said) for said in state.plans[specs[run.audit]].remarks}
        terminalreporter.section(on_terminal(run.title))
        terminalreporter.write(verdict_table(run, terminalreporter.hasmarkup, width, above, remarked))
        if run.audit in state.standing:
            terminalreporter.write_line(f"Nothing has changed since the run of {run.started}; its report stands.")
        if run.part_of:
            whole = page.parent.parent / page.name
            terminalreporter.write_line(f"This was a part of the spec's cases; {run.part_of} stays as it is: {whole}")
        terminalreporter.write_line(f"report: {page}")
    for saved in state.saved:
        terminalreporter.write_line(f"baseline saved: {saved}")
    for tracked in state.tracked:
        terminalreporter.write_line(f"tracked: {tracked}")
    for problem in dict.fromkeys(state.problems):  # mistakes and verdicts fail to be told in one summary alike
        terminalreporter.write_line(on_terminal(problem), red=True)
