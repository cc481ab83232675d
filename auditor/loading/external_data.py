"""Weights of an ONNX model that lie in files beside it: which files those are, and one model of all of them.

They are found by reading the model alone, so that digest, scan and copy cover them; then it is opened of one piece.
"""

from pathlib import Path

from auditor.classifiers import needed
from auditor.loading.scanning import Outside, outside
from auditor.telling.reason import reason
from auditor.values import ModelError


def data_files(path: Path) -> tuple[Path, ...]:
    """The files beside a model that hold weights of it, each once, as far as they are there and lie in its folder."""
    try:
        found = dict.fromkeys(path.parent / part.location for part in outside(path.read_bytes()) if part.inside)
    except (ValueError, OSError):
        return ()  # whoever opens it says what is wrong
    return tuple(file for file in found if file != path and file.is_file() and _leads_nowhere_else(file, path.parent))


def of_one_piece(path: Path) -> bytes:
    """The content of a model with the weights that lie beside it; raise ModelError where one can't be read."""
    content = path.read_bytes()
    try:
        parts = outside(content)
    except ValueError:
        return content  # the runtime says what is wrong
    if not parts:
        return content
    for part in parts:
        _check(part, path)
    onnx = needed("onnx", "onnx")
    try:
        whole: bytes = onnx.load(path).SerializeToString()
    except Exception as error:  # of protobuf, which holds no more than 2 GiB, and of onnx
        raise ModelError(f"{path}: its weights in files beside it can't be read: {reason(error)}") from error
    return whole


def _check(part: Outside, path: Path) -> None:
    file = path.parent / part.location
    told = f"{path}: its weights lie in {part.location!r}"
    if not part.inside:
        raise ModelError(f"{told}, outside of its folder; that isn't read: {_way(path)}")
    if not file.is_file() or not _leads_nowhere_else(file, path.parent):
        missing = "which is no file in its folder (a link that leads out of it is none)"
        raise ModelError(f"{told}, {missing}; put it there, under that name, or {_way(path)}")
    size = file.stat().st_size
    if max(part.start, part.end or 0) > size:
        raise ModelError(f"{told}, which is cut short: it has {size} bytes, and {part.end or part.start} are needed")


def _way(path: Path) -> str:
    name = path.name
    return f"make one file of them where they are: `onnx.save(onnx.load({name!r}), {f'whole-{name}'!r})`"


def _leads_nowhere_else(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder.resolve())
