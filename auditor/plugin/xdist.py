"""The plugin where pytest-xdist runs it: how many workers, what they are told, and what if one dies.

Loaded with `auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Generator, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.plugin.items import SUFFIX
from auditor.plugin.state import STATE, begin, plan_of

if TYPE_CHECKING:
    from auditor.spec import Source

# Measured with 1000 images and the networks of `fixtures`: TensorFlow takes 0.7 GB, PGD on a batch 1.8 GB in all.
_TENSORFLOW = 1_500_000_000
_TIMES_CHECKPOINTS = 8
"""Weights, what an optimiser left beside them, constants of graphs, and layers' outputs, which grow with weights."""
_TIMES_DATA = 8
"""Files are packed, and of bytes; images are float32, with their adversarial images and logits beside them."""
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB)", re.IGNORECASE)
_NOTE = pytest.StashKey[str]()


# --- how many workers


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says what a worker needs, with its ini twin."""
    text = (
        "memory one worker needs, such as 2.5GB: `-n auto` starts no more than fit (default: estimated from the specs)"
    )
    group = parser.getgroup("audit")
    group.addoption("--audit-worker-memory", metavar="AMOUNT", type=_amount, default=None, help=text)
    parser.addini("audit_worker_memory", text)


def _amount(text: str) -> int:
    found = _AMOUNT.fullmatch(text.strip())
    amount = int(float(found[1]) * (10**9 if found[2].upper() == "GB" else 10**6)) if found else 0
    if amount < 1:
        message = f"{text!r} is no amount of memory; write a number above 0 with MB or GB, such as 2.5GB"
        raise argparse.ArgumentTypeError(message)
    return amount


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong amount in the ini file, whether or not this run needs it."""
    _given_amount(config)


def _given_amount(config: pytest.Config) -> int | None:
    amount: int | None = config.getoption("audit_worker_memory")
    told = str(config.getini("audit_worker_memory") or "")
    if amount is not None or not told:
        return amount
    try:
        return _amount(told)
    except argparse.ArgumentTypeError as error:
        from auditor.telling.reason import reason

        raise pytest.UsageError(f"audit_worker_memory in {config.inipath}: {reason(error)}") from error


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Where specs run, start no more workers than this process has cores and memory for."""
    count = yield
    found = [] if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else list(specs(config))
    if not found:
        return count
    from auditor.compute import cores, free_memory

    most, need, free = min(count, cores()), _given_amount(config) or _worker_memory(found), free_memory()
    if free is None or free // need >= most:
        return most
    chosen = max(1, free // need)
    have = f"{free / 10**9:.1f} GB of memory are free, and each may need {need / 10**9:.1f} GB"
    config.stash[_NOTE] = f"workers: {chosen} of {most}, as {have} (--audit-worker-memory)"
    return chosen


def specs(config: pytest.Config) -> Iterator[Path]:
    """The specs that will be collected, found as pytest finds them."""
    pruned = config.getini("norecursedirs")
    for argument in config.args:
        start = config.invocation_params.dir / argument.split("::")[0]
        if start.name.endswith(SUFFIX):
            yield start
        for folder, folders, names in os.walk(start):
            folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in pruned)]
            yield from (Path(folder) / name for name in names if name.endswith(SUFFIX))


def _worker_memory(specs: list[Path]) -> int:
    """Bytes that a worker may need that runs all of these specs: it keeps what it has loaded."""
    from auditor.spec import make_plan
    from auditor.values import AuditError

    plans = []
    for path in specs:
        try:
            plans.append(make_plan(path))
        except AuditError:
            continue  # whoever collects it will say so
    checkpoints = _size(source for plan in plans for source in plan.models.values())
    data = _size(source for plan in plans for source in (plan.data, *plan.others.values()))
    return _TENSORFLOW + _TIMES_CHECKPOINTS * checkpoints + _TIMES_DATA * data


def _size(sources: Iterable[Source]) -> int:
    """Bytes of all files that sources are loaded from, each counted once."""
    from auditor.values import references

    named = ((source, reference) for source in sources for reference in references(source.params))
    files = {f for source, r in named if r.to == "file" for f in source.params.files_at(Path(r.name))}
    return sum(file.stat().st_size for file in files)


# --- what workers are told, and tell


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which run it belongs to."""
    state = node.config.stash[STATE]
    baselines = str(state.baselines) if state.baselines else ""
    cache = str(state.cache) if state.cache else ""
    node.workerinput["auditor"] = {
        "run": state.run,
        "reports": str(state.reports),
        "baselines": baselines,
        "cache": cache,
        "cache_key": str(state.cache_key) if state.cache_key else "",
        "tracking": state.tracking,
        "allow_code": state.allow_code,
        "budget": state.budget,
        "ends": state.ends,
    }


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Note what is planned, before any worker runs it: the controller collects nothing itself."""
    chosen: dict[Path, set[str]] = {}
    for name in ids:
        if f"{SUFFIX}::" in name:
            path, case = name.split("::")
            chosen.setdefault(node.config.rootpath / path, set()).add(case)
    begin(node.config, chosen)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`, keep cases that share a checkpoint or take each other's images in one worker.

    Not by the mark `xdist_group`: it renames cases, and pytest 9.2 leaves it without effect (pytest-xdist issue 1386).
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class ByModel(LoadGroupScheduling):  # type: ignore[misc]
        """Audit cases by their plan's groups, other tests as ever."""

        def _split_scope(self, nodeid: str) -> str:
            if f"{SUFFIX}::" not in nodeid:
                return str(super()._split_scope(nodeid))
            path, case = nodeid.split("::")
            return plan_of(config, config.rootpath / path).groups[case]

    return ByModel(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport) -> None:
    """Say what became of the case that a worker died of, or with."""
    if f"{SUFFIX}::" in crashitem:
        report.user_properties.append(("audit_verdict", "cut off"))
        report.longrepr = (
            f"{report.longrepr}\nThe case is cut off: killed, out of memory, or a crash of native code. The machine's "
            "log may say which. Where memory is short, use fewer workers (-n, --audit-worker-memory)."
        )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A spec with mistakes ends a session as it does without workers, though they have run all others."""
    manager = session.config.pluginmanager
    reporter = manager.getplugin("terminalreporter") if manager.hasplugin("dsession") else None
    errors = reporter.stats.get("error", ()) if reporter else ()
    mistaken = (e.nodeid for e in errors if isinstance(e, pytest.CollectReport))
    if session.exitstatus == pytest.ExitCode.TESTS_FAILED and any(not n or n.endswith(SUFFIX) for n in mistaken):
        session.exitstatus = pytest.ExitCode.INTERRUPTED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say so where memory kept workers from being started."""
    if _NOTE in config.stash:
        terminalreporter.write_line(config.stash[_NOTE])
