"""A TensorFlow 1 checkpoint: a `.meta` graph beside its `.index` and `.data` files.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Many published networks exist in no other form. A graph has no layers to ask, only tensors with names, and
    switches such as `keep_prob` that must be set as for deployment: dropout left on makes a network look robust.

How to read it
    The variables are restored and frozen into the part of the graph that `logits` needs. A placeholder among it
    that is given neither images nor a value in `constants` is an error. Where `output` is `probabilities` and
    the named tensor is a softmax, what goes into that is taken. Layers are named by the tensors that hold the
    convolutions' activations, such as `h_conv1:0`, and answer to their variables' names too, such as `W_conv1:0`.
    A graph is a program: it could read and write files as whoever runs the audit, which is why operations that do are
    looked for first. It holds no Python code, and none is run. Open only what you trust.

References
    TensorFlow, `tf.compat.v1.train.import_meta_graph` and `tf.compat.v1.train.Saver`.
    TensorFlow, "Using TensorFlow securely".
"""

from glob import escape
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from auditor.classifiers import Constants, ImageShape, ModelParameters, chosen, file_at, graph_classifier, image_shape
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, FloatArray, ModelError, Output


class Params(ModelParameters):
    """Where the checkpoint is, which tensors of its graph matter, and what they hold."""

    path: FilePath
    """The `.meta` file, or what its name begins with (`model.ckpt`); the `.index` and `.data` files lie beside it."""
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

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """The graph, the index and every shard of the data; nothing where there is no graph."""
        meta = _meta(path)
        beside = (meta.parent.glob(f"{escape(meta.stem)}.{ending}") for ending in ("index", "data-*"))
        return (meta, *sorted(file for found in beside for file in found)) if meta.is_file() else ()


def load(params: Params) -> Classifier:
    """Restore and freeze the graph; raise ModelError if it can't be opened or isn't a classifier."""
    tf = tensorflow()
    meta = file_at(str(_meta(Path(params.path))))
    path = str(meta)
    if meta.suffix != ".meta":
        raise ModelError(f"{path} is no `.meta` file; name that one, the others are found beside it")
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)  # left open, to be asked for the checkpoint's own answers
    with graph.as_default():
        try:
            tf.compat.v1.train.import_meta_graph(path, clear_devices=True).restore(session, path[: -len(".meta")])
        except Exception as error:  # protobuf, tensor bundles and operations all have their own errors
            message = f"{path} can't be opened as a TensorFlow 1 checkpoint: {reason(error)}"
            raise ModelError(message) from error
        entry, end = _tensor(graph, params.input, "input", path), _tensor(graph, params.logits, "logits", path)
        others = {_tensor(graph, name, "constant", path): value for name, value in params.constants.items()}
        constants = {tensor.name: _fitting(tensor, value, path) for tensor, value in others.items()}
        _check_fed(entry, end, list(others), path)
        shape, flat = _shape(entry, params.reshape, path)
        try:
            freeze = tf.compat.v1.graph_util.convert_variables_to_constants
            frozen = freeze(session, graph.as_graph_def(), [end.op.name])
        except Exception as error:
            raise ModelError(f"{path}: {end.name} can't be frozen: {reason(error)}") from error

    def own(images: FloatArray) -> Any:
        given = images.reshape(len(images), -1) if flat else images
        return session.run(end, {entry: given, **{graph.get_tensor_by_name(n): v for n, v in constants.items()}})

    return graph_classifier(frozen, entry.name, end.name, shape, path, params.output, flat, constants, own)


def _meta(path: Path) -> Path:
    """The `.meta` file that a path names: itself, or what its name begins with."""
    return path if path.suffix == ".meta" or path.exists() else path.with_name(f"{path.name}.meta")


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


def _shape(entry: Any, reshape: list[int] | None, path: str) -> tuple[tuple[int, int, int], bool]:
    """(H, W, C) of one image, and whether the graph takes it as a row of numbers."""
    if entry.dtype != "float32":
        raise ModelError(f"{path}: {entry.name} takes {entry.dtype.name}; only float32 can be attacked")
    given = tuple(entry.shape) if entry.shape.rank else ()
    if len(given) == 4:
        return image_shape(given, path), False
    if reshape is None:
        if len(given) == 2 and given[1]:
            return image_shape(given, path), True
        message = f"{path}: {entry.name} takes the shape {entry.shape}"
        raise ModelError(f"{message}; write the images' in `reshape: [H, W, C]`")
    if not entry.shape.is_compatible_with((None, prod(reshape))):
        raise ModelError(f"{path}: {entry.name} takes the shape {entry.shape}; `reshape` makes (None, {prod(reshape)})")
    height, width, channels = reshape
    return (height, width, channels), True
