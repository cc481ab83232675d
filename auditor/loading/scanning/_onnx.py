"""ONNX: a graph of operations that compute, whose weights can lie in other files."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from auditor.loading.scanning._protobuf import BYTES, VARINT, fields
from auditor.loading.scanning._threat import Threat, unreadable

# On the uppermost level, by number and wire type: the version of the format, the graph, and the sets of operations.
FIELDS = frozenset({(1, 0), (7, 2), (8, 2)})
_GRAPH, _OPSETS, _WEIGHTS, _OUTSIDE = 7, 8, 5, 13
# Where else tensors stand: in the two parts of a sparse one, and in what a node holds, by itself or in lists.
_SPARSE, _SPARSE_PARTS, _HELD, _HELD_SPARSE = 15, (1, 2), (5, 10), (22, 23)
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
# Where nodes stand: of a graph, of a function; and what a node is called, holds, and which graphs lie in that.
_DOMAIN, _FUNCTION, _NODES, _FUNCTION_NODES, _OPERATION, _ATTRIBUTE, _INNER = 7, 25, 1, 7, 4, 5, (6, 11)
_RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}


class Outside(NamedTuple):
    """Where the numbers of a tensor lie in another file: its name in the model's folder, and from which byte to which.

    end: None where all that follows is meant.
    """

    location: str
    start: int
    end: int | None

    @property
    def inside(self) -> bool:
        """Whether the name is one of a file in the model's folder, or in one below it."""
        ways = (PurePosixPath(self.location), PureWindowsPath(self.location))
        return bool(self.location) and not any(way.is_absolute() or way.anchor or ".." in way.parts for way in ways)


def threats(called: str, content: bytes, folder: PurePosixPath, siblings: frozenset[str]) -> Iterator[Threat]:
    """Look for weights that lie in another file; operations of ONNX reach nothing outside of the model.

    folder: where it lies among the files of the checkpoint, whose names are `siblings`.
    """
    try:
        found = dict.fromkeys((part.location, part.inside) for part in _outside(content))
    except ValueError as error:
        yield unreadable(called, error)
        return
    for location, inside in found:
        if not inside:
            message = f"its weights are bytes of a file outside of its folder, {location!r}"
            yield Threat("critical", called, "outside file", message)
        elif str(folder / location) not in siblings:
            message = f"its weights lie in the file {location!r}, which isn't among those of the model"
            yield Threat("warning", called, "outside file", message)


def weights(files: Mapping[str, Path]) -> frozenset[str]:
    """Which of some files, by their names, hold weights of an ONNX model among them, and but zeros besides."""
    spans: dict[str, list[tuple[int, int | None]]] = {}
    for name, path in files.items():
        if path.suffix != ".onnx":
            continue
        try:
            parts = outside(path.read_bytes())
        except ValueError:
            continue  # whoever looks into it says so
        for part in parts:
            spans.setdefault(str(PurePosixPath(name).parent / part.location), []).append((part.start, part.end))
    return frozenset(name for name, found in spans.items() if name in files and _nothing_else(files[name], found))


def _nothing_else(path: Path, spans: list[tuple[int, int | None]]) -> bool:
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        for start, end in sorted((start, size if end is None else end) for start, end in [*spans, (size, size)]):
            if end > size:
                return False
            if start > at:
                file.seek(at)
                if file.read(start - at).strip(b"\0"):
                    return False
            at = max(at, end)
    return True


def outside(content: bytes) -> tuple[Outside, ...]:
    """Where a model's tensors lie, as far as that is in other files; raise ValueError where it can't be read."""
    # Every such entry has that word: most models are large, and have none.
    return tuple(_outside(content)) if b"location" in content else ()


def _outside(content: bytes) -> Iterator[Outside]:
    for tensor in _tensors(content):
        told = {_text(entry, _ENTRY_KEY): _text(entry, _ENTRY_VALUE) for entry in _parts(tensor, _OUTSIDE)}
        if told:
            start, length = int(told.get("offset") or 0), int(told.get("length") or 0)
            if min(start, length) < 0:
                raise ValueError("weights begin before the file that they lie in, or end before they begin")
            yield Outside(told.get("location", ""), start, start + length if "length" in told else None)


def _text(content: bytes, field: int) -> str:
    return next(_parts(content, field), b"").decode()


def _tensors(content: bytes) -> Iterator[bytes]:
    for graph in _parts(content, _GRAPH):
        yield from _of_graph(graph)
    for function in _parts(content, _FUNCTION):
        yield from _of_nodes(function, _FUNCTION_NODES)


def _of_graph(graph: bytes) -> Iterator[bytes]:
    yield from _parts(graph, _WEIGHTS)
    for sparse in _parts(graph, _SPARSE):
        for part in _SPARSE_PARTS:
            yield from _parts(sparse, part)
    yield from _of_nodes(graph, _NODES)


def _of_nodes(graph: bytes, field: int) -> Iterator[bytes]:
    for node in _parts(graph, field):
        for attribute in _parts(node, _ATTRIBUTE):
            for held in _HELD:
                yield from _parts(attribute, held)
            for held in _HELD_SPARSE:
                for sparse in _parts(attribute, held):
                    for part in _SPARSE_PARTS:
                        yield from _parts(sparse, part)
            for kind in _INNER:
                for inner in _parts(attribute, kind):
                    yield from _of_graph(inner)


def random_operations(content: bytes) -> tuple[str, ...]:
    """Names of a model's operations that draw at random; no others of ONNX keep state or read anything outside."""
    nodes = [node for graph in _parts(content, _GRAPH) for node in _nodes(graph)]
    nodes += [node for function in _parts(content, _FUNCTION) for node in _nodes(function, _FUNCTION_NODES)]
    return tuple(sorted(_RANDOM & {name.decode() for node in nodes for name in _parts(node, _OPERATION)}))


def operators(content: bytes) -> dict[str, str]:
    """The operators that a model's own graph is made of, each with the domain that defines it: "" is ONNX's own."""
    nodes = [node for graph in _parts(content, _GRAPH) for node in _parts(graph, _NODES)]
    return {
        name.decode(): next((domain.decode() for domain in _parts(node, _DOMAIN)), "")
        for node in nodes
        for name in _parts(node, _OPERATION)
    }


def opset(content: bytes) -> int | None:
    """The version of ONNX's own operators that a model is written in; None where it doesn't say."""
    for operators in _parts(content, _OPSETS):
        if not any(name not in (b"", b"ai.onnx") for name in _parts(operators, 1)):
            for number, kind, start, end in fields(io.BytesIO(operators)):
                if number == 2 and kind == VARINT:
                    digits = enumerate(operators[start:end])
                    return sum((byte & 0x7F) << (7 * place) for place, byte in digits)
    return None


def _nodes(graph: bytes, field: int = _NODES) -> Iterator[bytes]:
    """The nodes of a graph, those of the graphs within them too."""
    for node in _parts(graph, field):
        yield node
        for attribute in _parts(node, _ATTRIBUTE):
            for kind in _INNER:
                for inner in _parts(attribute, kind):
                    yield from _nodes(inner)


def _parts(content: bytes, wanted: int) -> Iterator[bytes]:
    """What a protocol buffer holds in the field of this number, each as bytes."""
    for number, kind, start, end in fields(io.BytesIO(content)):
        if number == wanted and kind == BYTES:
            yield content[start:end]
