"""What a run costs where nothing has changed, beside merely collecting the cases: `python -m tests.benchmarks.instant`.

Three runs of specs/ take turns: `pytest --co`; one whose report stands; and one with the cache alone, as on a fresh
machine of a CI, which replays every case and renders every report. Medians of processor and wall time.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

RUNS = 5


def timed(*options: str) -> tuple[float, float]:
    """Wall and processor seconds of one pytest run of specs/."""
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "specs", *options]
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
    wall, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    if code > 1:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        kept = ("--audit-cache", f"{folder}/cache")
        stands, fresh = ("--audit-report", f"{folder}/stands"), ("--audit-report", f"{folder}/fresh")
        whole, _ = timed(*kept, *stands)
        kinds = {"--co": ("--co",), "its report stands": (*kept, *stands), "the cache alone": (*kept, *fresh)}
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
        for _ in range(RUNS):
            for kind, options in kinds.items():
                shutil.rmtree(Path(folder) / "fresh", ignore_errors=True)
                found[kind].append(timed(*options))
    least = [median(part) for part in zip(*found["--co"], strict=True)]
    print(f"measured anew: {whole:.1f} s")  # noqa: T201
    for kind, times in found.items():
        wall, processor = (median(part) for part in zip(*times, strict=True))
        more = f"{wall - least[0]:+.2f} s beside --co, of the processor {processor - least[1]:+.2f} s"
        print(f"{kind:20} {wall:6.2f} s  {more}  1/{whole / wall:.0f} of measuring")  # noqa: T201


if __name__ == "__main__":
    main()
