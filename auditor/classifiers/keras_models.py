"""A Keras model as a classifier: what `keras` and `weights` have in common."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from auditor.classifiers.common import TAKEN_OFF, classifier, compiled_call
from auditor.classifiers.heads import scores_told, way_to_rows
from auditor.classifiers.inputs import Size, closed, image_shape, of_any_size, of_rank
from auditor.classifiers.lower_precision import in_float, in_int8
from auditor.classifiers.opening import chosen
from auditor.classifiers.whole_numbers import as_kind_of_tensor, check_kind, whole_range
from auditor.values import Classifier, FloatArray, Layer, ModelError, Output, Precision, Tensor

_Function = Callable[[Tensor], Tensor]


def keras_classifier(model: Any, path: str, output: Output, output_name: str | None = None) -> Classifier:
    """Make a classifier of a Keras model, without its softmax or sigmoid; raise ModelError if it isn't one.

    path: where it is from, for errors. output: what it gives. output_name: which of several outputs is meant: a key of
    a dictionary, or the name of the layer that gives it.
    """
    import keras

    try:
        inputs, ends = model.inputs, dict(zip(_output_names(model), model.outputs, strict=True))
    except (AttributeError, ValueError, TypeError) as error:  # one that was subclassed, or never called
        told = f"{path} holds a {type(model).__name__} that says nothing of what it takes"
        raise ModelError(f"{told}; save a functional model that calls it") from error
    if len(inputs) != 1:
        told = ", ".join(f"{tensor.name}: {tuple(tensor.shape)}" for tensor in inputs)
        way = "save a model of one input that calls it, with that image or a constant for each of these"
        raise ModelError(f"{path} takes {len(inputs)} inputs ({told}), where an image is one; {way}")
    takes, kind = inputs[0].shape, str(inputs[0].dtype)
    if "float" not in kind:
        check_kind(kind, path)
    name = chosen(output_name, ends, "output_name", path, {end: tensor.shape for end, tensor in ends.items()})
    shape_out, at = tuple(ends[name].shape), list(ends).index(name)
    if scores_told(shape_out) is None:
        told = f"this gives {shape_out}{way_to_rows(shape_out)}"
        raise ModelError(f"{path}: one output of shape (None, classes ≥ 2) is needed, {told}")
    rank = len(takes)

    def taken(function: _Function) -> _Function:
        return lambda images: function(as_kind_of_tensor(of_rank(images, rank), kind))

    network = model if len(ends) == 1 else keras.Model(inputs[0], ends[name])
    body, how = _without_activation(network, output)
    logits = None if body is None else taken(partial(body, training=False))
    outputs = taken(lambda images: keras.tree.flatten(model(images, training=False))[at])
    layers = partial(_layers, network, taken)

    def of_size(size: Size) -> Classifier:
        shape = image_shape(closed(takes, size), path)

        def lower(precision: Precision, examples: FloatArray) -> Callable[[FloatArray], Any]:
            if precision == "int8":
                run = in_int8(network, path, of_rank(examples, rank))
                return lambda images: run(of_rank(images, rank))
            return compiled_call(taken(partial(in_float(network, path, precision), training=False)), shape)

        whole = whole_range(kind)
        in_lower = lower if whole is None else None
        return classifier(path, output, shape, outputs, logits, layers, taken_off=how, lower=in_lower, whole=whole)

    return of_any_size(of_size, takes)


def _output_names(model: Any) -> list[str]:
    """A name for each output of a model: its key, if they are a dictionary, or else that of the layer it comes from."""
    import keras

    given = getattr(model, "_outputs_struct", None)  # Keras has no public name for how outputs are given
    if isinstance(given, dict) and len(given) == len(model.outputs):
        return [str(key) for key in keras.tree.flatten({key: key for key in given})]
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    return [f"{name}/{names[:i].count(name)}" if name in names[:i] else name for i, name in enumerate(names)]


def _without_activation(model: Any, output: Output) -> tuple[Any, str]:
    """The model without the softmax or sigmoid that makes its output, and how it was taken off; None where none does.

    Only what the output tensor itself comes from counts, whichever layer is listed last: after the layers there may
    be means of several heads, permuted classes, or any other operation.
    """
    import keras

    known = {"probabilities": ("softmax", keras.activations.softmax), "sigmoid": ("sigmoid", keras.activations.sigmoid)}
    if output not in known:
        return None, TAKEN_OFF
    name, activation = known[output]
    made = model.outputs[0]._keras_history  # Keras has no public name for what made a tensor, and its guides use this
    layer = made.operation
    given = layer._inbound_nodes[made.node_index].input_tensors
    if len(given) != 1:
        return None, TAKEN_OFF
    softmax = type(layer) is keras.layers.Softmax and output == "probabilities" and layer.axis in (-1, 1)
    if softmax or (type(layer) is keras.layers.Activation and layer.activation is activation):
        return keras.Model(model.inputs[0], given[0]), f"the final {name} layer was taken off"
    operation = type(getattr(keras.ops, name)(keras.KerasTensor((None, 2)))._keras_history.operation)
    if type(layer) is operation and getattr(layer, "axis", -1) in (-1, 1):
        return keras.Model(model.inputs[0], given[0]), TAKEN_OFF
    if type(layer) is keras.layers.Dense and layer.activation is activation:
        linear = keras.layers.Dense.from_config(layer.get_config() | {"activation": "linear"})
        body = keras.Model(model.inputs[0], linear(given[0]))
        linear.set_weights(layer.get_weights())
        return body, f"the {name} of the final dense layer was taken off"
    return None, TAKEN_OFF


def _layers(model: Any, taken: Callable[[_Function], _Function]) -> tuple[Layer, ...]:
    """The layers that the output comes from, once for each time they are called, with those of networks among them;
    activations have their channels last, however the layer orders them.
    """
    import keras

    found = []
    for layer, names, tensor in _calls(model):
        convolution = isinstance(layer, keras.layers.Conv2D)
        kernel = np.asarray(layer.kernel, dtype=np.float32) if convolution else None
        last = tensor
        if convolution and layer.data_format == "channels_first":
            last = keras.ops.transpose(tensor, (0, 2, 3, 1))
        activations = taken(keras.Model(model.inputs[0], last))
        aliases = names[-1:] if len(names) > 1 else ()
        found.append(Layer("/".join(names), type(layer).__name__, convolution, kernel, activations, aliases))
    return tuple(found)


def _calls(model: Any) -> Iterator[tuple[Any, tuple[str, ...], Any]]:
    """The layers that the output is computed by: each call of each with its name and what it gives.

    A shared layer is called more than once, perhaps in other models too, and Keras lists layers that nothing takes. A
    layer that is a network itself comes before its own layers, whose names begin with its name.
    """
    import keras

    used: set[int] = set()
    left = [model.outputs[0]]
    while left:
        made = left.pop()._keras_history
        node = made.operation._inbound_nodes[made.node_index]
        if id(node) not in used:
            used.add(id(node))
            left += node.input_tensors
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        for call, node in enumerate(node for node in layer._inbound_nodes if id(node) in used):
            name = f"{layer.name}/{call}" if call else layer.name
            yield layer, (name,), node.output_tensors[0]
            if _is_graph(layer):
                for inner, names, tensor in _calls(layer):
                    yield inner, (name, *names), keras.Model(layer.inputs, tensor)(node.input_tensors)


def _is_graph(layer: Any) -> bool:
    """Whether a layer is a network whose own layers can be seen: functional, or a sequence that was built."""
    import keras

    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None)) and bool(layer.outputs)
