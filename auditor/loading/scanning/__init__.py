"""What a checkpoint's files could do, found by reading them alone: nothing of them is loaded or run.

What counts is what a file holds, not what it is called, so any format is covered, and so are files within files. It
looks for what no image classifier needs and a loader may act upon; what it doesn't know it can't find.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from auditor.loading.scanning import _archives, _browsers, _contents, _hdf5, _onnx, _safetensors
from auditor.loading.scanning._archives import pickles_in
from auditor.loading.scanning._onnx import Outside, operators, opset, outside, random_operations
from auditor.loading.scanning._tflite import stateful_operations
from auditor.loading.scanning._threat import Severity, Threat

__all__ = [
    "Outside",
    "Severity",
    "Threat",
    "operators",
    "opset",
    "outside",
    "pickles_in",
    "random_operations",
    "scan",
    "stateful_operations",
]

_ORDER: tuple[Severity, ...] = ("critical", "unknown", "warning")
# By these names a loader takes a file for what the name says, whatever else it may be.
_NAMED = frozenset({"saved_model.pb", ".json", ".meta", ".pbtxt"})


def scan(files: Mapping[str, Path]) -> tuple[Threat, ...]:
    """Look into files, by the names that threats shall call them; the worst come first.

    What isn't looked into, since it is no kind of file that is known, is among them, as `unknown`.
    """
    names = frozenset(files)
    shards = _browsers.shards(files) | _onnx.weights(files)
    found = (threat for name, path in files.items() for threat in _of_file(name, path, names, name in shards))
    return tuple(sorted(dict.fromkeys(found), key=lambda threat: _ORDER.index(threat.severity)))


def _of_file(name: str, path: Path, names: frozenset[str], numbers: bool) -> Iterator[Threat]:
    known = numbers
    with path.open("rb") as file:
        head = file.read(8)
        if _archives.is_zip(file):
            known = True
            yield from _archives.threats(name, file)
        elif _archives.is_pickle(head):
            known = True
            message = "it is a pickle, which runs whatever code it likes when it is opened"
            yield Threat("critical", name, "pickle", message)
        if _hdf5.is_hdf5(path):
            known = True
            yield from _hdf5.threats(name, path)
        if _safetensors.is_safetensors(path, head):
            known = True
            yield from _safetensors.threats(name, path)
        if known and path.name not in _NAMED and path.suffix not in _NAMED:
            yield from _contents.hidden(name, file)
        else:
            yield from _contents.look(name, file, PurePosixPath(name), names)
