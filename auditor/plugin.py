"""pytest entry point: every check of every `*.audit.yaml` is a test.

This module loads in every pytest run of its environment, so it imports the standard library and pytest
only; all else is imported when there is a spec to collect.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor import plugin_options
from auditor.plugin_options import pytest_addoption as pytest_addoption  # a hook, found here by its name

if TYPE_CHECKING:
    from auditor.plan import Case, Plan
    from auditor.record import Record, Run
    from auditor.runner import Work

SUFFIX = ".audit.yaml"
pytest_plugins = ("auditor.plugin_progress", "auditor.plugin_finish", "auditor.plugin_xdist")


@dataclass
class State:
    """What one pytest process knows of the audits it takes part in.

    run: id shared by all workers of a session. reports: where reports land. size: bytes that a page takes at most, if
    that is given. baselines: where a previous run's records lie, to compare with. save: where this run's are to be
    kept as a baseline. cache: where results are kept. tracking: URI of the MLflow that finished audits are logged to.
    allow_code: whether code of checkpoints may run. budget: seconds that cases may take together. ends: when they are
    over. plans: by spec path. works: what each audit runs with, by its name. begun: the audits that this process has
    begun, and will render. standing: finished runs that this one could only repeat.
    """

    run: str
    reports: Path
    size: int | None = None
    baselines: Path | None = None
    save: Path | None = None
    cache: Path | None = None
    tracking: str = ""
    allow_code: bool = False
    budget: float = 0.0
    ends: float = 0.0
    plans: dict[Path, Plan] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    standing: dict[str, Run] = field(default_factory=dict)
    begun: tuple[str, ...] = ()
    rendered: list[tuple[Run, Path]] = field(default_factory=list)
    saved: list[Path] = field(default_factory=list)
    tracked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


STATE = pytest.StashKey[State]()


# --- the process


def pytest_configure(config: pytest.Config) -> None:
    """Settle the run's id and the report folder; workers are told theirs by the controller."""
    config.addinivalue_line("markers", "audit(check, model): a case of a *.audit.yaml spec")
    if config.getini("audit_inconclusive") not in ("fail", "warn"):
        wrong = config.getini("audit_inconclusive")
        raise pytest.UsageError(f"audit_inconclusive = {wrong!r} in {config.inipath}: allowed are fail and warn")
    told = getattr(config, "workerinput", {}).get("auditor")
    if told:
        baselines = Path(told["baselines"]) if told["baselines"] else None
        cache = Path(told["cache"]) if told["cache"] else None
        reports = Path(told["reports"])
        tracking, allow_code, budget, ends = told["tracking"], told["allow_code"], told["budget"], told["ends"]
        config.stash[STATE] = State(
            told["run"], reports, None, baselines, None, cache, tracking, allow_code, budget, ends
        )
    else:
        reports = plugin_options.folder(config, "audit_report") or Path(config.invocation_params.dir) / "reports"
        baselines = plugin_options.baselines(config, reports)
        save = config.getoption("audit_save_baseline")
        place = Path(config.invocation_params.dir) / save if save else None
        allow_code = bool(config.getoption("audit_allow_code") or config.getini("audit_allow_code"))
        budget = plugin_options.budget(config)
        config.stash[STATE] = State(
            uuid.uuid4().hex,
            reports,
            plugin_options.size(config),
            baselines,
            place,
            plugin_options.cache(config),
            plugin_options.tracking(config),
            allow_code,
            budget,
            time.time() + budget,
        )


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
        root = self.config.rootpath
        if hasattr(self.config, "workerinput") and (root / self.nodeid).resolve() != self.path.resolve():
            message = f"{self.path} lies outside of pytest's root folder {root}, so pytest-xdist has no names for it"
            raise self.CollectError(f"{message}; run it without -n, or with a --rootdir that holds it")
        plan = plan_of(self.config, self.path)
        for problem in plan.warnings:
            self.warn(pytest.PytestWarning(str(problem)))
        for tag in sorted({tag for case in plan.cases for tag in case.tags}):
            self.config.addinivalue_line("markers", f"{tag}: a tag of {self.path.name}")  # for --strict-markers
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
        for tag in case.tags:
            self.add_marker(tag)
        self.extra_keyword_matches.add(case.check)

    def runtest(self) -> None:
        """Run the case, or read the record another process of this run has left."""
        from auditor.errors import AuditError
        from auditor.runner import left_out, obtain_settled

        try:
            stands = _standing(self.config, self.plan)
            work = _work(self.config, self.plan)
            why = "" if stands else left_out(work, self.case)
            if why:
                self.user_properties.append(("audit_verdict", "not run"))
                pytest.skip(f"not run: {why}")
            record = stands.records[self.case.id] if stands else obtain_settled(work, self.case)
        except AuditError:
            self.user_properties.append(("audit_verdict", "error"))
            raise
        self.user_properties.append(("audit_verdict", str(record.state)))
        if record.evidence:
            self.user_properties += [(str(n), float(m.value)) for n, m in record.evidence.metrics.items()]
        self._attach_thumbnail(record)
        waiver = record.waiver
        if waiver and record.state == "waived":
            pytest.xfail(f"waived by {waiver}; {record.verdict.message}")
        if waiver and waiver.standing == "unneeded":
            self.warn(pytest.PytestWarning(f"the waiver of {record.case!r} is unneeded: it passes; remove it"))
        if record.verdict.status == "inconclusive" and plugin_options.tolerant(self.config):
            self.warn(pytest.PytestWarning(f"inconclusive: {record.verdict.message}"))
        elif record.verdict.status != "pass":
            raise NotPassedError(record)

    def _attach_thumbnail(self, record: Record) -> None:
        if not _draws(self.config) or record.evidence is None:
            return
        from auditor.report.thumbnail import thumbnail

        picture = thumbnail(record.evidence.figures)
        if picture:
            self.user_properties.append(("audit_thumbnail", picture))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what was measured and what was expected; only a defect of ours shows a traceback."""
        from auditor.errors import AuditError

        if isinstance(excinfo.value, AuditError):
            return f"{self.case.id} ({self.case.check} of {self.case.model}): error\n{excinfo.value}"
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


def _standing(config: pytest.Config, plan: Plan) -> Run | None:
    """The finished run that this one could only repeat; a worker of pytest-xdist learns from its folder which it is."""
    state = config.stash[STATE]
    if plan.audit not in state.standing and hasattr(config, "workerinput"):
        folder = _work(config, plan).folder
        if folder.stands_for(state.run):
            state.standing[plan.audit] = folder.load_run(_draws(config))
    return state.standing.get(plan.audit)


def _draws(config: pytest.Config) -> bool:
    """Whether pytest-html wants pictures, for which arrays of records are needed."""
    return bool(config.getoption("htmlpath", None))


def _work(config: pytest.Config, plan: Plan) -> Work:
    """What this process runs the cases of a plan with."""
    from auditor.baseline import find_baseline
    from auditor.cache import Cache
    from auditor.resources import Resources
    from auditor.runner import Work
    from auditor.store import Folder

    state = config.stash[STATE]
    if plan.audit not in state.works:
        first = next(iter(state.works.values()), None)
        resources = first.resources if first else Resources(state.tracking, state.allow_code, state.cache)
        cache = first.cache if first else Cache(state.cache) if state.cache else None
        baseline = find_baseline(state.baselines, plan.audit) if state.baselines else None
        folder = Folder(state.reports / plan.audit)
        engine = first.engine if first else plugin_options.engine(config).opened()
        budget = None
        if state.budget:
            from auditor.budget import Budget

            budget = Budget(state.budget, state.ends)
        state.works[plan.audit] = Work(plan, state.run, folder, resources, baseline, cache, engine, budget)
    return state.works[plan.audit]


# --- the session


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where not all may have time, what matters most comes first."""
    if config.stash[STATE].budget:
        items.sort(key=lambda item: -item.case.priority if isinstance(item, AuditItem) else 0)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note on disk what is planned, before anything runs; for workers of pytest-xdist their controller does."""
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    chosen: dict[Path, set[str]] = {}
    for item in session.items:
        if isinstance(item, AuditItem):
            chosen.setdefault(item.path, set()).add(item.case.id)
    begin(session.config, chosen)


def begin(config: pytest.Config, chosen: Mapping[Path, Collection[str]]) -> None:
    """Begin an audit for every spec, with the cases chosen of it; raise UsageError where that can't be."""
    if not chosen:
        return
    from auditor.errors import RecordError
    from auditor.runner import begin_run, new_run, standing

    state = config.stash[STATE]
    audits: dict[str, Path] = {}
    for path, case_ids in chosen.items():
        plan = plan_of(config, path)
        if plan.audit in audits:
            message = f"{audits[plan.audit]} and {path} both say `audit: {plan.audit}`; give each its own name"
            raise pytest.UsageError(message)
        audits[plan.audit] = path
        try:
            if plan.audit in state.standing:
                continue
            work = _work(config, plan)
            run = new_run(plan, state.run, case_ids, state.allow_code)
            stands = standing(work, run, state.size, _draws(config)) if state.cache and not state.baselines else None
            if stands:
                state.standing[plan.audit] = stands
                work.folder.let_stand(state.run)
            else:
                begin_run(work.folder, run)
        except RecordError as error:
            raise pytest.UsageError(str(error)) from error
    state.begun = tuple(audits)


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
    # pytest-xdist doesn't know in which phase its worker died.
    if not isinstance(report, pytest.TestReport) or report.when not in ("call", "???") or report.passed:
        return None
    verdict = dict(report.user_properties).get("audit_verdict")
    shown = {
        "error": ("failed", "E", "ERROR"),
        "cut off": ("failed", "X", "CUT OFF"),
        "inconclusive": ("failed", "I", "INCONCLUSIVE"),
        "waived": ("xfailed", "w", "WAIVED"),
        "not run": ("skipped", "s", "NOT RUN"),
    }
    return shown.get(str(verdict))
