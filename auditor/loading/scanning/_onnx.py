"""ONNX: a graph of operations that compute, whose weights can lie in other files."""

import io
from collections.abc import Iterator

from auditor.loading.scanning._protobuf import BYTES, VARINT, fields
from auditor.loading.scanning._threat import Threat, unreadable

# On the uppermost level, by number and wire type: the version of the format, the graph, and the sets of operations.
FIELDS = frozenset({(1, 0), (7, 2), (8, 2)})
_GRAPH, _OPSETS, _WEIGHTS, _OUTSIDE = 7, 8, 5, 13
# Where nodes stand: of a graph, of a function; and what a node is called, holds, and which graphs lie in that.
_DOMAIN, _FUNCTION, _NODES, _FUNCTION_NODES, _OPERATION, _ATTRIBUTE, _INNER = 7, 25, 1, 7, 4, 5, (6, 11)
_RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}


def threats(called: str, content: bytes) -> Iterator[Threat]:
    """Look for weights that lie in another file; operations of ONNX reach nothing outside of the model."""
    try:
        tensors = [tensor for graph in _parts(content, _GRAPH) for tensor in _parts(graph, _WEIGHTS)]
        outside = sum(any(True for _ in _parts(tensor, _OUTSIDE)) for tensor in tensors)
    except ValueError as error:
        yield unreadable(called, error)
        return
    if outside:
        message = f"{outside} of {len(tensors)} weights lie in other files, of the file's choice"
        yield Threat("warning", called, "outside file", message)


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
