"""Operations of a checkpoint whose result weights and images don't settle: they read a clock, files, the environment
or randomness, or keep state from one call to the next.

A model that holds such operations may answer otherwise tomorrow, or to an attack otherwise than to whoever checks it.
TensorFlow says of each of its operations whether it is stateful; of other formats their files tell.
"""

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from auditor.classifiers.with_twin import innermost
from auditor.compute import tensorflow
from auditor.values import Classifier

# Stateful as TensorFlow counts, and yet settled by weights and images: what reads variables and tables, checks or
# prints, calls other functions, or holds what a loop of the same call makes. Of Python, which `opaque` wraps another
# format's own runtime in, nothing can be seen here.
_SETTLED = re.compile(
    r"_?(Arg|Retval|DeviceArg|DeviceRetval|If|While|ReadVariablesOp|VarHandlesOp)|Case|(Stateful)?PartitionedCall"
    r"|ReadVariableOp|VarHandleOp|VarIsInitializedOp|Variable(V2|Shape)?|ResourceGather(Nd)?|DisableCopyOnRead"
    r"|(Anonymous)?(Mutable(Dense)?)?HashTable(OfTensors)?(V2)?|LookupTable(Find|Size|Export)V2|InitializeTableV2"
    r"|Assert|CheckNumerics(V2)?|Print(V2)?|TensorArray\w*|Stack\w*|GuaranteeConst|DeepCopy|DeviceIndex"
    r"|StatelessRandomGetAlg|CudnnRNN\w*|XlaCallModule|(Eager)?PyFunc"
)
_BRANCHES = {"If": ("else_branch", "then_branch"), "StatelessIf": ("else_branch", "then_branch")}


@lru_cache(maxsize=16)
def traced(classifier: Classifier) -> Any:
    """`forward` as a compiled function, traced once for batches of any size."""
    tf = tensorflow()
    taken = (tf.TensorSpec((None, *classifier.input_shape), tf.float32),)
    return tf.function(classifier.forward, autograph=False, input_signature=taken)


@lru_cache(maxsize=16)
def stateful_operations(classifier: Classifier) -> tuple[str, ...]:
    """Names of such operations that a classifier's checkpoint holds, each once, in order."""
    loaded = innermost(classifier)
    own = loaded.find_stateful() if loaded else ()
    # `forward` takes tensors: where TensorFlow was never imported, there is no graph of it.
    seen = _of_graph(traced(classifier).get_concrete_function().graph) if "tensorflow" in sys.modules else ()
    return tuple(sorted({*own, *seen}))


def _of_graph(graph: Any) -> Iterator[str]:
    """The unsettled operations of a graph, and of the functions that it calls."""
    definition = graph.as_graph_def()
    functions = {function.signature.name: function for function in definition.library.function}
    seen: set[str] = set()
    left: list[tuple[Sequence[Any], Iterable[str]]] = [(definition.node, ())]
    while left:
        nodes, returned = left.pop()
        body = _Body(nodes, returned)
        for node in nodes:
            if _is_stateful(node.op) and not body.settles(node):
                yield node.op
            for name in body.called(node):
                if name in functions and name not in seen:
                    seen.add(name)
                    left.append((functions[name].node_def, functions[name].ret.values()))


def _is_stateful(operation: str) -> bool:
    from tensorflow.python.framework import op_def_registry  # TensorFlow has no public name for this

    known = op_def_registry.get(operation)
    return known is not None and bool(known.is_stateful) and _SETTLED.fullmatch(operation) is None


class _Body:
    """The nodes of one graph or function, and who takes what of whom."""

    def __init__(self, nodes: Sequence[Any], returned: Iterable[str]) -> None:
        self._nodes: Mapping[str, Any] = {node.name: node for node in nodes}
        self._returned = {_name(tensor) for tensor in returned}
        self._takers: dict[str, list[Any]] = {}
        for node in nodes:
            for given in node.input:
                if not given.startswith("^"):
                    self._takers.setdefault(_name(given), []).append(node)

    def called(self, node: Any) -> Iterator[str]:
        """The functions that a node calls; of two branches only the one that a constant chooses."""
        chosen = self._constant(node.input[0]) if node.op in _BRANCHES else None
        passed_over = _BRANCHES[node.op][0 if chosen else 1] if chosen is not None else ""
        for name, value in node.attr.items():
            if name != passed_over:
                yield from (function.name for function in (value.func, *value.list.func) if function.name)

    def settles(self, node: Any) -> bool:
        """Whether a random number comes to nothing, as in a dropout that is told to keep everything."""
        return node.op == "RandomUniform" and self._comes_to_nothing(node.name, 0.0, 1.0)

    def _comes_to_nothing(self, name: str, low: float, high: float) -> bool:
        """Whether whatever lies in [low, high) under this name is rounded, or compared, to one and the same."""
        return name not in self._returned and all(
            self._rounded_away(taker, name, low, high) for taker in self._takers.get(name, ())
        )

    def _rounded_away(self, taker: Any, name: str, low: float, high: float) -> bool:
        others = [self._constant(given) for given in taker.input if _name(given) != name]
        first = _name(taker.input[0]) == name
        if taker.op == "Floor":
            return math.floor(low) == math.ceil(high) - 1
        if taker.op == "Identity":
            return self._comes_to_nothing(taker.name, low, high)
        if len(others) != 1 or others[0] is None:
            return False
        other = others[0]
        if taker.op == "GreaterEqual" and first:
            return low >= other or high <= other
        if taker.op == "Mul" and other > 0:
            return self._comes_to_nothing(taker.name, low * other, high * other)
        if taker.op in ("Add", "AddV2"):
            return self._comes_to_nothing(taker.name, low + other, high + other)
        return False

    def _constant(self, tensor: str) -> float | None:
        """The one number that a tensor is sure to hold, or None."""
        from tensorflow import make_ndarray

        node = self._nodes.get(_name(tensor))
        if node is None:
            return None
        if node.op == "Const":
            value = make_ndarray(node.attr["value"].tensor)
            return float(value) if value.ndim == 0 and value.dtype.kind in "bfiu" else None
        if node.op == "Identity":
            return self._constant(node.input[0])
        if node.op == "Sub":
            left, right = (self._constant(given) for given in node.input[:2])
            return None if left is None or right is None else left - right
        return None


def _name(tensor: str) -> str:
    return tensor.partition(":")[0]
