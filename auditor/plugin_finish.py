"""The plugin at the end of a session: reports, baselines, tracking, and what is said of them.

Loaded with `auditor.plugin`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auditor.plugin import STATE, State

if TYPE_CHECKING:
    from auditor.plan import Plan
    from auditor.record import Run


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Render the report of every audit that ran, whatever became of its cases."""
    config = session.config
    state = config.stash[STATE]
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    from auditor.errors import AuditError

    for audit in state.begun:
        from auditor.report import PAGE, SIZE
        from auditor.runner import add_to_step_summary, render_report
        from auditor.store import Folder

        folder, stands = Folder(state.reports / audit), state.standing.get(audit)
        try:
            if not stands and folder.load_plan().id != state.run:
                state.problems.append(f"no report: another run has taken {folder.path}; give each its --audit-report")
                continue
            run, page = (stands, folder.path / PAGE) if stands else render_report(folder, state.size or SIZE)
        except AuditError as error:
            state.problems.append(f"no report: {error}")
            continue
        state.rendered.append((run, page))
        if state.save:
            _save_baseline(state, run)
        try:
            add_to_step_summary(run)
        except AuditError as error:
            state.problems.append(str(error))
        if state.tracking:
            _track(state, run, state.works[audit].plan)
    if state.problems:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _track(state: State, run: Run, plan: Plan) -> None:
    from auditor.errors import TrackingError
    from auditor.tracking import track

    try:
        state.tracked.append(track(state.reports / run.audit, run, plan, state.tracking))
    except TrackingError as error:
        state.problems.append(str(error))


def _save_baseline(state: State, run: Run) -> None:
    """Keep a finished run's records as a baseline; half a run would hide cases from every later comparison."""
    from auditor.errors import RecordError
    from auditor.store import Folder

    missing = [case.id for case in run.cases if case.id not in run.records]
    if missing or state.save is None:
        state.problems.append(f"no baseline saved for {run.audit}: it has no record of {', '.join(missing)}")
        return
    try:
        Folder(state.reports / run.audit).copy_to(state.save / run.audit)
    except RecordError as error:
        state.problems.append(f"no baseline saved: {error}")
        return
    state.saved.append(state.save / run.audit)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict table of every audit, and where its report is."""
    state = config.stash[STATE]
    if not state.rendered and not state.problems:
        return
    from auditor.report.terminal import verdict_table

    for run, page in state.rendered:
        terminalreporter.section(run.title)
        terminalreporter.write(verdict_table(run, terminalreporter.hasmarkup, terminalreporter._tw.fullwidth))
        if run.audit in state.standing:
            terminalreporter.write_line(f"Nothing has changed since the run of {run.started}; its report stands.")
        terminalreporter.write_line(f"report: {page}")
    for saved in state.saved:
        terminalreporter.write_line(f"baseline saved: {saved}")
    for tracked in state.tracked:
        terminalreporter.write_line(f"tracked: {tracked}")
    for problem in state.problems:
        terminalreporter.write_line(problem, red=True)
