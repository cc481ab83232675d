"""pytest entry point: every check of every `*.audit.yaml` is a test.

This module loads in every pytest run of its environment, so it imports the standard library and pytest
only; all else is imported when there is a spec to collect.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auditor.plan import Case, Plan
    from auditor.record import Record, Run
    from auditor.resources import Resources
    from auditor.runner import Work

SUFFIX = ".audit.yaml"


@dataclass
class State:
    """What one pytest process knows of the audits it takes part in.

    run: id shared by all workers of a session. reports: where reports land. size: bytes that a page takes at most, if
    that is given. baselines: where a previous run's records lie, to compare with. save: where this run's are to be
    kept as a baseline. plans: by spec path.
    """

    run: str
    reports: Path
    size: int | None = None
    baselines: Path | None = None
    save: Path | None = None
    plans: dict[Path, Plan] = field(default_factory=dict)
    resources: Resources | None = None
    rendered: list[tuple[Run, Path]] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


STATE = pytest.StashKey[State]()


# --- options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--audit-…` options, each with an ini twin of the same name."""
    group = parser.getgroup("audit", "robustness audits (*.audit.yaml)")
    group.addoption(
        "--audit-report",
        metavar="DIR",
        default=None,
        help="folder that reports and records land in (default: reports, in the current folder)",
    )
    group.addoption(
        "--audit-report-size",
        metavar="MB",
        default=None,
        help="what a page of a report takes at most; a larger one has its pictures beside it (default: 15)",
    )
    group.addoption(
        "--audit-inconclusive",
        choices=("fail", "warn"),
        default=None,
        help="whether an inconclusive verdict fails its test (default) or passes it with a warning",
    )
    group.addoption(
        "--audit-baseline",
        metavar="PATH",
        default=None,
        help="folder of a previous run's records, to compare every case with, image by image",
    )
    group.addoption(
        "--audit-save-baseline",
        metavar="PATH",
        default=None,
        help="keep this run's records in this folder as the baseline of later runs",
    )
    parser.addini("audit_report", "folder that reports and records land in, relative to this file")
    parser.addini("audit_report_size", "megabytes that a page of a report takes at most (default: 15)")
    parser.addini("audit_inconclusive", "fail (default) or warn", default="fail")
    parser.addini("audit_baseline", "folder of a previous run's records to compare with, relative to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Settle the run's id and the report folder; workers are told theirs by the controller."""
    config.addinivalue_line("markers", "audit(check, model): a case of a *.audit.yaml spec")
    if config.getini("audit_inconclusive") not in ("fail", "warn"):
        wrong = config.getini("audit_inconclusive")
        raise pytest.UsageError(f"audit_inconclusive = {wrong!r} in {config.inipath}: allowed are fail and warn")
    told = getattr(config, "workerinput", {}).get("auditor")
    if told:
        baselines = Path(told["baselines"]) if told["baselines"] else None
        config.stash[STATE] = State(told["run"], Path(told["reports"]), baselines=baselines)
    else:
        reports = _folder(config, "audit_report") or Path(config.invocation_params.dir) / "reports"
        baselines = _folder(config, "audit_baseline")
        if baselines and not baselines.is_dir():
            raise pytest.UsageError(f"--audit-baseline: no such folder: {baselines}")
        if baselines and baselines.resolve() == reports.resolve():
            message = f"--audit-baseline: {baselines} is where this run's reports land, so its records are replaced"
            raise pytest.UsageError(f"{message}; keep a baseline in a folder of its own (--audit-save-baseline)")
        save = config.getoption("audit_save_baseline")
        place = Path(config.invocation_params.dir) / save if save else None
        config.stash[STATE] = State(uuid.uuid4().hex, reports, _size(config), baselines, place)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker which run it belongs to."""
    state = node.config.stash[STATE]
    baselines = str(state.baselines) if state.baselines else ""
    node.workerinput["auditor"] = {"run": state.run, "reports": str(state.reports), "baselines": baselines}


def _folder(config: pytest.Config, name: str) -> Path | None:
    """A folder given on the command line, relative to where that is, or in the ini file, relative to it."""
    given = config.getoption(name)
    if given is not None:
        return Path(config.invocation_params.dir) / str(given)
    told = str(config.getini(name) or "")
    beside: Path = (config.inipath or config.rootpath / "ini").parent
    return beside / told if told else None


def _size(config: pytest.Config) -> int | None:
    """The bytes that a page may take, given as megabytes on the command line or in the ini file."""
    given = config.getoption("audit_report_size") or config.getini("audit_report_size")
    if not given:
        return None
    try:
        size = math.ceil(float(given) * 1e6)
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise pytest.UsageError(f"--audit-report-size: {given!r} is no number of megabytes, such as 15 or 0.5")
    return size


# --- collection


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> AuditFile | None:
    """Collect `*.audit.yaml` files."""
    if file_path.name.endswith(SUFFIX):
        return AuditFile.from_parent(parent, path=file_path)
    return None


class AuditFile(pytest.File):
    """One spec."""

    def collect(self) -> Iterator[AuditItem]:
        """Plan the spec; every mistake in it is shown with its place."""
        plan = plan_of(self.config, self.path)
        for problem in plan.warnings:
            self.warn(pytest.PytestWarning(str(problem)))
        for case in plan.cases:
            yield AuditItem.from_parent(self, name=case.id, plan=plan, case=case)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show a mistake in a spec as its lines alone, anything else with its traceback."""
        from auditor.errors import AuditError

        if isinstance(excinfo.value, AuditError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


def plan_of(config: pytest.Config, path: Path) -> Plan:
    """Plan a spec once a process."""
    from auditor.plan import make_plan

    plans = config.stash[STATE].plans
    if path not in plans:
        here = Path(config.invocation_params.dir)
        shown = os.path.relpath(path, here) if path.is_relative_to(here) else str(path)
        plans[path] = make_plan(path, shown)
    return plans[path]


class NotPassedError(Exception):
    """A verdict that is no pass; carries the record it stands in."""

    def __init__(self, record: Record) -> None:
        self.record = record
        super().__init__(record.verdict.message)


class AuditItem(pytest.Item):
    """One case."""

    def __init__(self, *, plan: Plan, case: Case, **rest: Any) -> None:
        super().__init__(**rest)
        self.plan = plan
        self.case = case
        self.add_marker(pytest.mark.audit(check=case.check, model=case.model))
        self.extra_keyword_matches.add(case.check)

    def runtest(self) -> None:
        """Run the case, or read the record another process of this run has left."""
        from auditor.runner import obtain_settled

        record = obtain_settled(_work(self.config, self.plan), self.case)
        self.user_properties.append(("audit_verdict", str(record.state)))
        if record.evidence:
            self.user_properties += [(str(n), float(m.value)) for n, m in record.evidence.metrics.items()]
        self._attach_thumbnail(record)
        waiver = record.waiver
        if waiver and record.state == "waived":
            pytest.xfail(f"waived by {waiver}; {record.verdict.message}")
        if waiver and waiver.standing == "unneeded":
            self.warn(pytest.PytestWarning(f"the waiver of {record.case!r} is unneeded: it passes; remove it"))
        if record.verdict.status == "inconclusive" and _tolerant(self.config):
            self.warn(pytest.PytestWarning(f"inconclusive: {record.verdict.message}"))
        elif record.verdict.status != "pass":
            raise NotPassedError(record)

    def _attach_thumbnail(self, record: Record) -> None:
        if not self.config.pluginmanager.hasplugin("html") or record.evidence is None:
            return
        from auditor.report.thumbnail import thumbnail

        picture = thumbnail(record.evidence.figures)
        if picture:
            self.user_properties.append(("audit_thumbnail", picture))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what was measured and what was expected; only a defect of ours shows a traceback."""
        if not isinstance(excinfo.value, NotPassedError):
            return super().repr_failure(excinfo)
        record = excinfo.value.record
        lines = [f"{record.case} ({record.check} of {record.model}): {record.verdict.status}"]
        if record.failure and record.failure.traceback:
            return "\n".join([*lines, record.failure.traceback])
        if record.evidence:
            lines.append(record.evidence.summary)
        findings = [f"{f.status}: {f.message}" for f in record.verdict.findings]
        if record.waiver:
            lines.append(f"its waiver ({record.waiver}) doesn't hold: {record.waiver.standing}")
        return "\n".join([*lines, *(findings or [record.verdict.message])])

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands in its spec (the line counts from 0 here) and what it asks."""
        return self.path, self.case.line - 1, self.name


def _work(config: pytest.Config, plan: Plan) -> Work:
    """What this process runs the cases of a plan with."""
    from auditor.baseline import find_baseline
    from auditor.resources import Resources
    from auditor.runner import Work
    from auditor.store import Folder

    state = config.stash[STATE]
    state.resources = state.resources or Resources()
    baseline = find_baseline(state.baselines, plan.audit) if state.baselines else None
    return Work(plan, state.run, Folder(state.reports / plan.audit), state.resources, baseline)


def _tolerant(config: pytest.Config) -> bool:
    choice = config.getoption("audit_inconclusive") or config.getini("audit_inconclusive")
    return bool(choice == "warn")


# --- the session


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note on disk what is planned, before anything runs."""
    items = [item for item in session.items if isinstance(item, AuditItem)]
    if not items or session.config.option.collectonly:
        return
    from auditor.baseline import find_baseline
    from auditor.errors import RecordError
    from auditor.runner import new_run
    from auditor.store import Folder

    state = session.config.stash[STATE]
    chosen: dict[Path, list[AuditItem]] = {}
    for item in items:
        chosen.setdefault(item.path, []).append(item)
    audits: dict[str, Path] = {}
    for path, its_items in chosen.items():
        plan = its_items[0].plan
        if plan.audit in audits:
            message = f"{audits[plan.audit]} and {path} both say `audit: {plan.audit}`; give each its own name"
            raise pytest.UsageError(message)
        audits[plan.audit] = path
        try:
            run = new_run(plan, state.run, {item.case.id for item in its_items})
            Folder(state.reports / plan.audit).prepare(run)
            if state.baselines:
                find_baseline(state.baselines, plan.audit)
        except RecordError as error:
            raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Learn from the workers which specs take part: the controller of pytest-xdist collects none itself."""
    root = node.config.rootpath
    for path in dict.fromkeys(root / name.split("::")[0] for name in ids if f"{SUFFIX}::" in name):
        plan_of(node.config, path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Give pytest-html a picture of what was found."""
    report: Any = yield
    pictures = [value for name, value in report.user_properties if name == "audit_thumbnail"]
    if isinstance(item, AuditItem) and pictures:
        report.user_properties = [p for p in report.user_properties if p[0] != "audit_thumbnail"]
        if report.when == "call":
            from pytest_html import extras

            report.extras = [*getattr(report, "extras", []), extras.png(pictures[0])]
    return report


def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport,
) -> tuple[str, str, str] | None:
    """Show an audit's own verdicts among the test results."""
    if not isinstance(report, pytest.TestReport) or report.when != "call" or report.passed:
        return None
    verdict = dict(report.user_properties).get("audit_verdict")
    shown = {
        "error": ("failed", "E", "ERROR"),
        "inconclusive": ("failed", "I", "INCONCLUSIVE"),
        "waived": ("xfailed", "w", "WAIVED"),
    }
    return shown.get(str(verdict))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Render the report of every audit that ran, whatever became of its cases."""
    config = session.config
    state = config.stash[STATE]
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    from auditor.errors import AuditError

    for plan in state.plans.values():
        from auditor.report.files import SIZE
        from auditor.runner import add_to_step_summary, render_report
        from auditor.store import Folder

        try:
            run, page = render_report(Folder(state.reports / plan.audit), state.size or SIZE)
        except AuditError as error:
            state.problems.append(f"no report: {error}")
            continue
        if run.id == state.run:
            state.rendered.append((run, page))
            if state.save:
                _save_baseline(state, run)
            try:
                add_to_step_summary(run)
            except AuditError as error:
                state.problems.append(str(error))
    if state.problems:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


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
        terminalreporter.write_line(f"report: {page}")
    for saved in state.saved:
        terminalreporter.write_line(f"baseline saved: {saved}")
    for problem in state.problems:
        terminalreporter.write_line(problem, red=True)
