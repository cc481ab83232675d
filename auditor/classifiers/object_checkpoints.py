"""Variables in a checkpoint of TensorFlow 2, under the names that its graph of objects says they have.

A network's variables are in it under paths through objects, which count layers in an order that a rebuilt network may
not share. Beside each the variable's own name is kept, layer and all: by that it finds its place, or none.
"""

from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any

from auditor.classifiers.older_weights import fill
from auditor.compute import tensorflow
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import FloatArray, ModelError

_INDEX, _SHARDS = ".index", ".data-*"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# What leads to objects of training alone; an optimizer is told by what it keeps, as it may be called anything.
_TRAINING = {"save_counter", "_metrics", "_loss_tracker", "_compile_metrics", "keras_api"}
_OPTIMIZER = {"_iterations", "iter"}
_STATES = "seed_generator"


def checkpoint_files(path: Path) -> tuple[Path, ...]:
    """The index and the shards of the checkpoint that is named by its `.index` file or by what its name begins with;
    nothing where there is none."""
    index = path if path.suffix == _INDEX or path.is_file() else path.with_name(path.name + _INDEX)
    if index.suffix != _INDEX or not index.is_file():
        return ()
    return (index, *sorted(index.parent.glob(escape(index.name.removesuffix(_INDEX)) + _SHARDS)))


def fill_from_checkpoint(model: Any, index: Path) -> None:
    """Give every weight of a Keras model the variable of its name; raise ModelError where one is missing or left over,
    has another shape, or shares its name, and where the checkpoint can't be read."""
    fill(model, _variables(index))


def _variables(index: Path) -> Mapping[str, FloatArray]:
    """A checkpoint's variables by their own names, without those of training."""
    tf = tensorflow()
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    try:
        reader = tf.train.load_checkpoint(str(index).removesuffix(_INDEX))
        known = reader.has_tensor(_GRAPH)
        graph = TrackableObjectGraph.FromString(reader.get_tensor(_GRAPH) if known else b"")
    except Exception as error:  # TensorFlow's own, and those of protocol buffers
        raise ModelError(f"it can't be read as a checkpoint of TensorFlow: {reason(error)}") from error
    if not known:
        way = "name its `.meta` file by `format: tf1_checkpoint`"
        raise ModelError(f"it is a checkpoint of TensorFlow 1, whose graph lies beside it: {way}")
    found: dict[str, FloatArray] = {}
    twice: list[str] = []
    for attribute in (one for number in _reached(graph.nodes) for one in graph.nodes[number].attributes):
        key, name = attribute.checkpoint_key, attribute.full_name
        if _STATES in name or not reader.has_tensor(key):
            continue
        twice += [name] if name in found else []
        found[name] = reader.get_tensor(key)
    if twice or "" in found:
        told = f"several of its variables are called {listed(twice, 3)}" if twice else "its variables have no names"
        raise ModelError(f"{told}, so which layer they are of isn't known; save the model whole: model.save('m.keras')")
    return found


def _reached(nodes: Any) -> tuple[int, ...]:
    """Which objects belong to networks: those that are reached without going through what only training needs."""
    found, waiting = dict[int, None](), [0]
    while waiting:
        number = waiting.pop()
        children = nodes[number].children
        if number in found or _OPTIMIZER & {child.local_name for child in children} or nodes[number].slot_variables:
            continue
        found[number] = None
        waiting += [child.node_id for child in children if child.local_name not in _TRAINING]
    return tuple(found)
