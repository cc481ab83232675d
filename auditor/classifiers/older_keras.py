"""Networks as Keras 1 and 2, TF-Keras and TensorFlow.js describe them, rewritten into what Keras 3 builds.

Where a rewriting is all that it takes, no older framework is needed. What isn't known is refused, never guessed, and
whoever loads weights into what was built checks that all of them fit.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from auditor.classifiers.older_known import (
    ACTIVATIONS,
    INNER,
    MODELS,
    ONLY_OLDER,
    Dialect,
    NoOtherWayError,
    activation,
    check_alike,
)
from auditor.classifiers.older_operations import check_operations, layers_of_operations
from auditor.values import ModelError

# What Keras 3 calls otherwise, and what it doesn't take any more, by class.
_RENAMED = {
    "Convolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
_GROUPED = (*(f"{kind}Conv{rank}D" for kind in ("Depthwise", "Separable") for rank in (1, 2)),)
_GROUPED = (*_GROUPED, *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)))
_SETTLED: Mapping[str, Mapping[str, Any]] = {
    # One group is what they compute; of others TF-Keras itself makes none.
    **{kind: {"groups": 1} for kind in _GROUPED},
    "BatchNormalization": {"renorm": False, "virtual_batch_size": None, "fused": None, "mode": 0},
    "SimpleRNN": {"time_major": False},
    "LSTM": {"time_major": False},
    "GRU": {"time_major": False},
    **{f"SpatialDropout{rank}D": {"noise_shape": None} for rank in (1, 2, 3)},
}
# Whose settings of training are others in Keras 3, and that do nothing outside of it.
_UNTRAINED = re.compile("SpatialDropout[123]D|Random(Brightness|Contrast|Flip|Rotation|Translation|Zoom)")
# What was always so before there was a setting for it, where Keras 3 takes something else.
_BEFORE: Mapping[str, Mapping[str, Any]] = {"GRU": {"reset_after": False}}
# Keras 1 had other words for the same; `dim_ordering: th` turned kernels round too, and is left to be refused.
_WORDS = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "bias": "use_bias",
    "output_dim": "units",
    "p": "rate",
}
# Of training alone, or of weights that are loaded anyway.
_TRAINING = re.compile(
    r"init|input_length|.*_(init|initializer|regularizer|constraint)|input_dtype|ragged|sparse|optional"
)
_MERGES = {"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum"}
_LAMBDAS = {"Lambda", "__lambda__"}
_OWN = "if you trust its code, say where it is by `custom_objects: [module:Class]` and allow it by --audit-allow-code"
_CONSTANT = "_CONSTANT_VALUE"


def is_older(version: str | bytes | None) -> bool:
    """Whether a `keras_version` is one before 3, or TensorFlow.js's own; a file that tells none is older too."""
    told = version.decode(errors="replace") if isinstance(version, bytes) else version or ""
    return not told.partition(".")[0].isdigit() or int(told.partition(".")[0]) < 3


def built(description: Any, dialect: Dialect, custom: Mapping[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """Build the Keras model that such a description, from JSON, is of; its weights aren't set yet.

    dialect: the framework that wrote it. custom: classes of somebody's own, by name. safe_mode: whether a `Lambda` is
    refused. Raises ModelError for what isn't known to be computed alike, and whatever layers raise.
    """
    import keras

    whole = modern(description)
    known = {**layers_of_operations(), **(custom or {})}
    harmless = set() if safe_mode else _LAMBDAS
    check_known({name for name in foreign(description, known) if not name.startswith("tf_keras.")} - harmless)
    found = [(kind, config) for kind, config in _layers(whole) if kind.rpartition(">")[2] not in {*known, *harmless}]
    unknown = sorted({kind.rpartition(">")[2] for kind, _ in found if not hasattr(keras.layers, kind)})
    check_known(set(unknown) - ONLY_OLDER)
    if unknown:
        raise ModelError(f"it needs {', '.join(unknown)}: Keras 3 brings no such layer")
    if safe_mode:
        check_operations(description)
    for kind, config in found:
        check_alike(kind, config, dialect)
        config.update({key: activation(config[key]) for key in ACTIVATIONS if isinstance(config.get(key), str)})
    if whole["class_name"] == "Sequential":
        return keras.Sequential.from_config(whole["config"], custom_objects=known)
    return keras.Model.from_config(whole["config"], custom_objects=known)


class CodeNeededError(NoOtherWayError):
    """A network needs code that isn't Keras's, which nothing runs unless it is allowed to."""


def check_known(named: Collection[str]) -> None:
    """Raise CodeNeededError, with what to do, where a network needs code that isn't Keras's."""
    if _LAMBDAS & set(named):
        raise CodeNeededError("it needs Lambda, which is Python code: only --audit-allow-code runs that")
    if named:
        raise CodeNeededError(f"it needs {', '.join(sorted(named))}: Keras brings no such thing ({_OWN})")


def _layers(whole: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The layers of a rewritten description, those in others too: class and configuration."""
    for layer in whole["config"]["layers"]:
        yield from _within(layer)


def _within(layer: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if layer["class_name"] in MODELS:
        yield from _layers(layer)
        return
    yield layer["class_name"], layer["config"]
    for key in INNER:
        if isinstance(inner := layer["config"].get(key), dict):
            yield from _within(inner)


def modern(description: Any) -> dict[str, Any]:
    """A description of a model in the words of Keras 3; raise ModelError where it isn't one of a whole network."""
    if not isinstance(description, dict) or description.get("class_name") not in MODELS:
        kind = description.get("class_name") if isinstance(description, dict) else type(description).__name__
        told = f"a {kind} is no sequential or functional model"
        raise ModelError(f"{told}, so what it computes isn't in the file: `custom_objects` can name its class")
    kind, given = description["class_name"], description.get("config")
    config = {"layers": given} if isinstance(given, list) else dict(given or {})
    listed = config.get("layers")
    if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
        raise ModelError("its description lists no layers")
    layers: list[dict[str, Any]] = [_layer(part) for part in listed]
    config = {"name": config.get("name") or description.get("name") or "model", **config, "layers": layers}
    if kind != "Sequential":
        outputs = _several(config.get("output_layers"))
        nodes = [node for part in layers for node in part["inbound_nodes"]]
        # Keras 2 counted as the first call what a model among the layers begins with, unless it was built by its call.
        whole = {part["name"]: part["class_name"] for part in layers if part["class_name"] in MODELS}
        whole = {name: kind for name, kind in whole.items() if not _called_first(name, [*nodes, outputs])}
        for part in layers:
            part["inbound_nodes"] = [[_counted(tensor, whole) for tensor in node] for node in part["inbound_nodes"]]
        # Of a functional model Keras 3 counts it off here itself, and nowhere else.
        chains = {name for name, kind in whole.items() if kind == "Sequential"}
        for ends in ("input_layers", "output_layers"):
            found = [_counted(end, chains) for end in _several(config.get(ends))]
            config[ends] = found[0] if len(found) == 1 else found
    elif layers and (shape := layers[0]["config"].pop("batch_input_shape", None)):
        layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape}})
    for part in layers:
        part["config"].pop("batch_input_shape", None)  # of a layer that isn't the first of a sequence
    kept = ("name", "trainable", "layers", "input_layers", "output_layers", "build_input_shape")
    return {"class_name": kind, "config": {key: config[key] for key in kept if key in config}}


def _layer(part: Mapping[str, Any]) -> dict[str, Any]:
    """One layer, or a model among the layers, without the module that it once came from."""
    registered = part.get("registered_name")
    own = isinstance(registered, str) and ">" in registered  # somebody's own, which has to be found by that name
    kind = str(registered if own else _RENAMED.get(str(part.get("class_name")), part.get("class_name")))
    given = part.get("config")
    if kind in MODELS:
        whole = modern({**part, "class_name": kind})
        config, name = whole["config"], part.get("name") or whole["config"]["name"]
    else:
        config = _in_new_words(kind, dict(given) if isinstance(given, dict) else {})
        config.update({key: _inner(config[key]) for key in INNER if isinstance(config.get(key), dict)})
        name = part.get("name") or config.get("name")
        if kind == "Merge":
            kind = _MERGES.get(str(config.pop("mode", None)), kind)
            config = {key: value for key, value in config.items() if key in ("name", "trainable")}
    layer = {"class_name": kind, "config": config, "inbound_nodes": part.get("inbound_nodes") or []}
    if any(_as_in_training(node) for node in layer["inbound_nodes"]):
        raise ModelError(f"the layer {name!r} is called as in training, which Keras 3 wouldn't do outside of it")
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        nodes = layer["inbound_nodes"]
        if len(nodes) != 1:
            raise ModelError(f"the operation {name!r} is called {len(nodes)} times, which isn't known how to build")
        tensors, config["arguments"] = _arguments(nodes[0])
        layer["inbound_nodes"] = [tensors]
    # Without a module, Keras leaves out what it takes for an older `axis`: that of several dimensions.
    brought = kind not in (*MODELS, *_LAMBDAS, "TFOpLambda", "SlicingOpLambda") and not own
    return {**layer, "name": name, **({"module": "keras.layers"} if brought else {})}


def _inner(part: Mapping[str, Any]) -> Any:
    """A layer in another one's configuration, or the name of an activation."""
    if part.get("class_name") == "function":
        return part.get("config")
    return {key: value for key, value in _layer(part).items() if key in ("class_name", "config", "module")}


def _in_new_words(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    for key, harmless in _SETTLED.get(kind, {}).items():
        if key in config and config.pop(key) not in (harmless, None, False):
            raise ModelError(f"a {kind} with another `{key}` than {harmless} is none that Keras 3 knows")
    if config.get("dim_ordering") == "th":
        raise ModelError(f"a {kind} of Keras 1 in Theano's order isn't known how to build")
    if config.pop("dim_ordering", None) == "tf":
        config["data_format"] = "channels_last"
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    for old, new in _WORDS.items():
        if old in config and (kind, old) != ("Embedding", "output_dim"):
            config[new] = config.pop(old)
    config = {**_BEFORE.get(kind, {}), **config}
    if kind == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if _UNTRAINED.fullmatch(kind):
        config = {key: value for key, value in config.items() if key not in ("trainable", "rng_type")}
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if kind == "InputLayer":
        shape = config.get("batch_input_shape") or config.get("batch_shape")
        return {"batch_shape": shape, "dtype": config.get("dtype"), "name": config.get("name")}
    return {key: value for key, value in config.items() if not _TRAINING.fullmatch(key)}


def _as_in_training(node: Any) -> bool:
    """Whether a call of a layer says so of itself."""
    if isinstance(node, list):
        return any(_as_in_training(part) for part in node)
    return isinstance(node, dict) and bool(node.get("training"))


def _several(ends: Any) -> list[Any]:
    """Ends as a list, be it one end alone."""
    return [ends] if isinstance(ends, list) and ends and isinstance(ends[0], str) else list(ends or [])


def _counted(end: Any, inner: Any) -> Any:
    """A tensor, by layer, call and number, where calls of inner models are counted from 0 as those of others."""
    name, call, *others = end
    return [name, call - 1 if name in inner else call, *others]


def _called_first(name: str, nodes: Any) -> bool:
    """Whether some tensor is said to be of a layer's call number 0."""
    return any(tensor[0] == name and tensor[1] == 0 for node in nodes for tensor in node)


def _arguments(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """The tensors that an operation is called with, and how: `first` and `named`, in which {"tensor": k} is the kth."""
    tensors: list[Any] = []

    def taken(value: Any) -> Any:
        if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
            if value[0] == _CONSTANT:
                return value[2]
            tensors.append(value[:3])
            return {"tensor": len(tensors) - 1}
        if isinstance(value, list):
            return [taken(part) for part in value]
        return {key: taken(part) for key, part in value.items()} if isinstance(value, dict) else value

    first = taken(node)
    last = node if isinstance(node[0], str) else node[-1]
    named = taken(last[3]) if len(last) > 3 else {}
    return tensors, {"first": first, "named": named}


def foreign(config: Any, known: Collection[str] = ()) -> Iterator[str]:
    """What a description names that Keras doesn't bring, or that holds code. known: names of classes at hand."""
    if isinstance(config, list):
        for part in config:
            yield from foreign(part, known)
    elif isinstance(config, dict):
        name, module, registered = config.get("class_name"), config.get("module"), config.get("registered_name")
        own = str(registered).rpartition(">")[2]
        if name in _LAMBDAS:
            yield str(name)
        elif own in known or name in known:
            pass
        elif ">" in str(registered) or (isinstance(registered, str) and module is None):  # somebody registered it
            yield str(registered)
        elif isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins"):
            yield f"{module}.{name}"
        for part in config.values():
            yield from foreign(part, known)
