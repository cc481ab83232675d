"""Graphs of TensorFlow 1: which tensors take images and give scores, and what their switches are when deployed.

A graph names its tensors and says nothing of what they are for. What it holds tells much: images go in where the widest
placeholder is, scores come out of what depends on it alone, and single numbers that are fed beside it are switches.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import yaml

from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import ModelError

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
_DT_FLOAT, _DT_BOOL = 1, 10  # of tensorflow/core/framework/types.proto
# What makes scores, the likeliest first; what only looks at them, and gives none itself.
_MAKES = ("Softmax", "LogSoftmax", "Sigmoid", "BiasAdd", "Add", "AddV2", "MatMul")
_LOOKS = ("ArgMax", "TopKV2", "Shape", "InTopKV2", "InTopK", "Equal", "Cast")
# Scopes of what trains, saves and counts.
_ASIDE = ("gradients/", "save/", "Adam/", "train/", "metrics/", "accuracy/")
_SHOWN = 8


def tensors(path: Path, ask: Callable[[str, str, Sequence[str]], str]) -> dict[str, Any]:
    """What a spec says of a graph: `input`, `logits` and `constants`, asked for where several can be meant.

    Raises ModelError for a file that holds no such graph, or one into which no images can go.
    """
    nodes = {node.name: node for node in _nodes(path)}
    wide = sorted((name for name in nodes if _width(nodes[name]) > 1), key=lambda name: -_width(nodes[name]))
    if not wide:
        raise ModelError(f"{path} has no placeholder for images, of float32 and the shape (None, H, W, C) or (None, n)")
    source = wide[0] if len(wide) == 1 else ask("which placeholder takes the images", wide[0], wide)
    known = _scores(nodes, source, set(wide) - {source})
    if not known:
        raise ModelError(f"{path}: nothing is computed of {source} alone that can be scores")
    end = known[0] if len(known) == 1 else ask("which tensor gives its scores", known[0], known)
    found: dict[str, Any] = {"input": source, "logits": end}
    fed = sorted(n for n in _before(nodes, end) if nodes[n].op in _PLACEHOLDERS and n != source)
    if fed:
        found["constants"] = {name: _switch(path, nodes[name], ask) for name in fed}
    return found


def _nodes(path: Path) -> Iterable[Any]:
    """The nodes of a `.meta`, `.pb` or `.pbtxt` file."""
    tf1 = tensorflow().compat.v1
    try:
        if path.suffix == ".meta":
            return tuple(tf1.MetaGraphDef.FromString(path.read_bytes()).graph_def.node)
        if path.suffix == ".pbtxt":
            from google.protobuf import text_format

            return tuple(text_format.Parse(path.read_bytes(), tf1.GraphDef()).node)
        return tuple(tf1.GraphDef.FromString(path.read_bytes()).node)
    except Exception as error:  # protobuf has its own errors, for text and for bytes
        raise ModelError(f"{path} can't be read as a graph of TensorFlow: {reason(error)}") from error


def _width(node: Any) -> int:
    """How many numbers a placeholder takes for one image; 0 for what takes none."""
    sizes = [dimension.size for dimension in node.attr["shape"].shape.dim]
    images = node.op in _PLACEHOLDERS and node.attr["dtype"].type == _DT_FLOAT and len(sizes) in (2, 4)
    return prod(abs(size) for size in sizes[1:]) if images else 0


def _scores(nodes: Mapping[str, Any], source: str, others: set[str]) -> list[str]:
    """Which nodes can give scores of what `source` takes, the likeliest first; others: what else takes many numbers."""
    depends = {name: _before(nodes, name) for name in nodes if not name.startswith(_ASIDE)}
    alone = [name for name, on in depends.items() if source in on and not on & others and name != source]
    alone = [name for name in alone if nodes[name].op not in _LOOKS]
    taken = {_node(given) for name in alone for given in nodes[name].input}
    found = [name for name in alone if name not in taken or nodes[name].op in _MAKES[:3]]

    def rank(name: str) -> tuple[int, int]:
        op = nodes[name].op
        return _MAKES.index(op) if op in _MAKES else len(_MAKES), -alone.index(name)

    return sorted(found, key=rank)[:_SHOWN]


def _before(nodes: Mapping[str, Any], end: str) -> set[str]:
    """Names of all nodes that a node is computed of, with its own."""
    found: set[str] = set()
    left = [end]
    while left:
        name = left.pop()
        if name in nodes and name not in found:
            found.add(name)
            left += [_node(given) for given in nodes[name].input]
    return found


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _switch(path: Path, node: Any, ask: Callable[[str, str, Sequence[str]], str]) -> bool | int | float:
    """What a placeholder is fed with when the model is used: nothing is dropped, nothing trained."""
    kept = "0.0" if "rate" in node.name.lower() else "1.0"
    likely = "false" if node.attr["dtype"].type == _DT_BOOL else kept
    said = ask(f"what is {node.name} fed with when the model is used, not trained", likely, ())
    value = yaml.safe_load(said)
    if not isinstance(value, bool | int | float):
        raise ModelError(f"{path}: {node.name} takes a number, `true` or `false`, not {said!r}")
    return value


def signatures(folder: Path) -> set[str]:
    """The names of a SavedModel's signatures; none where they can't be read, which whoever opens it explains."""
    tensorflow()
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        [graph] = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    except (DecodeError, OSError, ValueError):
        return set()
    return {name for name in graph.signature_def if not name.startswith("__saved_model_")}
