"""A twin of an ONNX graph in TensorFlow, which gives the gradients that the runtime doesn't.

The runtime answers, always: of the twin nothing is taken but how answers change with an image, and that only while it
answers as the runtime does, on images that are tried at first and on each whose gradient is asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auditor.classifiers.common import opaque
from auditor.classifiers.onnx_node import Node, UntranslatedError
from auditor.classifiers.onnx_operators import OPERATORS
from auditor.compute import tensorflow, uniform
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import FloatArray, ModelError, Output, Tensor

_APART = 1e-3  # of the range of all answers: more than rounding makes
_OWN = ("", "ai.onnx")
_ENDINGS: Mapping[Output, str] = {"probabilities": "Softmax", "sigmoid": "Sigmoid"}
# What computes in whole numbers, of ONNX and of onnxruntime's own.
_QUANTISED = {
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearConv",
    "QLinearGlobalAveragePool",
    "QLinearMatMul",
    "QLinearMul",
    "QLinearSigmoid",
    "QuantizeLinear",
}
_ORIGINAL = "the network in floats that it was made from can lend its own, by `gradients`"
# What leaves numbers and their order as they are, and at most writes them in another shape.
_SAME_NUMBERS = ("Flatten", "Identity", "Reshape", "Squeeze")
Answers = Callable[[FloatArray], FloatArray]
Sizes = Mapping[str, tuple[int, ...]]
Twin = Callable[[Tensor], Tensor]


def untranslated(operators: Mapping[str, str]) -> str:
    """Which operators, each with its domain, no twin can have, or nothing."""
    unknown = sorted(name for name, domain in operators.items() if domain not in _OWN or name not in OPERATORS)
    if not unknown:
        return ""
    rounding = sorted(set(unknown) & _QUANTISED)
    shown = rounding or unknown
    told = f"the operator{'s' if shown[1:] else ''} {listed(shown, 5)}"
    if rounding:
        return f"it is quantised: {told} round{'' if shown[1:] else 's'} to whole numbers; {_ORIGINAL}"
    return f"{told} can't be differentiated here"


@dataclass(frozen=True, eq=False)
class Graph:
    """What a file computes: its nodes in order, with the names of what each takes and gives, and constants by name."""

    nodes: tuple[tuple[Node, tuple[str, ...], tuple[str, ...]], ...]
    constants: Mapping[str, Any]
    source: str

    def ending(self, target: str, output: Output) -> str | None:
        """The name of what goes into the softmax or sigmoid that gives the output `target`; None where none does."""
        made = {name: (node, given) for node, given, gives in self.nodes for name in gives}
        while target in made and made[target][0].kind in _SAME_NUMBERS:
            target = made[target][1][0]
        if target not in made or made[target][0].kind != _ENDINGS.get(output):
            return None
        node, given = made[target]
        return given[0] if node.get("axis", -1) in (-1, 1) else None

    def computed(self, given: Tensor, target: str, sizes: Sizes | None = None) -> Tensor:
        """What the graph gives of its input, by TensorFlow; raise UntranslatedError for what can't be.

        sizes: as `sizes` gives them, where the number of images is left open.
        """
        return self._values(given, target, sizes)[target]

    def sizes(self, image: FloatArray, target: str, block: int | None) -> Sizes:
        """The sizes of all tensors that `target` needs, found on an image (1, …) and on two of it.

        block: how many images at a time the graph is written for, if for a number; then that many are given, and the
        first size of each tensor is how many, or a multiple of it.
        """
        with _by_tensorflow():
            one = self._values(tensorflow().constant(image), target)
            if block:
                each = {name: tuple(value.shape) for name, value in one.items() if _is_tensor(value)}
                if any(shape and shape[0] % block for shape in each.values()):
                    raise UntranslatedError(f"it is written for {block} images at a time, in another order")
                return {name: (-(shape[0] // block), *shape[1:]) for name, shape in each.items() if shape}
            two = self._values(tensorflow().constant(np.repeat(image, 2, axis=0)), target)
        found = {}
        for name, value in one.items():
            # What is filled or repeated to the number of images is no constant either.
            if _is_tensor(value) or (value is not None and value.shape != two[name].shape):
                pairs = zip(value.shape, two[name].shape, strict=True)
                found[name] = tuple(single if single == double else -single for single, double in pairs)
        return found

    def _values(self, given: Tensor, target: str, sizes: Sizes | None = None) -> dict[str, Any]:
        tf = tensorflow()
        values: dict[str, Any] = {"": None, **self.constants, self.source: given}
        count = tf.shape(given)[0]
        for node, taken, gives in self._needed(target):
            inputs, function = [values[name] for name in taken], OPERATORS[node.kind]
            if sizes is not None and gives[0] in sizes:
                found = function(replace(node, count=count, made=sizes[gives[0]]), *inputs)
            else:
                with tf.init_scope():  # what depends on no image is computed at once
                    found = function(node, *inputs)
                if node.kind == "Shape" or not any(map(_is_tensor, inputs)):
                    found = [np.asarray(part) for part in (found if isinstance(found, list) else [found])]
            # Of optional outputs none but the first is given.
            for name, part in zip(gives, found if isinstance(found, list) else [found], strict=False):
                values[name] = part
                if sizes is not None and name in sizes:
                    part.set_shape([None if size < 0 else size for size in sizes[name]])
        return values

    def _needed(self, target: str) -> list[tuple[Node, tuple[str, ...], tuple[str, ...]]]:
        needed, found = {target}, []
        for node, taken, gives in reversed(self.nodes):
            if needed & set(gives):
                needed |= set(taken)
                found.append((node, taken, gives))
        return found[::-1]


def read_graph(content: bytes, source: str) -> Graph:
    """Read a file whose images go into `source`; raise UntranslatedError for what no twin can have."""
    try:
        import onnx
    except ImportError as error:
        told = "onnx can't be imported; install it with: pip install 'robustness-auditor[onnx]'"
        raise UntranslatedError(f"{told} ({reason(error)})") from error
    model = onnx.load_from_string(content)
    told = untranslated({node.op_type: node.domain for node in model.graph.node})
    if told:
        raise UntranslatedError(told)
    opset = next((one.version for one in model.opset_import if one.domain in _OWN), 1)
    nodes = []
    for node in model.graph.node:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        arrays = {
            name: onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
            for name, value in attributes.items()
        }
        made = Node(node.op_type, arrays, len(node.output), opset)
        nodes.append((made, tuple(node.input), tuple(node.output)))
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    return Graph(tuple(nodes), constants, source)


def giving(content: bytes, target: str) -> bytes:
    """The same file with one output, which is the tensor `target`."""
    import onnx

    model = onnx.load_from_string(content)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(target, onnx.TensorProto.FLOAT, None))
    whole: bytes = model.SerializeToString()
    return whole


def check_twin(own: Answers, twin: Twin, shape: tuple[int, int, int]) -> None:
    """Raise UntranslatedError where a twin can't be computed, has no gradient, or answers otherwise than `own`.

    Both take images (N, H, W, C) of a shape; some in boxes that networks take are tried.
    """
    tf = tensorflow()
    tried = uniform(0, "twin", 6, shape, (-1.0, 1.0)).astype(np.float32)
    tried[2:4] = (tried[2:4] + 1) / 2
    tried[4:] = (tried[4:] + 1) * 127.5
    with _by_tensorflow():
        answers, images = own(tried), tf.constant(tried)
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = twin(images)
        gradient = tape.gradient(value, images)
    if gradient is None:
        raise UntranslatedError("what it answers follows no gradient")
    told = _differing(np.asarray(value), answers)
    if told:
        raise UntranslatedError(f"TensorFlow gives other answers than onnxruntime: {told}")


def compiled(twin: Twin, shape: tuple[int, int, int]) -> Twin:
    """A twin that is traced once for any number of images of a shape."""
    tf = tensorflow()
    made: Twin = tf.function(twin, autograph=False, input_signature=[tf.TensorSpec((None, *shape), tf.float32)])
    return made


def differentiable(own: Answers, twin: Twin, path: str) -> Callable[[Tensor], Tensor]:
    """A function of tensors that answers as `own` does, and whose gradient is that of `twin`.

    A gradient asked for on images on which the two differ raises ModelError.
    """
    tf = tensorflow()

    def checked(upstream: FloatArray, value: FloatArray, answers: FloatArray) -> FloatArray:
        told = _differing(value, answers)
        if told:
            message = f"{path}: its gradient can't be relied on, as TensorFlow gives other answers than onnxruntime"
            raise ModelError(f"{message}: {told}. Take attacks that need none, such as `square`")
        return upstream

    def outputs(images: Tensor) -> Any:
        answers = opaque(own)(images)

        def pulled_back(upstream: Tensor) -> Tensor:
            with tf.GradientTape() as tape:
                tape.watch(images)
                value = twin(images)
            sure = tf.ensure_shape(opaque(checked)(upstream, value, answers), value.shape)
            return tape.gradient(value, images, sure)

        return answers, pulled_back

    found: Callable[[Tensor], Tensor] = tf.custom_gradient(outputs)
    return found


@contextmanager
def _by_tensorflow() -> Iterator[None]:
    """Raise UntranslatedError for whatever goes wrong."""
    try:
        yield
    except UntranslatedError:
        raise
    except Exception as error:  # every operation of TensorFlow has its own
        raise UntranslatedError(f"it can't be computed by TensorFlow: {reason(error)}") from error


def _is_tensor(value: Any) -> bool:
    return value is not None and not isinstance(value, np.ndarray)


def _differing(value: FloatArray, answers: FloatArray) -> str:
    """How far a twin's answers (N, K) are from the runtime's, as a share of their range; nothing where they agree."""
    if value.shape != answers.shape:
        return f"of shape {value.shape}, not {answers.shape}"
    wide, own = value.astype(np.float64), answers.astype(np.float64)
    apart = np.abs(wide - own).max() / max(np.ptp(own), np.abs(own).max(), 1e-30)
    return "" if apart <= _APART else f"they are {apart:.2g} of their range apart"
