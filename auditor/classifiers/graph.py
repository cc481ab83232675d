"""A frozen TensorFlow graph as a classifier: what `saved_model` and `tf1_checkpoint` have in common.

All weights are constants, so nothing of the checkpoint's own saving and restoring is left. The graph's softmax
can be seen and taken off, and its convolutions can be shown.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from auditor.classifiers.common import classifier
from auditor.classifiers.inputs import of_rank
from auditor.classifiers.whole_numbers import as_kind_of_tensor, whole_range
from auditor.compute import tensorflow
from auditor.values import Classifier, FloatArray, Layer, Output, Tensor

# What may follow a convolution and still belong to its layer: bias, normalisation and one activation.
_LINEAR = {"Add", "AddV2", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV3", "Identity", "Mul", "Sub"}
_ACTIVATIONS = {"Elu", "LeakyRelu", "Relu", "Relu6", "Selu", "Sigmoid", "Softplus", "Tanh"}
_CALLS = re.compile(r"(Stateful)?PartitionedCall(_\d+)?/")


def graph_classifier(
    definition: Any,
    entry: str,
    end: str,
    shape: tuple[int, int, int],
    path: str,
    output: Output,
    rank: int = 4,
    constants: Mapping[str, Any] | None = None,
    own: Callable[[FloatArray], Any] | None = None,
    kind: str = "float32",
) -> Classifier:
    """Make a classifier of a GraphDef without variables.

    entry, end: the tensors that images go into and that holds the outputs. shape: (H, W, C) of one image. rank:
    of what the graph takes, which may be rows of H · W · C numbers, or grey images without a place for channels.
    constants: what else is fed, by tensor name. own: the checkpoint's own call, before it was frozen. kind: of number
    that the graph takes.

    Gradients that the graph's author put in place of the true ones are left out: a checkpoint could mislead an
    attack with them, and their functions don't survive being frozen.
    """
    tf = tensorflow()
    for node in (*definition.node, *(node for function in definition.library.function for node in function.node_def)):
        node.attr.pop("_gradient_op_type", None)

    def imported(images: Tensor) -> None:
        fed = as_kind_of_tensor(of_rank(images, rank), kind)
        others = {name: tf.constant(value) for name, value in (constants or {}).items()}
        tf.graph_util.import_graph_def(definition, {entry: fed, **others}, name="")

    wrapped = tf.compat.v1.wrap_function(imported, [tf.TensorSpec((None, *shape), tf.float32)])
    given = wrapped.graph.get_tensor_by_name(end)
    last, sought = _behind(given.op), {"probabilities": "Softmax", "sigmoid": "Sigmoid"}.get(output)
    logits = _pruned(wrapped, last.inputs[0]) if last.type == sought else None
    how = f"the final {last.type.lower()} was taken off"
    layers = partial(_layers, wrapped, given)
    outputs, whole = _pruned(wrapped, given), whole_range(kind)
    return classifier(path, output, shape, outputs, logits, layers, own=own, taken_off=how, whole=whole)


def frozen(call: Callable[[Any], Any], shape: Sequence[int | None], kind: Any = "float32") -> tuple[Any, str, str]:
    """A function of one tensor as a GraphDef without variables, with the names of the tensors it takes and gives.

    shape, kind: of one image, as the function takes it. Raises whatever the function and its graph do.
    """
    tf = tensorflow()
    # TensorFlow has no public name for this, though its guides use it.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    concrete = tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec((None, *shape), kind))
    made = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    return made.graph.as_graph_def(), made.inputs[0].name, made.outputs[0].name


def _pruned(wrapped: Any, tensor: Any) -> Callable[[Tensor], Tensor]:
    """A function from images to one tensor of the graph."""
    tf, function = tensorflow(), wrapped.prune(wrapped.inputs[0], tensor)
    return lambda images: function(tf.convert_to_tensor(images))  # it takes no arrays itself


def _behind(operation: Any) -> Any:
    """The operation itself, or the first one before it that does something."""
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    return operation


def _layers(wrapped: Any, end: Any) -> tuple[Layer, ...]:
    """The convolutions that the output comes from, each named by the tensor that holds its activations."""
    found, used = [], _before(end)
    for operation in wrapped.graph.get_operations():
        if operation.type == "Conv2D" and operation in used:
            activations = _activations(operation)
            name = _CALLS.sub("", activations.name)
            kernel = _behind(operation.inputs[1].op)
            variable = (_CALLS.sub("", kernel.outputs[0].name),) if kernel.type == "Const" else ()
            found.append(Layer(name, "Conv2D", True, _kernel(kernel), _pruned(wrapped, activations), variable))
    return tuple(found)


def _before(tensor: Any) -> set[Any]:
    """The operations that a tensor is computed by."""
    seen, left = set(), [tensor.op]
    while left:
        operation = left.pop()
        if operation not in seen:
            seen.add(operation)
            left += [part.op for part in operation.inputs]
    return seen


def _activations(convolution: Any) -> Any:
    """The last tensor that belongs to a convolution's layer: after its bias and activation, where it has them."""
    tensor = convolution.outputs[0]
    while len(tensor.consumers()) == 1:
        operation = tensor.consumers()[0]
        others = [part for part in operation.inputs if part is not tensor]
        if operation.type in _ACTIVATIONS:
            return operation.outputs[0]
        if operation.type not in _LINEAR or not all(_is_constant(part) for part in others):
            break
        tensor = operation.outputs[0]
    return tensor


def _is_constant(tensor: Any) -> bool:
    """Whether a tensor is a constant, perhaps in another shape."""
    operation = tensor.op
    while operation.type in ("ExpandDims", "Identity", "Reshape", "Squeeze"):
        operation = operation.inputs[0].op
    return bool(operation.type == "Const")


def _kernel(operation: Any) -> FloatArray | None:
    """The weights (kh, kw, in, out), or None where they are computed."""
    value = tensorflow().get_static_value(operation.outputs[0])
    return None if value is None else value.astype(np.float32)
