"""The plugin's options: `--audit-…`, each with an ini twin, and what they say.

Part of `auditor.plugin.items`, and like it, it imports the standard library and pytest only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from auditor.run.engines import Choice

LAYOUTS = ("page", "folder")
JUNIT = ("nested", "flat")


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
        "--audit-report-layout",
        choices=LAYOUTS,
        default=None,
        help="one page that needs no other file, if it isn't too large (page, the default), or style, script and "
        "pictures beside it (folder), as viewers need that refuse what stands within a page, such as Jenkins'",
    )
    group.addoption(
        "--audit-junit",
        choices=JUNIT,
        default=None,
        help="junit.xml with every case as a suite within its audit's, as the schema of Jenkins' xUnit plugin wants it "
        "(nested, the default), or as a test of its audit's suite, which more readers find (flat)",
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
    group.addoption(
        "--audit-allow-code",
        action="store_true",
        default=None,
        help="load checkpoints that hold Python code (Lambda layers) or look hostile; only if you trust who made them",
    )
    parser.addini("audit_allow_code", "load checkpoints that hold Python code", type="bool", default=False)
    group.addoption(
        "--audit-cache",
        metavar="DIR",
        default=None,
        help="folder that results are kept in, so that nothing unchanged is measured again; it may be shared "
        "(default: .audit_cache, in the current folder)",
    )
    group.addoption(
        "--audit-cache-key",
        metavar="FILE",
        default=None,
        help="file with the secret that results in a shared cache are signed with: others are measured again",
    )
    group.addoption(
        "--audit-no-cache",
        action="store_true",
        default=None,
        help="measure everything anew, and keep nothing",
    )
    group.addoption(
        "--audit-engine",
        choices=("threads", "serial", "processes", "dask"),
        default=None,
        help="where attacks are worked off, block by block, with the same results: here, several at once (threads, the "
        "default) or one after the other (serial), in processes of this machine, or by a Dask scheduler",
    )
    group.addoption(
        "--audit-workers",
        metavar="N",
        type=int,
        default=None,
        help="threads or processes of this machine that --audit-engine uses (default: one for each core)",
    )
    group.addoption(
        "--audit-scheduler",
        metavar="ADDRESS",
        default=None,
        help="Dask scheduler, such as tcp://host:8786 or tls://host:8786 (default: a cluster of this machine)",
    )
    group.addoption("--audit-gpu", action="store_true", default=None, help="each block takes one GPU of a Dask worker")
    group.addoption(
        "--audit-budget",
        metavar="TIME",
        default=None,
        help="time that cases may take together, such as 90s, 5m or 1h30m: what fits runs, by `priority`; the rest is "
        "skipped, and reported as not run",
    )
    parser.addini("audit_budget", "time that cases may take together, such as 5m")
    parser.addini("audit_engine", "threads (default), serial, processes or dask", default="threads")
    parser.addini("audit_workers", "threads or processes of this machine that the engine uses", default="")
    parser.addini("audit_scheduler", "address of a Dask scheduler", default="")
    parser.addini("audit_gpu", "each block takes one GPU of a Dask worker", type="bool", default=False)
    parser.addini("audit_cache", "folder that results are kept in, relative to this file")
    parser.addini("audit_cache_key", "file with the secret that kept results are signed with, relative to this file")
    parser.addini("audit_no_cache", "measure everything anew", type="bool", default=False)
    group.addoption(
        "--audit-mlflow",
        metavar="URI",
        nargs="?",
        const="",
        default=None,
        help="log each finished audit to the MLflow at this URI, or at MLFLOW_TRACKING_URI if none is given",
    )
    parser.addini("audit_report", "folder that reports and records land in, relative to this file")
    parser.addini("audit_report_size", "megabytes that a page of a report takes at most (default: 15)")
    parser.addini("audit_report_layout", "page (default) or folder: style, script and pictures beside the page")
    parser.addini("audit_junit", "nested (default) or flat: tests of junit.xml in their audit's suite")
    parser.addini("audit_inconclusive", "fail (default) or warn", default="fail")
    parser.addini("audit_baseline", "folder of a previous run's records to compare with, relative to this file")
    parser.addini("audit_mlflow", "URI of the MLflow that each finished audit is logged to")


def folder(config: pytest.Config, name: str) -> Path | None:
    """A folder given on the command line, relative to where that is, or in the ini file, relative to it."""
    given = config.getoption(name)
    if given is not None:
        return Path(config.invocation_params.dir) / str(given)
    told = str(config.getini(name) or "")
    beside: Path = (config.inipath or config.rootpath / "ini").parent
    return beside / told if told else None


def baselines(config: pytest.Config, reports: Path) -> Path | None:
    """Where a previous run's records lie, which can't be where this run's reports land."""
    found = folder(config, "audit_baseline")
    if found and not found.is_dir():
        raise pytest.UsageError(f"--audit-baseline: no such folder: {found}")
    if found and found.resolve() == reports.resolve():
        message = f"--audit-baseline: {found} is where this run's reports land, so its records are replaced"
        raise pytest.UsageError(f"{message}; keep a baseline in a folder of its own (--audit-save-baseline)")
    return found


def cache(config: pytest.Config) -> Path | None:
    """Where results are kept, if they are."""
    if config.getoption("audit_no_cache") or config.getini("audit_no_cache"):
        return None
    return folder(config, "audit_cache") or Path(config.invocation_params.dir) / ".audit_cache"


def cache_key(config: pytest.Config) -> Path | None:
    """The file of the secret that kept results are signed with, if there is one; it has to be readable."""
    path = folder(config, "audit_cache_key")
    if path is None or cache(config) is None or dry(config):
        return path
    from auditor.run.cache import secret_in
    from auditor.values import RecordError

    try:
        secret_in(path)
    except RecordError as error:
        raise pytest.UsageError(f"--audit-cache-key: {error}") from error
    return path


def tracking(config: pytest.Config) -> str:
    """Where audits are to be logged, if they are; what is missing for it is said before anything runs."""
    given = config.getoption("audit_mlflow")
    given = given if given is not None else config.getini("audit_mlflow") or None
    if given is None or dry(config):
        return ""
    from auditor.loading.registry import require, tracking_uri
    from auditor.values import TrackingError

    try:
        require()
        return tracking_uri(given, "--audit-mlflow")
    except TrackingError as error:
        raise pytest.UsageError(str(error)) from error


def size(config: pytest.Config) -> int | None:
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


def in_folder(config: pytest.Config) -> bool:
    """Whether what a page shows is to lie beside it."""
    return _one_of(config, "audit_report_layout", LAYOUTS) == "folder"


def flat_junit(config: pytest.Config) -> bool:
    """Whether tests of `junit.xml` are to lie in the suite of their audit."""
    return _one_of(config, "audit_junit", JUNIT) == "flat"


def _one_of(config: pytest.Config, name: str, allowed: tuple[str, ...]) -> str:
    """An option or its ini twin, which pytest doesn't check; the first of what is allowed if neither is given."""
    given = config.getoption(name) or config.getini(name) or allowed[0]
    if given not in allowed:
        raise pytest.UsageError(f"{name} = {given!r}: allowed are {', '.join(allowed)}")
    return str(given)


def budget(config: pytest.Config) -> float:
    """The seconds that cases may take together; 0 for as many as they need."""
    given = config.getoption("audit_budget") or config.getini("audit_budget")
    if not given:
        return 0.0
    from auditor.run.budget import seconds_of

    seconds = seconds_of(str(given))
    if seconds is None:
        raise pytest.UsageError(f"--audit-budget: {given!r} is no time, such as 90s, 5m or 1h30m")
    return seconds


def engine(config: pytest.Config) -> Choice:
    """Where attacks are worked off; an option that the chosen engine doesn't know is a mistake."""
    from auditor.run.engines import NAMES, Choice

    def told(name: str) -> Any:
        given = config.getoption(name)
        return config.getini(name) if given is None else given

    name, workers, scheduler = told("audit_engine"), str(told("audit_workers")), str(told("audit_scheduler"))
    if name not in NAMES:
        raise pytest.UsageError(f"audit_engine = {name!r}: allowed are {', '.join(NAMES)}")
    if (scheduler or told("audit_gpu")) and name != "dask":
        raise pytest.UsageError("--audit-scheduler and --audit-gpu go with --audit-engine dask")
    if workers and (name == "serial" or scheduler):
        message = "--audit-workers goes with --audit-engine threads, processes, or dask without a scheduler"
        raise pytest.UsageError(message)
    if workers and not (workers.isdecimal() and int(workers) > 0):
        raise pytest.UsageError(f"--audit-workers {workers}: a number of at least 1 is needed")
    return Choice(name, int(workers or 0), scheduler, bool(told("audit_gpu")))


def dry(config: pytest.Config) -> bool:
    """Whether this session only shows what there is and runs no test, so that everything must stay as it is."""
    # All that collects and doesn't run. What asks for nothing but a text (`--help`, `--markers`) collects nothing.
    names = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
    return any(bool(config.getoption(name, False)) for name in names)


def tolerant(config: pytest.Config) -> bool:
    """Whether an inconclusive verdict passes with a warning."""
    choice = config.getoption("audit_inconclusive") or config.getini("audit_inconclusive")
    return bool(choice == "warn")
