"""Cores and memory as control groups limit them, on trees of files as the kernel shows them."""

import os
from pathlib import Path

import pytest

from auditor.compute.capacity import cores, free_memory

GB = 2**30
CORES = len(os.sched_getaffinity(0))


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable: {8 * GB // 1024} kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


VERSION_2 = {"proc/self/cgroup": "0::/job/step\n", "sys/fs/cgroup/job/step/cgroup.procs": ""}
VERSION_1 = {"proc/self/cgroup": "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n"}
MEMORY = {
    "no limit": ({}, 8),
    "none that holds": ({**VERSION_2, "sys/fs/cgroup/job/memory.max": "max\n"}, 8),
    "version 2, of the group above": (
        {**VERSION_2, "sys/fs/cgroup/job/memory.max": f"{4 * GB}\n", "sys/fs/cgroup/job/memory.current": f"{3 * GB}\n"},
        1,
    ),
    "version 2, less what is only cached": (
        {
            **VERSION_2,
            "sys/fs/cgroup/job/step/memory.max": f"{4 * GB}\n",
            "sys/fs/cgroup/job/step/memory.current": f"{3 * GB}\n",
            "sys/fs/cgroup/job/step/memory.stat": f"anon {GB}\ninactive_file {2 * GB}\n",
        },
        3,
    ),
    "version 1, seen from within a container": (
        {
            **VERSION_1,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{6 * GB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GB}\n",
            "sys/fs/cgroup/memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {GB // 2}\n",
        },
        5.5,
    ),
    "more used than allowed": (
        {**VERSION_2, "sys/fs/cgroup/memory.max": "5\n", "sys/fs/cgroup/memory.current": "9\n"},
        0,
    ),
}


@pytest.mark.parametrize("name", MEMORY)
def test_free_memory_is_the_least_that_any_limit_leaves(tmp_path, name):
    files, expected = MEMORY[name]
    assert free_memory(tree(tmp_path, files)) == expected * GB


def test_where_nobody_tells_it_is_unknown(tmp_path):
    assert free_memory(tmp_path) is None
    assert cores(tmp_path) == CORES


def version_1(quota: int, period: int) -> dict[str, str]:
    folder = "sys/fs/cgroup/cpu/job"
    return {**VERSION_1, f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


QUOTAS = {
    "none": ({**VERSION_2, "sys/fs/cgroup/job/cpu.max": "max 100000\n"}, CORES),
    "one core": ({**VERSION_2, "sys/fs/cgroup/job/cpu.max": "100000 100000\n"}, 1),
    "a fifth of one": ({**VERSION_2, "sys/fs/cgroup/job/step/cpu.max": "20000 100000\n"}, 1),
    "version 1, none": (version_1(-1, 10), CORES),
    "version 1, one and a half": (version_1(15, 10), 1),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_cores_are_those_that_a_quota_leaves(tmp_path, name):
    files, expected = QUOTAS[name]
    assert cores(tree(tmp_path, files)) == expected


def test_this_machine_is_understood():
    assert 1 <= cores() <= CORES
    assert free_memory() > 0
