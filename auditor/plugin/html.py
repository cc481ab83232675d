"""The plugin where pytest-html is asked for: what its page says and shows of every case.

All of it is made in the process that writes the page, from records on disk: workers of pytest-xdist send nothing, so
nothing is lost with one that dies, and nothing is mixed up. Loaded with `items`, and like it, it imports the
standard library and pytest only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from auditor.plugin.items import SUFFIX
from auditor.plugin.state import STATE, work_of
from auditor.plugin.xdist import specs

if TYPE_CHECKING:
    from auditor.spec import Plan
    from auditor.values import PlannedCase, Record, Run, State

_COLUMNS = ("Verdict", "Check", "Model", "Headline metric", "Measured")
_COLOURS = {
    "pass": "#00614c",
    "fail": "#a51d17",
    "inconclusive": "#755000",
    "waived": "#00596f",
    "error": "#6a2789",
    "descriptive": "#33508a",
}
_DPI = 144


def pytest_configure(config: pytest.Config) -> None:
    """Take part where a page is asked for, in the process that writes it."""
    if config.getoption("htmlpath", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Page(config), "audit_html")


class _Page:
    """Adds to pytest-html's page. crashed: cases that a worker died of. seen: cases that a report has come of."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._audits = False
        self._crashed: dict[str, bool] = {}
        self._seen: set[str] = set()
        self._prefixes: dict[Path, str] = {}

    # --- columns

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add columns where specs will be collected; the header is made before they are."""
        self._audits = any(True for _ in specs(self._config))
        if self._audits:
            columns = (f'<th class="sortable" data-column-type="{_key(name)}">{name}</th>' for name in _COLUMNS)
            cells[2:2] = columns

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Fill them, or leave them empty for other tests."""
        if not self._audits:
            return
        said = ("",) * len(_COLUMNS)
        if f"{SUFFIX}::" in report.nodeid and report.when == "call":
            if self._crashed.get(report.nodeid):
                del cells[:]  # its row is there: another worker has only been told that the case was cut off
                return
            if report.nodeid in self._crashed:
                self._crashed[report.nodeid] = True
            said = self._said(report)
        names = map(_key, _COLUMNS)
        cells[2:2] = [f'<td class="col-{name}">{cell}</td>' for name, cell in zip(names, said, strict=True)]

    def _said(self, report: Any) -> tuple[str, ...]:
        """Verdict, check, model, headline with its interval, and the time that measuring took."""
        from auditor.report import text
        from auditor.report.explain import explain
        from auditor.report.measures import measures
        from auditor.report.outcome import SYMBOLS
        from auditor.telling.escaping import visible

        planned, record = self._case(report.nodeid)
        told = dict(report.user_properties).get("audit_verdict")
        state: State = record.state if record else told or "error"
        badge = f'<b style="color: {_COLOURS.get(state, "#4a4e56")}">{SYMBOLS[state]} {state}</b>'
        check, model = (planned.check, planned.model) if planned else ("", "")
        headline = measured = ""
        if record:
            found = measures(record, explain(record.check).metrics)
            if found.headline:
                rows = (*found.rows, *found.members)
                interval = next((row.interval for row in rows if row.name == found.headline.name), "")
                headline = f"{found.headline.name} {found.headline.value}" + (f" ({interval})" if interval else "")
            measured = text.seconds(record.seconds) + (
                f", {record.recalled}: measured {text.moment(record.cached)}" if record.cached else ""
            )
        return badge, *(escape(visible(said)) for said in (check, model, headline, measured))

    # --- pictures and links

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hand pytest-html the case's pictures and the link to its card, before it takes the report."""
        if f"{SUFFIX}::" not in report.nodeid:
            return
        self._seen.add(report.nodeid)
        if str(report.when) == "???":  # pytest-html waits for the end of a test, which a dead worker doesn't tell
            self._crashed[report.nodeid] = False
            self._add(report.nodeid, "failed", str(report.longrepr), "cut off")
        elif report.when == "call":
            report.extras = [*getattr(report, "extras", ()), *self._extras(report.nodeid)]  # type: ignore[attr-defined]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Give a row to cases that never began, as after -x or an interruption."""
        from auditor.report import outcome

        for path, prefix in self._prefixes.items():
            run = self._run(path)
            for case in run.cases if run else ():
                name = f"{prefix}::{case.id}"
                if run and case.selected and name not in self._seen and case.id not in run.records:
                    self._add(name, "skipped", outcome.message(run, case), run.state(case))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn by which names the cases of a spec go; their workers tell those of pytest-xdist."""
        self._learn(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Learn it from a worker."""
        self._learn(ids)

    def _learn(self, names: Any) -> None:
        for name in names:
            if f"{SUFFIX}::" in name:
                prefix = name.split("::")[0]
                self._prefixes[Path(os.path.normpath(self._config.rootpath / prefix))] = prefix

    def _add(self, name: str, result: Any, why: str, verdict: str) -> None:
        """Hand pytest-html the reports of a test that nobody has reported to its end."""
        from auditor.telling.escaping import on_terminal

        said: Any = on_terminal(why) if result == "failed" else (name.split("::")[0], 0, on_terminal(why))
        place, properties = (name.split("::")[0], None, name), [("audit_verdict", verdict)]
        call = pytest.TestReport(name, place, {}, result, said, "call", user_properties=properties)
        call.extras = self._extras(name)  # type: ignore[attr-defined]
        end = pytest.TestReport(name, place, {}, "passed", None, "teardown", user_properties=properties)
        for page in self._config.pluginmanager.get_plugins():
            if type(page).__module__.startswith("pytest_html."):
                for report in (call, end):
                    page.pytest_runtest_logreport(report)

    def _extras(self, name: str) -> list[Any]:
        from pytest_html import extras

        planned, record = self._case(name)
        plan = self._plan(name)
        channels = plan.show_channels if plan else ()
        found = [extras.png(made, title) for title, made in self._pictures(record, channels)] if record else []
        if planned is None:
            return found
        page = work_of(self._config, plan).folder.path / "index.html" if plan else Path()
        target = Path(os.path.expandvars(self._config.getoption("htmlpath"))).expanduser()
        start = (Path(self._config.invocation_params.dir) / target).parent
        href = f"{quote(Path(os.path.relpath(page, start)).as_posix())}#case-{quote(planned.id)}"
        return [*found, extras.url(href, "Report")]

    def _pictures(self, record: Record, channels: Sequence[int]) -> Iterator[tuple[str, str]]:
        """Every figure as a PNG in base64, with its title. channels: of images, those that stand for colours."""
        import base64

        from auditor.drawing import kept_in, png
        from auditor.drawing.bands import seen
        from auditor.run.cache import Cache
        from auditor.telling.escaping import visible
        from auditor.values import Undrawn, attempt

        cache = self._config.stash[STATE].cache
        with kept_in(Cache(cache).drawings if cache else None):
            for figure in record.evidence.figures if record.evidence else ():
                if isinstance(figure, Undrawn):
                    continue  # the card says why
                made = attempt(figure.title, partial(png, seen(figure, channels), _DPI))
                if isinstance(made, bytes):
                    yield escape(visible(figure.title)), base64.b64encode(made).decode("ascii")

    # --- what is known of a case

    def _plan(self, name: str) -> Plan | None:
        path = Path(os.path.normpath(self._config.rootpath / name.split("::")[0]))
        plans = self._config.stash[STATE].plans
        return next((plan for known, plan in plans.items() if Path(os.path.normpath(known)) == path), None)

    def _run(self, path: Path) -> Run | None:
        """The run of a spec, without arrays, as far as it has come."""
        from auditor.values import AuditError

        plan = self._plan(str(path))
        state = self._config.stash[STATE]
        if plan is None or plan.audit not in state.begun:
            return None
        try:
            return state.standing.get(plan.audit) or work_of(self._config, plan).folder.load_run(arrays=False)
        except AuditError:
            return None  # whoever renders the report says so

    def _case(self, name: str) -> tuple[PlannedCase | None, Record | None]:
        """A case as it was planned, and the record that it has left, if it has."""
        from auditor.values import AuditError

        plan, state = self._plan(name), self._config.stash[STATE]
        if plan is None or plan.audit not in state.begun:
            return None, None
        case = name.split("::")[1]
        try:
            if plan.audit in state.standing:
                run = state.standing[plan.audit]
                record = run.records.get(case)
            else:
                folder = work_of(self._config, plan).folder
                run, record = folder.load_plan(), folder.load(state.run, case)
        except AuditError:
            return None, None  # whoever renders the report says so
        return next((planned for planned in run.cases if planned.id == case), None), record


def _key(column: str) -> str:
    """A column's name for pytest-html, which sorts by it; none may be one of its own."""
    return "audit" + column.split()[0]
