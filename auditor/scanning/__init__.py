"""What a checkpoint's files could do, found by reading them alone: nothing of them is loaded or run.

What counts is what a file holds, not what it is called, so any format is covered, and so are files within files. It
looks for what no image classifier needs and a loader may act upon; what it doesn't know it can't find.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.scanning import _archives, _graphs, _hdf5, _keras
from auditor.scanning._archives import pickles_in
from auditor.scanning._threat import Severity, Threat

__all__ = ["Severity", "Threat", "pickles_in", "scan"]


def scan(files: Mapping[str, Path]) -> tuple[Threat, ...]:
    """Look into files, by the names that threats shall call them; the worst come first."""
    found = (threat for name, path in files.items() for threat in _of_file(name, path))
    return tuple(sorted(dict.fromkeys(found), key=lambda threat: threat.severity != "critical"))


def _of_file(name: str, path: Path) -> Iterator[Threat]:
    with path.open("rb") as file:
        head = file.read(8)
        if _archives.is_zip(file):
            yield from _archives.threats(name, file)
        elif _archives.is_pickle(head):
            message = "it is a pickle, which runs whatever code it likes when it is opened"
            yield Threat("critical", name, "pickle", message)
    if _hdf5.is_hdf5(path):
        yield from _hdf5.threats(name, path)
    if path.name == "saved_model.pb":
        yield from _graphs.of_saved_model(name, path.read_bytes())
    if path.suffix == ".json":
        yield from _keras.of_text(name, path.read_bytes())
    if path.suffix == ".meta":
        yield from _graphs.of_meta_graph(name, path.read_bytes())
