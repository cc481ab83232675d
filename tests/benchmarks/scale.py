"""What many cases cost, as ratios measured in the same run.

    python -m tests.benchmarks.scale [--runs 5] [--only collection,cases]

Every figure is a median of whole pytest processes, taken in turn. They keep compiled bytecode, as installed
packages do, and load what plugins are installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from tests.benchmarks._report import run_parts, say, show
from tests.plain import make_plain

_CASES, _SPECS = 1000, 20
_KINDS = (
    "check: accuracy, params: {first: 200}, expect: {accuracy: {min: 0.5}}",
    "check: robust_accuracy, params: {eps: 0.1, samples: 100, attacks: [{attack: autoattack}]}",
    "check: digit_flip, params: {target: 3, samples: 100, steps: 5}, expect: {flip_rate: {max: 0.5}}",
)
Counts = tuple[float, float]


def pytest_run(folder: Path, *options: str) -> Counts:
    """Wall and processor seconds of pytest in a folder."""
    began, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 5):  # 5: there was nothing to collect
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turn(entries: dict[str, Callable[[], Counts]], runs: int) -> dict[str, Counts]:
    """Medians of so many runs of each, in turn, after one that isn't counted."""
    found: dict[str, list[Counts]] = {name: [] for name in entries}
    for turn in range(runs + 1):
        for name, entry in entries.items():
            measured = entry()
            if turn:
                found[name].append(measured)
    return {name: (median(v[0] for v in values), median(v[1] for v in values)) for name, values in found.items()}


def collection(runs: int) -> None:
    """`pytest --co` of a thousand cases in twenty specs beside a thousand plain tests in as many files."""
    with tempfile.TemporaryDirectory() as name:
        folders = {kind: Path(name) / kind for kind in ("nothing", "plain tests", "cases")}
        for folder in folders.values():
            folder.mkdir()
        each = _CASES // _SPECS
        for spec in range(_SPECS):
            checks = [f"  - {{id: case-{i}, {_KINDS[i % len(_KINDS)]}}}\n" for i in range(each)]
            make_plain(folders["cases"], "".join(checks)).rename(folders["cases"] / f"s{spec}.audit.yaml")
            tests = "".join(f"def test_case_{i}():\n    assert {i} >= 0\n\n\n" for i in range(each))
            (folders["plain tests"] / f"test_s{spec}.py").write_text(tests)
        entries = {kind: lambda folder=folder: pytest_run(folder, "--co") for kind, folder in folders.items()}
        found = in_turn(entries, runs)
    base = found["plain tests"]
    rows = [(k, f"{w:.2f}", f"{p:.2f}", f"{w / base[0]:.2f}", f"{p / base[1]:.2f}") for k, (w, p) in found.items()]
    show(f"pytest --co, {_CASES} cases in {_SPECS} files (goal: at most 2.0)", _COLUMNS, rows)


_COLUMNS = ("", "seconds", "of processor", "ratio", "of processor")


def cases(runs: int) -> None:
    """What one more case costs, between 10 and 100 and between 100 and 1000 of them, in every kind of run."""
    counts = (10, 100, 1000)
    table: dict[tuple[int, str], float] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = {count: Path(name) / str(count) for count in counts}
        for count, folder in folders.items():
            folder.mkdir()
            checks = "".join(f"  - {{id: case-{i}, check: act, model: a}}\n" for i in range(count))
            make_plain(folder, checks)
            pytest_run(folder, "--audit-cache", "cache")
        for _ in range(min(runs, 3)):
            for count, folder in folders.items():
                for kind, options in _WAYS.items():
                    shutil.rmtree(folder / "fresh", ignore_errors=True)
                    _, used = pytest_run(folder, *options)
                    # The least of some runs: one that was disturbed says nothing of the work there was to do.
                    table[count, kind] = min(used, table.get((count, kind), used))
    rows = []
    for few, many in pairwise(counts):
        more = [1000 * (table[many, kind] - table[few, kind]) / (many - few) for kind in _WAYS]
        rows.append((f"{few} to {many}", *(f"{value:.2f}" for value in more)))
    show("Milliseconds of processor for each case more (goal: as many in both rows)", ("cases", *_WAYS), rows)


_WAYS = {
    "collected": ("--co",),
    "measured anew": ("--audit-no-cache", "--audit-report", "fresh"),
    "from the cache, all reports anew": ("--audit-cache", "cache", "--audit-report", "fresh"),
    "its report stands": ("--audit-cache", "cache"),
}


def main() -> None:
    """Run the parts asked for."""
    say(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    run_parts(__doc__, {part.__name__: part for part in (collection, cases)}, "--runs", 5, "runs of everything")


if __name__ == "__main__":
    main()
