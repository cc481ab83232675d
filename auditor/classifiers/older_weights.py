"""Weights of Keras 1 and 2, TF-Keras and TensorFlow.js, given to the layers that they are of by name, never by place.

Keras 3 may list layers of two branches in another order than the framework that saved them: by place, weights of one
shape would be exchanged, and nobody would know.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from auditor.telling.lists import listed
from auditor.values import FloatArray, ModelError

# How Keras 1 called them, behind the layer's name.
_SHORT = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
# What weights of a layer are in that has one part alone.
_PARTS = ("cell", "layer")
_PLACES = ("layers", "_layer_checkpoint_dependencies")


def fill(model: Any, arrays: Mapping[str, FloatArray]) -> None:
    """Give every weight of a network the array of its name, as in `conv/kernel`.

    Raises ModelError where one is missing, any is left over, or one doesn't fit.
    """
    left = dict(arrays)
    for layer, names, variable in _weights(model):
        # Between the layer's name and the weight's a cell may stand, and before it the name of a model.
        fitting = [key for key in left if _names(key, layer, names)]
        if len(fitting) != 1:
            told = f"{len(fitting)} weights are" if fitting else "no weight is"
            raise ModelError(f"{told} called {layer}/{names[-1]}, which its network needs one of")
        _assign(variable, left.pop(fitting[0]), fitting[0])
    if left:
        raise ModelError(f"no layer takes the weights {listed(sorted(left), 5)}")


def fill_from_h5(model: Any, file: Any) -> None:
    """Give a network the weights of an open `.h5` file of Keras 1 or 2, layer by layer; raise ModelError as `fill`."""
    import keras

    group = file.get("model_weights", file)
    layers = {layer.name: layer for layer in model.layers}
    for name in _texts(group, "layer_names"):
        names = _texts(group[name], "weight_names")
        arrays = {key.rpartition(":")[0] or key: np.asarray(group[name][key], np.float32) for key in names}
        if not arrays:
            continue
        if name not in layers:
            raise ModelError(f"its network has no layer {name!r}, whose weights are in the file")
        layer = layers.pop(name)
        # Of a layer by itself the last word says which weight it is: what stands before it may be an older name.
        plain = {f"{name}/{_last(key, name)}": array for key, array in arrays.items()}
        inner = isinstance(layer, keras.Model)
        if not inner and len(plain) < len(arrays):
            raise ModelError(f"the layer {name!r} has weights of one name: {', '.join(arrays)}")
        fill(layer if inner else _Alone([layer]), arrays if inner else plain)
    without = [name for name, layer in layers.items() if layer.weights]
    if without:
        raise ModelError(f"the file has no weights of the layers {listed(without, 5)}")


def fill_from_containers(model: Any, listed: Any, file: Any) -> None:
    """Give a network the weights of a `.keras` file of TF-Keras, which calls layers by class and place.

    listed: the layers of its description, in whose order they were counted. file: the open `.weights.h5`.
    """
    import keras

    container: Any = next((file[place] for place in _PLACES if place in file), {})
    layers, counts = {layer.name: layer for layer in model.layers}, dict[str, int]()
    for part in listed:
        kind = _snake(str(part["class_name"]))
        count = counts[kind] = counts.get(kind, -1) + 1
        layer = layers.get(part.get("name") or part["config"].get("name"))
        place = f"{kind}_{count}" if count else kind
        if layer is None or not layer.weights:
            continue
        if place not in container:
            raise ModelError(f"the file has no weights of the layer {layer.name}")
        if isinstance(layer, keras.Model):
            fill_from_containers(layer, part["config"]["layers"], container[place])
            continue
        group: Any = next((container[place][part] for part in _PARTS if part in container[place]), container[place])
        kept, taken = group["vars"], [*layer.trainable_weights, *layer.non_trainable_weights]
        if len(kept) != len(taken):
            raise ModelError(f"the layer {layer.name} takes {len(taken)} weights, the file has {len(kept)} of it")
        for number, variable in enumerate(taken):
            _assign(variable, np.asarray(kept[str(number)], np.float32), f"{layer.name}/{number}")


class _Alone:
    """A layer as if it were a model of nothing else."""

    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers


def _weights(model: Any) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Weights of layers, those of inner models too: the layer's name, what Keras has called it, and the variable."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weights(layer)
            continue
        renamed = isinstance(layer, keras.layers.DepthwiseConv1D | keras.layers.DepthwiseConv2D)
        for weight in layer.weights:
            older = ("depthwise_kernel",) if renamed and weight.name == "kernel" else ()
            yield layer.name, (weight.name, *older), weight


def _names(key: str, layer: str, names: Collection[str]) -> bool:
    *before, last = key.split("/")
    return last in names and layer in ("/".join(before), *before)


def _last(key: str, layer: str) -> str:
    last = key.rpartition("/")[2]
    short = last.removeprefix(f"{layer}_")
    return _SHORT.get(short, short)


def _assign(variable: Any, array: FloatArray, name: str) -> None:
    if tuple(variable.shape) != array.shape:
        raise ModelError(f"{name} has the shape {array.shape}, but its layer takes {tuple(variable.shape)}")
    variable.assign(array)


def _texts(group: Any, name: str) -> list[str]:
    """An attribute that lists names; long lists are cut into several attributes, which are numbered."""
    parts = [group.attrs[name]] if name in group.attrs else []
    while f"{name}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{name}{len(parts)}"])
    return [text.decode() if isinstance(text, bytes) else str(text) for part in parts for text in part]


def _snake(name: str) -> str:
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
