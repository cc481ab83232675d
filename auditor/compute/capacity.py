"""What this process may use of its machine: cores and memory, as control groups (containers, batch jobs) limit them.

Linux tells both in files (the kernel's admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, filesystems/proc.rst); of
other systems only cores are known.
"""

import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def cores(root: Path = _ROOT) -> int:
    """How many cores this process may keep busy, at least 1: by its affinity and by quotas. root: of `proc`, `sys`."""
    affinity = getattr(os, "sched_getaffinity", None)
    found = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    for group in _groups("cpu", root):
        quota = _numbers(group / "cpu.max") or _numbers(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")
        if len(quota) == 2 and quota[0] > 0:
            found = min(found, quota[0] / quota[1])
    return max(1, int(found))


def free_memory(root: Path = _ROOT) -> int | None:
    """Bytes this process and its children may still take, or None where the system doesn't say. root: as above."""
    lines = _lines(root / "proc/meminfo")
    found = [int(words[1]) * 1024 for words in map(str.split, lines) if words[0] == "MemAvailable:"]
    for group in _groups("memory", root):
        for limit, usage in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            numbers = _numbers(group / limit, group / usage)
            if len(numbers) == 2:
                found.append(max(0, numbers[0] - numbers[1] + _cached(group)))
    return min(found, default=None)


def _cached(group: Path) -> int:
    """Bytes of a group's usage that are copies of files, and given up when memory is short."""
    told = {words[0]: int(words[1]) for words in map(str.split, _lines(group / "memory.stat"))}
    return told.get("total_inactive_file", told.get("inactive_file", 0))


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of all control groups this process is in, as a limit of any of them holds; versions 1 and 2."""
    mounts = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = mounts / controller if controllers else mounts
        # Within a container the path may be that outside of it; then only the mount itself is there.
        inner = mount / path.lstrip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(mount))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []  # not this system, or not this version of control groups


def _numbers(*paths: Path) -> list[int]:
    """The numbers of one-line files; none where one says `max`, which is no limit."""
    words = [word for path in paths for line in _lines(path) for word in line.split()]
    return [int(word) for word in words] if "max" not in words else []
