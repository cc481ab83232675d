"""Operations of TensorFlow that TF-Keras kept as layers (`TFOpLambda`), as layers of Keras 3.

Only those that compute, and touch nothing outside of the network, are known; they are TensorFlow's own, by their names.
"""

import re
from collections.abc import Mapping
from typing import Any

from auditor.classifiers.older_known import NoOtherWayError
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
# As TF-Keras spells them, which writes `tf.pad` as `compat.v1.pad`.
_KNOWN = re.compile(
    r"math\.(abs|add|add_n|argmax|argmin|ceil|cos|equal|erf|exp|floor|floormod|greater|greater_equal|less|less_equal|log"
    r"|log1p|l2_normalize|maximum|minimum|multiply|negative|pow|reduce_(logsumexp|max|mean|min|prod|std|sum|variance)"
    r"|round|rsqrt|sigmoid|sign|sin|softplus|sqrt|square|squared_difference|subtract|tanh|top_k|truediv)"
    r"|nn\.(avg_pool(2d)?|batch_normalization|bias_add|depth_to_space|elu|gelu|l2_normalize|leaky_relu|(log_)?softmax"
    r"|max_pool(2d)?|moments|relu6?|selu|sigmoid|silu|softplus|softsign|space_to_depth|swish|tanh)"
    r"|abs|cast|clip_by_value|concat|expand_dims|identity|linalg\.matmul|ones_like|repeat|reshape|reverse|roll"
    r"|slice|split|squeeze|stack|stop_gradient|strided_slice|tensordot|tile|transpose|unstack|where|zeros_like"
    r"|image\.(adjust_contrast|central_crop|flip_left_right|grayscale_to_rgb|per_image_standardization|resize"
    r"|rgb_to_grayscale)"
    r"|compat\.v1\.(floor_div|gather|norm|pad|squeeze|transpose|nn\.(conv2d|relu6)"
    r"|image\.resize_(bilinear|images|nearest_neighbor))"
)

# What computes by its name alone, where TF-Keras itself carries it out.
_COMPUTING = re.compile(
    r"(math|nn|linalg|signal|image|compat\.v1\.(nn|math|image))\.(?!.*(de|en)code)\w+|einsum|compat\.v1\.shape"
)


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
    """Raise NoOtherWayError for an operation, in a description, that may do more than compute: some write files."""
    if isinstance(description, list):
        for part in description:
            check_operations(part)
    elif isinstance(description, dict):
        inner = description.get("config")
        if description.get("class_name") == "TFOpLambda" and isinstance(inner, dict):
            name = str(inner.get("function"))
            path = _OPERATORS.get(name, name)
            if not _KNOWN.fullmatch(path) and not _COMPUTING.fullmatch(path):
                raise NoOtherWayError(f"the operation tf.{name} of TensorFlow isn't known to do nothing but compute")
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
        if part.get("class_name") == "__ellipsis__" or "value" in part:
            return Ellipsis
        return slice(part.get("start"), part.get("stop"), part.get("step"))
    return part
