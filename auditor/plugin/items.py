"""pytest entry point: every check of every `*.audit.yaml` is a test.

This module loads in every pytest run of its environment, so it imports the standard library and pytest
only; all else is imported when there is a spec to collect.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.plugin import options
from auditor.plugin.options import pytest_addoption as pytest_addoption  # a hook, found here by its name
from auditor.plugin.state import (
    STATE,
    State,
    begin,
    plan_of,
    prepare_terminal,
    shown_path,
    standing_of,
    work_of,
)

if TYPE_CHECKING:
    from auditor.spec import Case, Plan
    from auditor.values import Record, Run

SUFFIX = ".audit.yaml"
REMARK = "audit_remark"
pytest_plugins = (
    "auditor.plugin.progress",
    "auditor.plugin.finish",
    "auditor.plugin.mistakes",
    "auditor.plugin.xdist",
    "auditor.plugin.html",
)


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
        cache_key = Path(told["cache_key"]) if told["cache_key"] else None
        config.stash[STATE] = State(
            run=told["run"],
            reports=reports,
            baselines=baselines,
            cache=cache,
            cache_key=cache_key,
            tracking=tracking,
            allow_code=allow_code,
            budget=budget,
            ends=ends,
        )
    else:
        reports = options.folder(config, "audit_report") or Path(config.invocation_params.dir) / "reports"
        baselines = options.baselines(config, reports)
        save = config.getoption("audit_save_baseline")
        place = Path(config.invocation_params.dir) / save if save else None
        allow_code = bool(config.getoption("audit_allow_code") or config.getini("audit_allow_code"))
        budget = options.budget(config)
        config.stash[STATE] = State(
            run=uuid.uuid4().hex,
            reports=reports,
            size=options.size(config),
            folder=options.in_folder(config),
            flat=options.flat_junit(config),
            baselines=baselines,
            save=place,
            cache=options.cache(config),
            cache_key=options.cache_key(config),
            tracking=options.tracking(config),
            allow_code=allow_code,
            budget=budget,
            ends=time.time() + budget,
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
        from auditor.telling.remarks import lenient

        prepare_terminal(self.config)
        with lenient():
            plan = plan_of(self.config, self.path)
        for tag in sorted({tag for case in plan.cases for tag in case.tags}):
            self.config.addinivalue_line("markers", f"{tag}: a tag of {self.path.name}")  # for --strict-markers
        for case in plan.cases:
            yield AuditItem.from_parent(self, name=case.id, plan=plan, case=case)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show a mistake in a spec as its lines alone, anything else with its traceback."""
        from auditor.telling.escaping import on_terminal
        from auditor.values import AuditError

        if isinstance(excinfo.value, AuditError):
            return on_terminal(str(excinfo.value))
        return super().repr_failure(excinfo)


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
        from auditor.run.runner import left_out
        from auditor.telling.escaping import on_terminal, visible
        from auditor.telling.remarks import lenient
        from auditor.values import AuditError

        try:
            with lenient():
                stands = standing_of(self.config, self.plan)
                why = "" if stands else left_out(work_of(self.config, self.plan), self.case)
                if why:
                    self.user_properties.append(("audit_verdict", "not run"))
                    pytest.skip(on_terminal(f"not run: {why}"))
                record = self._obtain(stands)
        except AuditError:
            self.user_properties.append(("audit_verdict", "error"))
            raise
        for remark in record.remarks:
            self._remark(remark)
        self.user_properties.append(("audit_verdict", str(record.state)))
        if record.evidence:
            self.user_properties += [(visible(n), float(m.value)) for n, m in record.evidence.metrics.items()]
        waiver = record.waiver
        if waiver and record.state == "waived":
            pytest.xfail(on_terminal(f"waived by {waiver}; {record.verdict.message}"))
        if waiver and waiver.standing == "unneeded":
            told = "it passes" if record.verdict.status == "pass" else "nothing is expected of it"
            self._remark(f"the waiver of {record.case!r} is unneeded: {told}; remove it")
        if record.verdict.status == "inconclusive" and options.tolerant(self.config):
            from auditor.report.outcome import in_brief

            self._remark(f"inconclusive: {in_brief(record)}")
        elif record.verdict.status not in ("pass", "descriptive"):
            raise NotPassedError(record)

    def _obtain(self, stands: Run | None) -> Record:
        """The case's record: of the run that stands, or measured now, or left by another process of this run."""
        from auditor.run.runner import obtain_settled

        return stands.records[self.case.id] if stands else obtain_settled(work_of(self.config, self.plan), self.case)

    def _remark(self, text: str) -> None:
        """Say something beside the outcome: a property of the report, which workers of pytest-xdist hand on too."""
        from auditor.telling.escaping import on_terminal

        self.user_properties.append((REMARK, on_terminal(text)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what was measured and what was expected; only a defect of ours shows a traceback."""
        from auditor.plugin.failures import shown, story
        from auditor.report import outcome
        from auditor.telling.escaping import on_terminal
        from auditor.values import AuditError

        error = excinfo.value
        if isinstance(error, pytest.xfail.Exception):
            return on_terminal(str(error))
        if isinstance(error, AuditError):
            told = f"{self.case.id} ({self.case.check} of {self.case.model}): error\n{error}"
            brief = outcome.begun(str(error))
        elif isinstance(error, NotPassedError):
            folder = shown_path(self.config, work_of(self.config, self.plan).folder.path)
            told, brief = story(error.record, folder), outcome.in_brief(error.record)
        else:
            return super().repr_failure(excinfo)
        # Who asks for a line of each gets that, from all versions of pytest: the table has the story then.
        told = "" if self.config.option.tbstyle == "line" else told
        return shown(self.path, self.case.line, told, brief)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands in its spec (the line counts from 0 here) and what it asks."""
        return self.path, self.case.line - 1, self.name


# --- the session


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where not all may have time, what matters most comes first."""
    if config.stash[STATE].budget:
        items.sort(key=lambda item: -item.case.priority if isinstance(item, AuditItem) else 0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Note on disk what is planned, before the first test runs; for workers of pytest-xdist their controller does.

    Not when collection ends: who only looks at tests gets that far too, and must leave a finished run as it is.
    """
    stopped = session.testsfailed and not session.config.option.continue_on_collection_errors
    if stopped or hasattr(session.config, "workerinput"):
        return
    chosen: dict[Path, set[str]] = {}
    for item in session.items:
        if isinstance(item, AuditItem):
            chosen.setdefault(item.path, set()).add(item.case.id)
    begin(session.config, chosen)


def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport,
) -> tuple[str, str, str] | None:
    """Show an audit's own verdicts among the test results."""
    # pytest-xdist doesn't know in which phase its worker died.
    if not isinstance(report, pytest.TestReport) or report.when not in ("call", "???"):
        return None
    verdict = dict(report.user_properties).get("audit_verdict")
    if report.passed:
        return ("passed", "d", "DESCRIPTIVE") if verdict == "descriptive" else None
    shown = {
        "error": ("failed", "E", "ERROR"),
        "cut off": ("failed", "X", "CUT OFF"),
        "inconclusive": ("failed", "I", "INCONCLUSIVE"),
        "waived": ("xfailed", "w", "WAIVED"),
        "not run": ("skipped", "s", "NOT RUN"),
    }
    return shown.get(str(verdict))
