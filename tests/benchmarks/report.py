"""How long a large report takes to render and to open, and how large it is.

    python -m tests.benchmarks.report [--cases 1000]

Every case has ten figures, two of each kind, with 28 × 28 images. Opening needs Playwright and Chromium; it ends
when the browser has laid the page out and painted it.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from playwright.sync_api import Playwright, sync_playwright

from auditor.datasets import mnist_5k
from auditor.exports.files import render_files
from auditor.records.store import write_bytes
from auditor.report.html import render
from auditor.values import Array, Bars, Curve, Expectation, Figure, Heatmap, ImageGrid, Panel, Run, Series, Strip
from tests.benchmarks._report import run_parts, show
from tests.report.page import evidence, record, run_of

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


def figures(rng: np.random.Generator, images: Array) -> Iterator[Figure]:
    """Two figures of each kind, no two of them alike."""
    for words in (("First", "A caption.", "what is found"), ("Second", "Another caption.", "what else is found")):
        x, labels = np.arange(20), tuple(map(str, range(10)))
        some = images[rng.choice(len(images), 12, replace=False)]
        moved = np.clip(some[:4] + rng.normal(0, 0.1, some[:4].shape), 0, 1)
        yield ImageGrid(*words, Panel(some[4:], tuple(f"{i} → {rng.random():.4f}" for i in range(8))))
        change = Panel(moved - some[:4], (), "change", "diverging", (-1.0, 1.0))
        yield Strip(*words, (Panel(some[:4], (), "before"), Panel(moved, (), "after"), change), labels[:4])
        y = rng.random((2, 20))
        yield Curve(*words, x, (Series("one", y[0], y[0] - 0.1, y[0] + 0.1), Series("other", y[1])), "step", "share")
        counts = rng.integers(0, 100, (10, 10)).astype(float)
        yield Heatmap(*words, counts, labels, labels, "true", "given", (0.0, 100.0), decimals=0)
        yield Bars(*words, labels, rng.random(10))


def large(cases: int) -> Run:
    """A run of so many cases."""
    rng, images = np.random.default_rng(0), mnist_5k.load(mnist_5k.Params()).images
    records = (
        record(f"case-{i}", evidence(figures=tuple(figures(rng, images))), Expectation("accuracy", min=rng.random()))
        for i in range(cases)
    )
    return run_of(*records)


def busy() -> float:
    """The seconds of processors that this process and those it has started have taken."""
    return sum(os.times()[:4])


def measure(cases: int) -> None:
    """Print the seconds to render (those of the clock and those of processors) and to open, and the size."""
    run, rows = large(cases), []
    with tempfile.TemporaryDirectory() as place:
        kept = Path(place) / "drawings"

        def alone() -> dict[str, bytes]:
            return {"index.html": render(run).encode()}

        def in_files() -> Mapping[str, bytes]:
            return render_files(run, drawings=kept)

        kinds = {"one page": alone, "files below 15 MB": in_files, "files, from kept drawings": in_files}
        for kind, make in kinds.items():
            start, taken = time.perf_counter(), busy()
            files = make()
            rendered, taken = time.perf_counter() - start, busy() - taken
            with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
                for name, content in files.items():
                    write_bytes(Path(folder) / name, content)
                pages = [name for name in files if name.endswith(".html")]
                opened = [f"{opening(driver, Path(folder) / name):.1f} s" for name in pages[:3]]
            size = f"{sum(map(len, files.values())) / 1e6:.1f} MB in {len(files)}"
            rows.append((kind, str(10 * cases), f"{rendered:.1f} s", f"{taken:.1f} s", ", ".join(opened), size))
    titles = ("as", "figures", "to render", "of processors", "to open (the first pages)", "size, files")
    show(f"A report of {cases} cases", titles, rows)


def opening(driver: Playwright, path: Path) -> float:
    """The seconds until a page is painted."""
    chromium = shutil.which("chromium") or driver.chromium.executable_path
    browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
    window = browser.new_page()
    start = time.perf_counter()
    window.goto(path.as_uri())
    window.evaluate(PAINTED)
    opened = time.perf_counter() - start
    browser.close()
    return opened


if __name__ == "__main__":
    run_parts(__doc__, {"report": measure}, "--cases", 1000, "how many cases the report has")
