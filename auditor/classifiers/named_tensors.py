"""Graphs of TensorFlow 1 whose tensors a spec names: what `tf1_checkpoint` and `frozen_graph` have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from pydantic import Field

from auditor.classifiers.blocks import check_any_number
from auditor.classifiers.common import Constants, ImageShape
from auditor.classifiers.graph import graph_classifier
from auditor.classifiers.inputs import image_shape, of_rank
from auditor.classifiers.opening import chosen
from auditor.classifiers.preprocessing import ModelParameters
from auditor.classifiers.whole_numbers import as_kind, check_kind
from auditor.values import Classifier, FloatArray, ModelError, Output


class GraphParameters(ModelParameters):
    """Which tensors of a graph matter, and what they hold."""

    output: Output
    """What the tensor `logits` holds: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    input: str
    """The placeholder that takes the images, such as `x`."""
    logits: str
    """The tensor to take, such as `y_conv`."""
    constants: Constants = Field(default_factory=dict)
    """What to feed to other placeholders, by name, such as `keep_prob: 1.0`."""
    reshape: ImageShape | None = None
    """Height, width and channels of an image, where the placeholder takes rows of numbers: `[28, 28, 1]`. Without it,
    `preprocessing: {layout: flat}` makes the rows."""


@dataclass(frozen=True, eq=False)
class Placed:
    """What parameters name in a graph. shape: (H, W, C) of one image. rank: of what the graph takes."""

    entry: Any
    end: Any
    constants: Mapping[str, Any]
    shape: tuple[int, int, int]
    rank: int

    def classifier(self, frozen: Any, session: Any, path: str, output: Output) -> Classifier:
        """Make a classifier of the graph without variables; session: runs the checkpoint's own, for its own answers."""

        kind = self.entry.dtype.name

        def own(images: FloatArray) -> Any:
            given = as_kind(of_rank(images, self.rank), kind)
            others = {session.graph.get_tensor_by_name(name): value for name, value in self.constants.items()}
            return session.run(self.end, {self.entry: given, **others})

        ends = self.entry.name, self.end.name
        return graph_classifier(frozen, *ends, self.shape, path, output, self.rank, self.constants, own, kind)


def placed(graph: Any, params: GraphParameters, path: str) -> Placed:
    """Find what parameters name; raise ModelError for what isn't there, doesn't fit, or is left without a value."""
    entry, end = _tensor(graph, params.input, "input", path), _tensor(graph, params.logits, "logits", path)
    others = {_tensor(graph, name, "constant", path): value for name, value in params.constants.items()}
    constants = {tensor.name: _fitting(tensor, value, path) for tensor, value in others.items()}
    _check_fed(entry, end, list(others), path)
    shape, rank = _shape(entry, params.reshape, path)
    return Placed(entry, end, constants, shape, rank)


def _tensor(graph: Any, name: str, what: str, path: str) -> Any:
    """The tensor that `x` or `x:0` names."""
    known = {tensor.name: tensor for operation in graph.get_operations() for tensor in operation.outputs}
    return known[chosen(name if ":" in name else f"{name}:0", known, what, path)]


def _fitting(tensor: Any, value: bool | int | float, path: str) -> Any:
    """A constant in the type of the tensor it stands for."""
    if not tensor.shape.is_compatible_with(()):
        raise ModelError(f"{path}: `constants` holds single numbers, but {tensor.name} has the shape {tensor.shape}")
    return np.asarray(value, tensor.dtype.as_numpy_dtype)


def _check_fed(entry: Any, end: Any, constants: list[Any], path: str) -> None:
    """Refuse placeholders that would get no value, and values that nothing depends on."""
    fed = {tensor.op for tensor in (entry, *constants)}
    seen, left = set(), [end.op]
    while left:
        operation = left.pop()
        if operation not in seen:
            seen.add(operation)
            left += () if operation in fed else [tensor.op for tensor in operation.inputs]
    idle = [tensor.name for tensor in (entry, *constants) if tensor.op not in seen]
    if idle:
        raise ModelError(f"{path}: {end.name} doesn't depend on {', '.join(idle)}")
    unfed = sorted(operation.name for operation in seen - fed if operation.type == "Placeholder")
    if unfed:
        example = f"`constants: {{{unfed[0]}: 1.0}}`"
        raise ModelError(f"{path}: {end.name} also depends on {', '.join(unfed)}; give each a value, as in {example}")


def _shape(entry: Any, reshape: Sequence[int] | None, path: str) -> tuple[tuple[int, int, int], int]:
    """(H, W, C) of one image, and the rank of what the graph takes."""
    check_kind(entry.dtype.name, f"{path}: {entry.name}")
    given = tuple(entry.shape) if entry.shape.rank else ()
    check_any_number(given or (None,), f"{path}: {entry.name}")
    if len(given) == 4 or (reshape is None and len(given) in (2, 3) and all(given[1:])):
        return image_shape(given, path), len(given)
    if reshape is None:
        message = f"{path}: {entry.name} takes the shape {entry.shape}"
        raise ModelError(f"{message}; write the images' in `reshape: [H, W, C]`")
    if not entry.shape.is_compatible_with((None, prod(reshape))):
        raise ModelError(f"{path}: {entry.name} takes the shape {entry.shape}; `reshape` makes (None, {prod(reshape)})")
    height, width, channels = reshape
    return (height, width, channels), 2
