"""What doesn't matter changes no verdict: every check, under every change."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from auditor import catalog
from auditor.records.store import Folder
from auditor.values import Record, Run
from tests.metamorphic.changes import CHANGES
from tests.metamorphic.world import CASES, World, base, write

# Metrics in the units of the box. Others are shares, counts, or belong to layers behind it.
IN_UNITS = ("distance", "median_distance", "nearest_distance", "farthest_distance", "l2", "linf", "half_eps")
# What is rightly another, and why.
RIGHTLY: Mapping[tuple[str, str], str] = {
    ("with_nobody", "worst"): "inconclusive: a class without images may be the worst",
}
# Where random numbers belong to rows or names that are others now, metrics are near; else they are the same.
RESEEDED, SEEDED, CLOSE = ("shuffled", "doubled", "renamed"), 0.12, 1e-2
# Metrics that rightly change: one class more is a longer alphabet, and a closer second; and how many rows are repeats.
OTHERWISE = {("with_nobody", "bits_per_image"), ("with_nobody", "images"), ("doubled", "repeats")}

each_case = pytest.mark.parametrize("case", CASES)
each_change = pytest.mark.parametrize("change", [change.__name__ for change in CHANGES])


def test_every_check_is_in_the_audit_that_is_changed():
    assert {case.check for case in CASES.values()} == set(catalog.names("checks"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[World, Run]]:
    """All worlds, audited in one session for each that needs a `conftest.py` of its own."""
    folder = tmp_path_factory.mktemp("worlds")
    worlds = {"base": base(), **{change.__name__: change(base()) for change in CHANGES}}
    for name, world in worlds.items():
        write(world, folder / name)
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    command = [sys.executable, "-m", "auditor", "run", "--exit-zero", "--audit-no-cache"]
    plain = [name for name, world in worlds.items() if not world.conftest]
    for some in (plain, [name for name in worlds if name not in plain]):
        subprocess.run([*command, *some], cwd=folder, env=environment, check=True, stdout=sys.stderr)
    return {name: (world, Folder(folder / "reports" / name).load_run()) for name, world in worlds.items()}


def record(world: World, run: Run, case: str) -> Record:
    found = run.records.get(world.called(case))
    assert found is not None, f"{case} left no record"
    return found


def judged(found: Record) -> tuple[str, list[str], list[str]]:
    """The verdict, that on each expectation, and the tell-tale tests that failed."""
    failed = [one.name for one in found.evidence.diagnostics if not one.ok] if found.evidence else []
    return found.verdict.status, [finding.status for finding in found.verdict.findings], failed


def numbers(world: World, found: Record) -> Iterator[tuple[str, float]]:
    """Metrics as they are called and measured in a world with a box of [0, 1]."""
    names = {world.called(name): name for name in world.models}
    names |= {} if "ant" in world.classes else dict(zip(world.classes, base().classes, strict=True))
    for name, metric in (found.evidence.metrics if found.evidence else {}).items():
        stem, _, of = name.partition(".")
        if found.check == "security_curve" and of:
            of = f"{float(of) / world.unit:.4g}"
        scale = world.unit if stem in IN_UNITS else 1.0
        yield f"{stem}.{names.get(of, of)}" if of else stem, metric.value / scale


def alike(told: float | None, expected: float | None, near: float) -> bool:
    """Whether both were measured, and are equal up to rounding."""
    return told is not None and expected is not None and math.isclose(told, expected, rel_tol=near, abs_tol=near)


@pytest.mark.slow
@each_case
@each_change
def test_what_does_not_matter_changes_no_verdict(runs, change, case):
    (was, before), (is_, after) = runs["base"], runs[change]
    first, then = record(was, before, case), record(is_, after, case)
    assert first.evidence is not None, first.verdict.message
    if (change, case) in RIGHTLY:
        assert then.verdict.status == "inconclusive", RIGHTLY[change, case]
        return
    assert judged(then) == judged(first), f"{then.verdict.message} / {first.verdict.message}"
    told, expected = dict(numbers(is_, then)), dict(numbers(was, first))
    near = SEEDED if CASES[case].seeded and change in RESEEDED else CLOSE
    wrong = {
        name: (told.get(name), expected.get(name))
        for name in told.keys() | expected.keys()
        if (change, name) not in OTHERWISE and not alike(told.get(name), expected.get(name), near)
    }
    assert not wrong


@pytest.mark.slow
@each_case
def test_images_seen_twice_make_no_interval_narrower(runs, case):
    (was, before), (is_, after) = runs["base"], runs["doubled"]
    pairs = zip(record(was, before, case).verdict.findings, record(is_, after, case).verdict.findings, strict=True)
    for once, twice in pairs:
        assert twice.n <= once.n
        assert twice.high - twice.low >= once.high - once.low - 1e-9
