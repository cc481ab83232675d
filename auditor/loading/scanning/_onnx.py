"""ONNX: a graph of operations that compute, whose weights can lie in other files."""

import io
from collections.abc import Iterator

from auditor.loading.scanning._protobuf import BYTES, fields
from auditor.loading.scanning._threat import Threat, unreadable

# On the uppermost level, by number and wire type: the version of the format, the graph, and the sets of operations.
FIELDS = frozenset({(1, 0), (7, 2), (8, 2)})
_GRAPH, _WEIGHTS, _OUTSIDE = 7, 5, 13


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


def _parts(content: bytes, wanted: int) -> Iterator[bytes]:
    """What a protocol buffer holds in the field of this number, each as bytes."""
    for number, kind, start, end in fields(io.BytesIO(content)):
        if number == wanted and kind == BYTES:
            yield content[start:end]
