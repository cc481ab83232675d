"""Operations of TensorFlow that TF-Keras kept as layers (`TFOpLambda`), as layers of Keras 3.

Only those that compute, and touch nothing outside of the network, are known; they are TensorFlow's own, by their names.
"""

import re
from collections.abc import Mapping
from typing import Any

from auditor.compute import tensorflow
from auditor.values import ModelError

_OPERATORS = {
    "__operators__.add": "math.add",
    "__operators__.sub": "math.subtract",
    "__operators__.mul": "math.multiply",
    "__operators__.truediv": "math.truediv",
    "__operators__.neg": "math.negative",
    "__operators__.pow": "math.pow",
    "math.divide": "math.truediv",
}
_KNOWN = re.compile(
    r"math\.(abs|add|subtract|multiply|truediv|negative|pow|square|sqrt|rsqrt|exp|log|maximum|minimum|sigmoid|softplus"
    r"|tanh|l2_normalize|reduce_(mean|sum|max|min|variance|std))"
    r"|nn\.(relu6?|leaky_relu|elu|selu|gelu|silu|swish|(log_)?softmax|sigmoid|tanh|l2_normalize|bias_add|avg_pool2d"
    r"|max_pool2d|space_to_depth|depth_to_space)"
    r"|abs|cast|clip_by_value|concat|expand_dims|identity|pad|repeat|reshape|reverse|squeeze|stack|tile|transpose"
    r"|image\.(resize|rgb_to_grayscale|grayscale_to_rgb)|compat\.v1\.(transpose|squeeze|nn\.relu6)"
)

# What computes by its name alone, where TF-Keras itself carries it out.
_COMPUTING = re.compile(r"(math|nn|linalg|signal|image|compat\.v1\.(nn|math|image))\.(?!.*(de|en)code)\w+")


def layers_of_operations() -> Mapping[str, Any]:
    """The classes that such layers are built by, by their names in a description."""
    import keras

    tf = tensorflow()

    class TFOpLambda(keras.layers.Layer):  # type: ignore[misc]
        """One operation; `arguments`: what it is called with, beside tensors."""

        def __init__(self, function: str, arguments: Mapping[str, Any], **others: Any) -> None:
            super().__init__(**others)
            self._carried_out, self._taken = _operation(tf, function), arguments

        def call(self, inputs: Any) -> Any:
            """Carry it out on a tensor, or a list of several."""
            first, named = _filled(self._taken["first"], inputs), _filled(self._taken["named"], inputs)
            return self._carried_out(first, **{key: value for key, value in named.items() if key != "name"})

    class SlicingOpLambda(keras.layers.Layer):  # type: ignore[misc]
        """Some rows, columns or channels of a tensor."""

        def __init__(self, arguments: Mapping[str, Any], **others: Any) -> None:
            super().__init__(**{key: value for key, value in others.items() if key != "function"})
            self._taken = arguments

        def call(self, inputs: Any) -> Any:
            """Take them of a tensor."""
            given = self._taken["named"]["slice_spec"]
            return inputs[tuple(_slice(part) for part in (given if isinstance(given, list) else [given]))]

    return {"TFOpLambda": TFOpLambda, "SlicingOpLambda": SlicingOpLambda}


def check_operations(description: Any) -> None:
    """Raise ModelError for an operation, in a description, that may do more than compute: TensorFlow's write files."""
    if isinstance(description, list):
        for part in description:
            check_operations(part)
    elif isinstance(description, dict):
        inner = description.get("config")
        if description.get("class_name") == "TFOpLambda" and isinstance(inner, dict):
            name = str(inner.get("function"))
            path = _OPERATORS.get(name, name)
            if not _KNOWN.fullmatch(path) and not _COMPUTING.fullmatch(path):
                raise ModelError(f"the operation tf.{name} of TensorFlow isn't known to do nothing but compute")
        for part in description.values():
            check_operations(part)


def _operation(tf: Any, name: str) -> Any:
    path = _OPERATORS.get(name, name)
    if not _KNOWN.fullmatch(path):
        raise ModelError(f"the operation tf.{name} of TensorFlow isn't one that is rewritten for Keras 3")
    found = tf
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _filled(value: Any, inputs: Any) -> Any:
    """A value with the tensors that stand in it by number."""
    if isinstance(value, Mapping):
        if set(value) == {"tensor"}:
            return inputs[value["tensor"]] if isinstance(inputs, list) else inputs
        return {key: _filled(part, inputs) for key, part in value.items()}
    return [_filled(part, inputs) for part in value] if isinstance(value, list) else value


def _slice(part: Any) -> Any:
    if isinstance(part, Mapping):
        return Ellipsis if "value" in part else slice(part.get("start"), part.get("stop"), part.get("step"))
    return part
