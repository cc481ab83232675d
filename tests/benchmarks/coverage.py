"""How often gates pass falsely, and how often at all, over simulated audits: `python -m tests.benchmarks.coverage`.

The table in `docs/statistics.md` is written anew; the same audits are drawn each time.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks._report import run_parts, show
from tests.statistics import clustered_shapes as shapes
from tests.statistics.clustered import PROCESSES, WAYS, Held, held
from tests.statistics.populations import METRICS, SHAPES
from tests.statistics.simulation import RISK, simulate
from tests.statistics.weak_groups import WORLDS
from tests.statistics.weak_groups import held as held_weakest

_SIZES = (2, 5, 20, 100, 1000)
_DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"
_MARKS = {
    name: (f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n")
    for name in ("metrics", "levels", "clusters", "clustered ranks", "weak")
}

_HELD = "95% intervals that hold the truth; false passes of a floor / a ceiling at 5%; width"


def levels(audits: int) -> Iterator[tuple[str, ...]]:
    """Shape, population, and for each size the false passes of a floor and a ceiling; the power at 100 samples."""
    for shape, populations in SHAPES.items():
        for population in populations:
            found = {n: simulate(population, n, audits) for n in _SIZES}
            false = [f"{one.above:.1%} / {one.below:.1%}" for one in found.values()]
            power = (found[100].floors, found[100].ceilings)
            shown = " / ".join("–" if math.isnan(share) else f"{share:.0%}" for share in power)
            yield shape, population.name, *false, shown


def metrics() -> Iterator[tuple[str, ...]]:
    """Check, metric, what is random in it, of which population it speaks, and its shape."""
    for check, found in sorted(METRICS.items()):
        for name, told in found.items():
            yield f"`{check}`", f"`{name}`", *told


def clusters(audits: int) -> Iterator[tuple[str, ...]]:
    """Process, and for each way of finding intervals: how often 95% ones hold the truth, false passes of a floor and a
    ceiling, and the width.
    """
    for process in PROCESSES:
        yield process.name, *(_told(held(process, way, audits)) for way in WAYS)


def clustered_shapes(audits: int) -> Iterator[tuple[str, ...]]:
    """The same of ranks and calibration errors: as if images were independent, and by clusters."""
    for process in shapes.PROCESSES:
        yield process.name, *(_told(shapes.held(process, together, audits)) for together in (False, True))


def _told(one: Held) -> str:
    return f"{one.covered:.1%}; {one.above:.1%} / {one.below:.1%}; {one.width:.3f}"


def table(*rows: tuple[str, ...]) -> str:
    """Rows as Markdown, the first as its head."""
    head, *rest = rows
    return "".join("| " + " | ".join(cells) + " |\n" for cells in (head, ("---",) * len(head), *rest))


def replaced(text: str, name: str, content: str) -> str:
    """A page with what stands between two marks replaced."""
    begin, end = _MARKS[name]
    return f"{text.split(begin)[0]}{begin}\n{content}\n{end}{text.split(end)[1]}"


def run(audits: int) -> None:
    """Print the levels, and write both tables of the documentation."""
    heads = ("shape", "population", *(f"n = {n}" for n in _SIZES), "power at 100")
    rows = tuple(levels(audits))
    show(f"False passes of a floor / a ceiling at {RISK:.0%}, over {audits} audits each", heads, list(rows))
    measured = f"Over {audits} audits each.\n\n" + table(heads, *rows)
    told = table(("check", "metric", "what is random", "population", "shape"), *metrics())
    _DOCS.write_text(replaced(replaced(_DOCS.read_text(), "levels", measured), "metrics", told))


def run_clusters(audits: int) -> None:
    """The same where images come in clusters, by several ways of finding intervals."""
    few = audits // 5
    _write("clusters", ("clusters", *WAYS), list(clusters(few)), few)


def run_shapes(audits: int) -> None:
    """The same for what isn't a mean over images."""
    few = audits // 5
    _write("clustered ranks", ("clusters", "independent", "used"), list(clustered_shapes(few)), few)


def _write(name: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], audits: int, what: str = _HELD) -> None:
    show(f"{what}, over {audits} audits each", heads, rows)
    told = f"Over {audits} audits each: {what}.\n\n{table(heads, *rows)}"
    _DOCS.write_text(replaced(_DOCS.read_text(), name, told))


def weak(audits: int) -> Iterator[tuple[str, ...]]:
    """World, and of the weakest group that is found: how often intervals hold its truth, and what is told falsely."""
    for world in WORLDS:
        found = held_weakest(world, audits)
        yield (
            world.name,
            f"{found.covered:.1%}; {found.above:.1%} / {found.below:.1%}; {found.error:+.3f}",
            f"{found.below_searched:.1%}; {found.error_searched:+.3f}",
            f"{found.weak:.0%}",
        )


def run_weak(audits: int) -> None:
    """The same of the weakest group, which was searched for."""
    few, heads = audits // 5, ("images", "the other half", "the half that was searched", "is weaker")
    rows = list(weak(few))
    what = (
        "95% intervals that hold the truth, false passes of a floor / a ceiling at 5%, mean error; of the half that "
        "was searched, a ceiling's and the error; and how often the group is weaker than 90%"
    )
    _write("weak", heads, rows, few, what)


if __name__ == "__main__":
    parts = {"coverage": run, "clusters": run_clusters, "ranks": run_shapes, "weak": run_weak}
    run_parts(__doc__, parts, "--audits", 2000, "how many audits to simulate of each kind")
