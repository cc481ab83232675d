"""What one pytest process knows of the audits it takes part in, and how it begins them.

Part of `auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.plugin import options

if TYPE_CHECKING:
    from auditor.records.manifest import Layout
    from auditor.run.runner import Work
    from auditor.spec import Plan
    from auditor.values import Run


@dataclass(kw_only=True)
class State:
    """What one pytest process knows of the audits it takes part in.

    run: id shared by all workers of a session. reports: where reports land. size: bytes that a page takes at most, if
    that is given. folder: whether what pages show lies beside them. flat: whether JUnit's tests lie in their audit's
    suite. baselines: where a previous run's records lie, to compare with. save: where this run's are to be kept as a
    baseline. cache: where results are kept. cache_key: the file of the secret they are signed with. tracking: URI of
    the MLflow that finished audits are logged to. allow_code: whether code of checkpoints may run. budget: seconds
    that cases may take together. ends: when they are over. plans: by spec path. works: what each audit runs with, by
    its name. begun: the audits that this process has begun, and will render. standing: finished runs that this one
    could only repeat. remarks: what was said beside results, each with the cases that it was said of.
    """

    run: str
    reports: Path
    size: int | None = None
    folder: bool = False
    flat: bool = False
    baselines: Path | None = None
    save: Path | None = None
    cache: Path | None = None
    cache_key: Path | None = None
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
    remarks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """How the files of a report are laid out."""
        from auditor.records.manifest import USUAL, Layout

        return Layout(self.size or USUAL.size, self.folder, self.flat)


STATE = pytest.StashKey[State]()


def prepare_terminal(config: pytest.Config) -> None:
    """Let the terminal show what its encoding lacks in other words; pytest would escape whole tables."""
    from auditor.telling.console import prepare

    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        prepare(reporter._tw._file)


def plan_of(config: pytest.Config, path: Path) -> Plan:
    """Plan a spec once a process."""
    from auditor.spec import make_plan

    plans = config.stash[STATE].plans
    if path not in plans:
        plans[path] = make_plan(path, shown_path(config, path))
    return plans[path]


def shown_path(config: pytest.Config, path: Path) -> str:
    """A path as people who run pytest here write it."""
    here = Path(config.invocation_params.dir)
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def work_of(config: pytest.Config, plan: Plan) -> Work:
    """What this process runs the cases of a plan with."""
    from auditor.judging import find_baseline
    from auditor.loading.resources import Resources
    from auditor.records.store import Folder
    from auditor.run.cache import Cache, secret_in
    from auditor.run.runner import Work

    state = config.stash[STATE]
    if plan.audit not in state.works:
        first = next(iter(state.works.values()), None)
        secret = secret_in(state.cache_key) if state.cache_key else b""
        resources = first.resources if first else Resources(state.tracking, state.allow_code, state.cache, secret)
        cache = first.cache if first else Cache(state.cache, secret) if state.cache else None
        baseline = find_baseline(state.baselines, plan.audit) if state.baselines else None
        folder = Folder(state.reports / plan.audit).folder_of(state.run)
        engine = first.engine if first else options.engine(config).opened()
        budget = None
        if state.budget:
            from auditor.run.budget import Budget

            budget = Budget(state.budget, state.ends)
        state.works[plan.audit] = Work(plan, state.run, folder, resources, baseline, cache, engine, budget)
    return state.works[plan.audit]


def standing_of(config: pytest.Config, plan: Plan) -> Run | None:
    """The finished run that this one could only repeat; a worker of pytest-xdist learns from its folder which it is."""
    state = config.stash[STATE]
    if plan.audit not in state.standing and hasattr(config, "workerinput"):
        folder = work_of(config, plan).folder
        if folder.stands_for(state.run):
            state.standing[plan.audit] = folder.load_run(draws(config))
    return state.standing.get(plan.audit)


def draws(config: pytest.Config) -> bool:
    """Whether pytest-html wants pictures, for which arrays of records are needed."""
    return bool(config.getoption("htmlpath", None))


def begin(config: pytest.Config, chosen: Mapping[Path, Collection[str]]) -> None:
    """Begin an audit for every spec, with the cases chosen of it; raise UsageError where that can't be.

    A session that only shows tests begins none.
    """
    if not chosen or options.dry(config):
        return
    from auditor.judging import held_against_history
    from auditor.records.store import Folder
    from auditor.run.runner import begin_run, new_run, placed, standing
    from auditor.values import RecordError

    prepare_terminal(config)
    state = config.stash[STATE]
    audits: dict[str, Path] = {}
    folders: dict[str, Path] = {}  # not every file system tells capitals apart
    for path, case_ids in chosen.items():
        plan = plan_of(config, path)
        other = folders.setdefault(plan.audit.lower(), path)
        if other != path:
            message = f"{other} and {path} both say `audit: {plan.audit}`; give each its own name"
            raise pytest.UsageError(message)
        audits[plan.audit] = path
        try:
            if plan.audit in state.standing:
                continue
            whole = Folder(state.reports / plan.audit)
            planned = held_against_history(whole, new_run(plan, state.run, case_ids, state.allow_code))
            _, run = placed(whole, planned)
            work = work_of(config, plan)
            stands = standing(work, run, state.layout, draws(config)) if state.cache and not state.baselines else None
            if stands:
                state.standing[plan.audit] = stands
                work.folder.let_stand(state.run)
            else:
                begin_run(work.folder, run)
        except RecordError as error:
            raise pytest.UsageError(str(error)) from error
    state.begun = tuple(audits)
