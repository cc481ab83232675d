"""Operators of ONNX in TensorFlow, by name: those that image classifiers are made of.

Each takes its node and its inputs, which are constants (arrays) or tensors, and gives its first output, or a list of
all. An input that is left out is None. Versions of an operator that differ are told apart by `Node.opset`.
"""

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from math import prod
from typing import Any

import numpy as np

from auditor.classifiers.onnx_node import MANY, Node, UntranslatedError
from auditor.classifiers.onnx_windows import average_pool, convolution, max_pool, turned_convolution
from auditor.compute import tensorflow

Operator = Callable[..., Any]


def _named(name: str) -> Operator:
    """A function of TensorFlow that does just what the operator does."""
    return lambda _node, *given: operator.attrgetter(name)(tensorflow())(*given)


def _formula(made: Callable[..., Any]) -> Operator:
    """A formula of TensorFlow, the node and its inputs."""
    return lambda node, *given: made(tensorflow(), node, *given)


def _folded(name: str) -> Operator:
    """A function of two, of any number."""
    return lambda _node, *given: reduce(operator.attrgetter(name)(tensorflow()), given)


def _divided(_: Node, over: Any, under: Any) -> Any:
    tf = tensorflow()
    whole = np.dtype(over.dtype.name if hasattr(over.dtype, "name") else over.dtype).kind in "iu"
    return tf.math.floordiv(over, under) if whole else tf.divide(over, under)


def _clipped(node: Node, x: Any, low: Any = None, high: Any = None) -> Any:
    tf = tensorflow()
    low, high = (node.get(name, None) if told is None else told for name, told in (("min", low), ("max", high)))
    x = x if low is None else tf.maximum(x, tf.cast(low, x.dtype))
    return x if high is None else tf.minimum(x, tf.cast(high, x.dtype))


def _softmax(node: Node, x: Any) -> Any:
    tf = tensorflow()
    made = tf.nn.softmax if node.kind == "Softmax" else tf.nn.log_softmax
    if node.opset >= 13:
        return made(x, node.get("axis", -1))
    if node.get("axis", 1) % x.shape.rank != x.shape.rank - 1:
        raise UntranslatedError(f"{node.kind} over several axes")
    return made(x, -1)


def _gemm(node: Node, a: Any, b: Any, c: Any = None) -> Any:
    tf = tensorflow()
    found = tf.matmul(a, b, bool(node.get("transA", 0)), bool(node.get("transB", 0))) * node.get("alpha", 1.0)
    return found if c is None else found + c * np.float32(node.get("beta", 1.0))


def _normalised_batch(node: Node, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    if node.get("training_mode", 0):
        raise UntranslatedError("BatchNormalization that trains")
    channels = [-1, *[1] * (x.shape.rank - 2)]
    factor = scale / np.sqrt(variance + np.float32(node.get("epsilon", 1e-5)))
    return x * factor.reshape(channels) + (bias - mean * factor).reshape(channels)


def _standardised(x: Any, axes: list[int], epsilon: float) -> Any:
    tf = tensorflow()
    mean = tf.reduce_mean(x, axes, keepdims=True)
    return (x - mean) * tf.math.rsqrt(tf.reduce_mean(tf.square(x - mean), axes, keepdims=True) + epsilon)


def _normalised_instance(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    channels = [-1, *[1] * (x.shape.rank - 2)]
    made = _standardised(x, list(range(2, x.shape.rank)), node.get("epsilon", 1e-5))
    return made * scale.reshape(channels) + bias.reshape(channels)


def _normalised_group(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    tf, groups = tensorflow(), node.attributes["num_groups"]
    sizes = tuple(x.shape[1:])
    parts = tf.reshape(x, (-1, groups, sizes[0] // groups, *sizes[1:]))
    made = _standardised(parts, list(range(2, parts.shape.rank)), node.get("epsilon", 1e-5))
    if node.opset < 21:  # one number for each group
        scale, bias = (np.repeat(one, sizes[0] // groups) for one in (scale, bias))
    channels = [-1, *[1] * (len(sizes) - 1)]
    return tf.reshape(made, (-1, *sizes)) * scale.reshape(channels) + bias.reshape(channels)


def _normalised_layer(node: Node, x: Any, scale: Any, bias: Any = None) -> Any:
    first = node.get("axis", -1) % x.shape.rank
    made = _standardised(x, list(range(first, x.shape.rank)), node.get("epsilon", 1e-5)) * scale
    return made if bias is None else made + bias


def _normalised_local(node: Node, x: Any) -> Any:
    tf, size = tensorflow(), node.get("size", 1)
    if size % 2 == 0:
        raise UntranslatedError("LRN of an even size")
    bias, alpha, beta = node.get("bias", 1.0), node.get("alpha", 1e-4), node.get("beta", 0.75)
    made = tf.nn.local_response_normalization(tf.transpose(x, (0, 2, 3, 1)), size // 2, bias, alpha / size, beta)
    return tf.transpose(made, (0, 3, 1, 2))


def _reduced(name: str) -> Operator:
    def reducing(node: Node, x: Any, axes: Any = None) -> Any:
        over = node.told("axes", axes)
        if not over and node.get("noop_with_empty_axes", 0):
            return x
        return operator.attrgetter(name)(tensorflow())(x, over or None, keepdims=bool(node.get("keepdims", 1)))

    return reducing


def _global(name: str) -> Operator:
    return lambda _node, x: getattr(tensorflow(), name)(x, list(range(2, x.shape.rank)), keepdims=True)


def _reshaped(node: Node, x: Any, shape: Any) -> Any:
    if node.made is not None:
        return tensorflow().reshape(x, [max(size, -1) for size in node.made])
    sizes = node.constant(shape)
    if not node.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return tensorflow().reshape(x, sizes)


def _shape(node: Node, x: Any) -> Any:
    sizes = [MANY if size is None else int(size) for size in x.shape]
    return np.array(sizes[node.get("start", 0) : node.get("end", len(sizes))], np.int64)


def _flattened(node: Node, x: Any) -> Any:
    axis = node.get("axis", 1)
    return tensorflow().reshape(x, (-1, prod(x.shape[axis:])) if axis else (1, -1))


def _squeezed(node: Node, x: Any, axes: Any = None) -> Any:
    return tensorflow().squeeze(x, node.told("axes", axes))


def _unsqueezed(node: Node, x: Any, axes: Any = None) -> Any:
    tf, wanted = tensorflow(), node.told("axes", axes) or []
    rank = len(x.shape) + len(wanted)
    return reduce(tf.expand_dims, sorted(axis % rank for axis in wanted), x)


def _joined(node: Node, *given: Any) -> Any:
    tf, axis = tensorflow(), node.attributes["axis"]
    if node.made is not None and node.made[0] < 0 and axis % len(node.made):
        # Written for one image at a time, a graph has what is joined to each of them once.
        alone = [isinstance(part, np.ndarray) and part.shape[0] == 1 for part in given]
        given = tuple(tf.repeat(x, node.count, 0) if one else x for x, one in zip(given, alone, strict=True))
    return tf.concat(given, axis)


def _split(node: Node, x: Any, sizes: Any = None) -> Any:
    axis, told = node.get("axis", 0), node.told("split", sizes)
    if told is None:
        length, most = x.shape[axis], -(-x.shape[axis] // node.outputs)
        told = [min(most, length - most * i) for i in range(node.outputs)]
    return list(tensorflow().split(x, told, axis))


def _slice(node: Node, x: Any, *given: Any) -> Any:
    named = ("starts", "ends", "axes", "steps")
    starts, ends, axes, steps = (
        node.told(name, one) for name, one in zip(named, (*given, *[None] * (4 - len(given))), strict=True)
    )
    parts = [slice(None)] * len(x.shape)
    for i, axis in enumerate(axes or range(len(starts or []))):
        # What reaches beyond any tensor is what there is.
        begin, end = (None if abs(bounds[i]) >= 2**31 - 1 else bounds[i] for bounds in (starts or [], ends or []))
        parts[axis] = slice(begin, end, steps[i] if steps else 1)
    return x[tuple(parts)]


def _gathered(node: Node, x: Any, at: Any) -> Any:
    axis = node.get("axis", 0)
    length = x.shape[axis]
    if length is not None:
        at = at % length
    return tensorflow().gather(x, at, axis=axis)


def _cast(node: Node, x: Any) -> Any:
    import onnx

    return tensorflow().cast(x, onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]))


def _constant(node: Node) -> Any:
    ((name, value),) = node.attributes.items()
    if name not in ("value", "value_int", "value_ints", "value_float", "value_floats"):
        raise UntranslatedError(f"Constant with {name}")
    return value if name == "value" else np.array(value, np.int64 if "int" in name else np.float32)


def _filled(node: Node, shape: Any) -> Any:
    return tensorflow().fill(node.sizes(shape), node.get("value", np.zeros(1, np.float32)).reshape(()))


def _expanded(node: Node, x: Any, shape: Any) -> Any:
    tf = tensorflow()
    sizes = node.sizes(shape)
    return tf.broadcast_to(x, sizes if node.made is not None else np.broadcast_shapes(x.shape, sizes))


def _padded(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    tf, told, mode = tensorflow(), node.told("pads", pads) or [], node.get("mode", b"constant").decode()
    if mode not in ("constant", "reflect") or min(told) < 0:
        raise UntranslatedError(f"Pad of the mode {mode}, or of less than nothing")
    each = [(0, 0)] * len(x.shape)
    for i, axis in enumerate(node.told("axes", axes, range(len(each))) or []):
        each[axis] = (told[i], told[i + len(told) // 2])
    fill = node.get("value", 0.0) if value is None else node.constant(value)[0]
    return tf.pad(x, each, mode.upper(), fill)


def _resized(node: Node, x: Any, region: Any = None, scales: Any = None, sizes: Any = None) -> Any:
    """`Resize` and `Upsample` to a whole multiple, each pixel repeated, as those that give features back do."""
    if node.kind == "Upsample":
        scales = region if region is not None else np.array(node.get("scales", []))
    wanted = node.constant(scales) if scales is not None and np.size(scales) else []
    if sizes is not None:
        wanted = [1, 1, *(size / own for size, own in zip(node.constant(sizes)[2:], x.shape[2:], strict=True))]
    nearest = node.get("mode", b"nearest") == b"nearest"
    whole = len(wanted) == 4 and wanted[:2] == [1, 1] and all(float(one).is_integer() and one >= 1 for one in wanted)
    if not (nearest and whole):
        raise UntranslatedError(f"{node.kind} of the mode {node.get('mode', b'nearest').decode()} by {wanted}")
    tf = tensorflow()
    return tf.repeat(tf.repeat(x, int(wanted[2]), 2), int(wanted[3]), 3)


OPERATORS: Mapping[str, Operator] = {
    "Abs": _named("abs"),
    "Add": _named("add"),
    "And": _named("logical_and"),
    "AveragePool": average_pool,
    "BatchNormalization": _normalised_batch,
    "Cast": _cast,
    "Ceil": _named("math.ceil"),
    "Clip": _clipped,
    "Concat": _joined,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Conv": convolution,
    "ConvTranspose": turned_convolution,
    "Cos": _named("cos"),
    "Div": _divided,
    "Dropout": _formula(lambda _tf, _node, x, *_: x),
    "Einsum": _formula(lambda tf, node, *given: tf.einsum(node.attributes["equation"].decode(), *given)),
    "Elu": _formula(lambda tf, node, x: tf.where(x > 0, x, node.get("alpha", 1.0) * tf.math.expm1(tf.minimum(x, 0.0)))),
    "Equal": _named("equal"),
    "Erf": _named("math.erf"),
    "Exp": _named("exp"),
    "Expand": _expanded,
    "Flatten": _flattened,
    "Floor": _named("floor"),
    "Gather": _gathered,
    "Gelu": _formula(lambda tf, node, x: tf.nn.gelu(x, node.get("approximate", b"none") == b"tanh")),
    "Gemm": _gemm,
    "GlobalAveragePool": _global("reduce_mean"),
    "GlobalMaxPool": _global("reduce_max"),
    "Greater": _named("greater"),
    "GroupNormalization": _normalised_group,
    "HardSigmoid": _formula(
        lambda tf, node, x: tf.clip_by_value(node.get("alpha", 0.2) * x + node.get("beta", 0.5), 0.0, 1.0)
    ),
    "HardSwish": _formula(lambda tf, _node, x: x * tf.clip_by_value(x / 6 + 0.5, 0.0, 1.0)),
    "Identity": _formula(lambda _tf, _node, x: x),
    "InstanceNormalization": _normalised_instance,
    "LRN": _normalised_local,
    "LayerNormalization": _normalised_layer,
    "LeakyRelu": _formula(lambda tf, node, x: tf.nn.leaky_relu(x, node.get("alpha", 0.01))),
    "Less": _named("less"),
    "Log": _named("math.log"),
    "LogSoftmax": _softmax,
    "MatMul": _named("matmul"),
    "Max": _folded("maximum"),
    "MaxPool": max_pool,
    "Mean": _formula(lambda tf, _node, *given: reduce(tf.add, given) / len(given)),
    "Min": _folded("minimum"),
    "Mish": _formula(lambda tf, _node, x: x * tf.tanh(tf.math.softplus(x))),
    "Mul": _named("multiply"),
    "Neg": _named("negative"),
    "Not": _named("logical_not"),
    "Or": _named("logical_or"),
    "PRelu": _formula(lambda tf, _node, x, slope: tf.maximum(x, 0.0) + slope * tf.minimum(x, 0.0)),
    "Pad": _padded,
    "Pow": _formula(lambda tf, _node, x, y: tf.pow(x, tf.cast(y, x.dtype))),
    "Reciprocal": _named("math.reciprocal"),
    "ReduceL2": _reduced("math.reduce_euclidean_norm"),
    "ReduceMax": _reduced("reduce_max"),
    "ReduceMean": _reduced("reduce_mean"),
    "ReduceMin": _reduced("reduce_min"),
    "ReduceProd": _reduced("reduce_prod"),
    "ReduceSum": _reduced("reduce_sum"),
    "Relu": _named("nn.relu"),
    "Reshape": _reshaped,
    "Resize": _resized,
    "Round": _named("round"),
    "Selu": _formula(
        lambda tf, node, x: (
            node.get("gamma", 1.0507009873554805)
            * tf.where(x > 0, x, node.get("alpha", 1.6732632423543772) * tf.math.expm1(tf.minimum(x, 0.0)))
        )
    ),
    "Shape": _shape,
    "Sigmoid": _named("sigmoid"),
    "Sign": _named("sign"),
    "Sin": _named("sin"),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _named("math.softplus"),
    "Softsign": _named("nn.softsign"),
    "Split": _split,
    "Sqrt": _named("sqrt"),
    "Squeeze": _squeezed,
    "Sub": _named("subtract"),
    "Sum": _folded("add"),
    "Tanh": _named("tanh"),
    "Tile": _formula(lambda tf, node, x, times: tf.tile(x, node.constant(times))),
    "Transpose": _formula(lambda tf, node, x: tf.transpose(x, node.get("perm", None))),
    "Unsqueeze": _unsqueezed,
    "Upsample": _resized,
    "Where": _named("where"),
}
