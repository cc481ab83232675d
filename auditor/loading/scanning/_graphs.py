"""Graphs of TensorFlow: what their operations can reach outside of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from auditor.loading.scanning._threat import Threat, unreadable

# Operations that read, write or delete files, talk to the network or call Python, wherever they stand.
_REACHING = re.compile(
    r"(Experimental)?("
    r"ReadFile|WriteFile|MatchingFiles(Dataset)?|(Eager)?PyFunc(Stateless)?|WholeFileReader|TextLineReader"
    r"|FixedLengthRecordReader|TFRecordReader|LMDBReader|RecordInput|LoadAndRemapMatrix"
    r"|(TFRecord|TextLine|FixedLengthRecord|CSV|Sql|LMDB|Cache|Snapshot|Load|Save|DataService)Dataset(Reader)?"
    r"|SnapshotNestedDatasetReader|SnapshotChunkDataset|ListSnapshotChunksDataset|DatasetToTFRecord|DistributedSave"
    r"|(Decode|Encode)Proto|CreateSummary(File|Db)Writer|FileSystemSetConfiguration|RemoteCall|Rpc\w*"
    r"|Debug(Identity|NanCount|NumericSummary)"
    r")(V\d)?"
)
# Those that every checkpoint has, where TensorFlow saves and restores it, and none elsewhere.
_SAVING = re.compile(r"(Save|Restore)(Slices?|V2)?|MergeV2Checkpoints")
# What seems to print may append to a file.
_TERMINALS = (b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)", b"")


def of_saved_model(called: str, content: bytes) -> Iterator[Threat]:
    """Look through every graph of a `saved_model.pb`."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    yield from _of_message(called, SavedModel(), content, lambda saved: saved.meta_graphs)


def of_meta_graph(called: str, content: bytes) -> Iterator[Threat]:
    """Look through the graph of a `.meta` file."""
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

    yield from _of_message(called, MetaGraphDef(), content, lambda graph: [graph])


def reaching(operation: str) -> bool:
    """Whether an operation reads, writes or deletes files, talks to the network or calls Python."""
    return _REACHING.fullmatch(operation) is not None or _SAVING.fullmatch(operation) is not None


def of_any(called: str, content: bytes) -> list[Threat] | None:
    """Look through every graph that a protocol buffer holds, whichever of TensorFlow's three it is; None if it is none.

    The same bytes can be read as more than one of them, and are looked at as each.
    """
    from google.protobuf.message import DecodeError

    found: list[Threat] | None = None
    for message, graphs in _kinds():
        try:
            message.ParseFromString(content)
        except DecodeError:
            continue
        holding = [graph for graph in graphs(message) if any(node.op for node in graph.graph_def.node)]
        for graph in holding:
            found = [*(found or []), *_of_graph(called, graph)]
    return found


def of_text(called: str, content: bytes) -> Iterator[Threat]:
    """Look through the graphs of a file that holds them as text."""
    from google.protobuf import text_format

    why: Exception = ValueError("it holds no graph of TensorFlow's as text")
    for message, graphs in _kinds():
        try:
            text_format.Parse(content, message)
        except (text_format.ParseError, UnicodeDecodeError) as error:
            why = error
            continue
        for graph in graphs(message):
            yield from _of_graph(called, graph)
        return
    yield unreadable(called, why)


def _kinds() -> list[tuple[Any, Callable[[Any], list[Any]]]]:
    """An empty message of each kind that holds graphs, and what gives them, each with what belongs to it."""
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    return [
        (SavedModel(), lambda saved: list(saved.meta_graphs)),
        (MetaGraphDef(), lambda meta: [meta]),
        (GraphDef(), lambda graph: [MetaGraphDef(graph_def=graph)]),
    ]


def _of_message(called: str, message: Any, content: bytes, graphs: Any) -> Iterator[Threat]:
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(content)
    except DecodeError as error:
        yield unreadable(called, error)
        return
    for graph in graphs(message):
        yield from _of_graph(called, graph)


def _of_graph(called: str, meta: Any) -> Iterator[Threat]:
    functions = {function.signature.name: function.node_def for function in meta.graph_def.library.function}
    everything = [*meta.graph_def.node, *(node for nodes in functions.values() for node in nodes)]
    for node in everything:
        stream = node.attr["output_stream"].s if node.op == "PrintV2" else b""
        if _REACHING.fullmatch(node.op):
            message = f"the operation {node.op} ({node.name}) reaches files, the network or Python"
            yield Threat("critical", called, "file access", message)
        elif stream not in _TERMINALS:
            message = f"the operation {node.op} ({node.name}) prints to {stream.decode(errors='replace')!r}"
            yield Threat("critical", called, "file access", message)
        elif node.op.startswith("InitializeTableFromTextFile"):
            message = f"the operation {node.op} ({node.name}) reads a table from a file"
            yield Threat("warning", called, "file access", message)
    for node in _used(meta, functions):
        if _SAVING.fullmatch(node.op):
            message = f"the operation {node.op} ({node.name}) stands where nothing is saved or restored"
            yield Threat("critical", called, "file access", message)


def _used(meta: Any, functions: Mapping[str, Any]) -> Iterator[Any]:
    """Every node but those that only saving and restoring need."""
    saver = meta.saver_def
    saving = _before(meta.graph_def.node, (saver.save_tensor_name, saver.restore_op_name, saver.filename_tensor_name))
    nodes = [node for node in meta.graph_def.node if node.name not in saving]
    called = set(meta.object_graph_def.concrete_functions) | _calls(nodes)
    yield from nodes
    seen: set[str] = set()
    while called - seen:
        name = (called - seen).pop()
        seen.add(name)
        yield from functions.get(name, ())
        called |= _calls(functions.get(name, ()))


def _before(nodes: Iterable[Any], ends: Iterable[str]) -> set[str]:
    """Names of all nodes that the tensors or operations `ends` depend on, and of those themselves."""
    inputs = {node.name: [_node(name) for name in node.input] for node in nodes}
    found: set[str] = set()
    left = [_node(end) for end in ends if end]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += inputs.get(name, ())
    return found


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _calls(nodes: Iterable[Any]) -> set[str]:
    """Names of the functions that these nodes call."""
    values = [value for node in nodes for value in node.attr.values()]
    named = {value.func.name for value in values if value.func.name}
    return named | {function.name for value in values for function in value.list.func} | {node.op for node in nodes}
