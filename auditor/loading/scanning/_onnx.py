"""ONNX: a graph of operations that compute, whose weights can lie in other files."""

from collections.abc import Iterator

from auditor.loading.scanning._threat import Threat, unreadable

# On the uppermost level, by number and wire type: the version of the format, the graph, and the sets of operations.
FIELDS = frozenset({(1, 0), (7, 2), (8, 2)})
_GRAPH, _WEIGHTS, _OUTSIDE = 7, 5, 13


def threats(called: str, content: bytes) -> Iterator[Threat]:
    """Look for weights that lie in another file; operations of ONNX reach nothing outside of the model."""
    try:
        tensors = [tensor for graph in _parts(content, _GRAPH) for tensor in _parts(graph, _WEIGHTS)]
        outside = sum(any(True for _ in _parts(tensor, _OUTSIDE)) for tensor in tensors)
    except (IndexError, OverflowError) as error:
        yield unreadable(called, error)
        return
    if outside:
        message = f"{outside} of {len(tensors)} weights lie in other files, of the file's choice"
        yield Threat("warning", called, "outside file", message)


def _parts(content: bytes, wanted: int) -> Iterator[bytes]:
    """What a protocol buffer holds in the field of this number, each as bytes."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(content, at)
            continue
        if kind == 2:
            length, at = _varint(content, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise OverflowError(f"a field of the kind {kind} is none of ONNX")
        if at + length > len(content):
            raise OverflowError("a field reaches past the end")
        if kind == 2 and tag >> 3 == wanted:
            yield content[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = content[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise OverflowError("a number has more than ten bytes")
