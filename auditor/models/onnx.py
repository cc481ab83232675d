"""An ONNX model: one `.onnx` file, whatever framework it comes from.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    ONNX is how networks travel between frameworks, and how many are served.

How to read it
    onnxruntime answers, in every check and at every step of an attack. Gradients are those of a twin that computes the
    same operators in TensorFlow, as long as it answers as the runtime does: some images are tried when a model is
    opened, and all on which a gradient is asked for. A model with other operators, or that rounds, gives no gradients,
    and the record says why beside its logits; attacks that need none (`square`, `hopskipjump`, `pointwise`, …) work
    then too. A fixed batch is run in blocks of so many, where an image's answer doesn't depend on the others in its
    block. Weights in files beside it, in its folder, are part of the model; those elsewhere aren't read. ONNX's
    standard operators compute and touch no files; custom ones aren't loaded. A damaged or hostile file may crash the
    runtime. Where its metadata names the classes (`names`, `classes`, `class_names`, `labels` or `id2label`), data
    that has them in another order is refused.

References
    ONNX Runtime, "Python API"; ONNX, "External data".
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from auditor.classifiers import (
    Layout,
    Loaded,
    ModelParameters,
    Size,
    as_kind,
    check_kind,
    chosen,
    classifier,
    closed,
    file_at,
    image_shape,
    needed,
    of_any_size,
    of_rank,
    opaque,
    order_told,
    whole_range,
)
from auditor.classifiers.blocks import block_of, check_apart, in_blocks
from auditor.classifiers.onnx_node import UntranslatedError
from auditor.classifiers.onnx_twin import check_twin, compiled, differentiable, giving, read_graph, untranslated
from auditor.compute import operation_threads, tensorflow
from auditor.loading.class_names import Listing, with_names
from auditor.loading.external_data import data_files, of_one_piece
from auditor.loading.scanning import operators, opset, random_operations
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, FloatArray, ModelError, Output, Tensor

# Under what in its metadata those who write such files put the names of classes.
_NAMES = ("names", "classes", "class_names", "labels", "id2label")

# What the runtime says of operators, or of a format, that it doesn't know.
_OF_VERSIONS = re.compile(r"opset|IR[ _]version|registered|implementation", re.IGNORECASE)
_ROUNDED = "images are rounded to floats of 16 bits, which the model takes"


class Params(ModelParameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `.onnx` file; weights in files beside it are part of the model, as `torch.onnx.export` writes them."""
    output: Output
    """What the model gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    layout: Layout | None = None
    """The order of its input: channels first (`NCHW`, as from PyTorch) or last (`NHWC`, as from Keras). Left out, its
    shape and that of the samples tell; where all sizes are the same, it has to be said."""
    output_name: str | None = None
    """The output to take; needed only where there are several."""

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """The model and every file beside it that holds weights of it, as far as they are there."""
        return (path, *data_files(path)) if path.is_file() else super().files_at(path)


def load(params: Params) -> Classifier:
    """Open the model; raise ModelError if it can't be opened or isn't a classifier."""
    runtime = needed("onnxruntime", "onnx")
    path = file_at(params.path)
    content = of_one_piece(path)
    try:
        session = _session(runtime, content)
        # Names are decoded here, and a damaged one isn't text.
        inputs = [(part.name, part.type, part.shape) for part in session.get_inputs()]
        outputs = {part.name: part.shape for part in session.get_outputs()}
        told = session.get_modelmeta().custom_metadata_map
    except Exception as error:  # the runtime has an error class for every status code
        raise ModelError(
            f"{path} can't be opened as an ONNX model: {reason(error)}{_too_new(path, runtime, reason(error))}"
        ) from error
    if len(inputs) != 1:
        found = ", ".join(f"{name}: {kind}" for name, kind, _ in inputs)
        raise ModelError(f"{path}: one input that takes images is needed, this has {found or 'none'}")
    name, numbers, dimensions = inputs[0]
    kind = {"tensor(float)": "float32"}.get(numbers, numbers.removeprefix("tensor(").removesuffix(")"))
    if kind != "float16":
        check_kind(kind, str(path))
    target = chosen(params.output_name, outputs, "output_name", str(path), outputs)
    layout: Layout = "NHWC"
    if len(dimensions) == 4:
        layout = params.layout or order_told(dimensions, str(path))
    run = _Runner(session, name, target, layout, len(dimensions), block_of(dimensions), kind)
    find = partial(random_operations, content)

    def of_size(size: Size) -> Classifier:
        shape = image_shape(closed(dimensions, size, layout), str(path), layout)
        _check_blocks(run, shape, str(path))
        make = partial(classifier, str(path), params.output, shape, own=run, find_stateful=find)
        try:
            made = make(*_followed(runtime, content, run, shape, params.output, str(path)))
        except UntranslatedError as error:
            made = make(opaque(run), whole=whole_range(kind))
            if isinstance(made, Loaded):
                note = _ROUNDED if kind == "float16" else ""
                made = replace(made, logits_from=f"{made.logits_from}; no gradients: {error}", note=note)
        return with_names(made, [Listing(f"`{key}` in its metadata", told[key]) for key in _NAMES if key in told])

    return of_any_size(of_size, dimensions, layout)


def without_gradients(params: Params) -> str:
    """Why a model gives no gradient, as far as its operators tell; nothing where they don't, or can't be read."""
    try:
        return untranslated(operators(Path(params.path).read_bytes()))
    except (ValueError, OSError):
        return ""  # whoever opens it says what is wrong


def _session(runtime: Any, content: bytes) -> Any:
    """Open a model of its bytes: then no file can be part of it that no digest covers."""
    options = runtime.SessionOptions()
    # Blocks and batches share the cores, and what one gives doesn't depend on how many there are.
    options.intra_op_num_threads = options.inter_op_num_threads = operation_threads()
    options.log_severity_level = 4  # what goes wrong is raised; the log would say it twice
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _followed(
    runtime: Any, content: bytes, run: "_Runner", shape: tuple[int, int, int], output: Output, path: str
) -> tuple[Any, Any]:
    """Functions of tensors to outputs and, if a softmax or sigmoid could be taken off, to logits, that have gradients.

    Raises UntranslatedError where there are none.
    """
    if run.kind != "float32":
        raise UntranslatedError("it takes numbers of 16 bits" if run.kind == "float16" else "it takes whole numbers")
    graph = read_graph(content, run.source)
    before = graph.ending(run.target, output)
    sizes = graph.sizes(run.given(np.zeros((run.block or 1, *shape), np.float32)), run.target, run.block)

    def twin_of(target: str) -> Any:
        def twin(images: Tensor) -> Tensor:
            given = tensorflow().transpose(images, (0, 3, 1, 2)) if run.layout == "NCHW" else of_rank(images, run.rank)
            return graph.computed(given, target, sizes)

        return compiled(twin, shape)

    ends = [(run, twin_of(run.target))]
    if before:
        ends.append((replace(run, session=_session(runtime, giving(content, before)), target=before), twin_of(before)))
    check_twin(*ends[-1], shape)
    outputs, *logits = (differentiable(own, twin, path) for own, twin in ends)
    return outputs, logits[0] if logits else None


def _check_blocks(run: "_Runner", shape: tuple[int, int, int], path: str) -> None:
    try:
        check_apart(run, run.block, shape, path)
    except ModelError:
        raise
    except Exception as error:  # the runtime has an error class for every status code
        raise ModelError(f"{path} can't be run on {run.block} images of {times(shape)}: {reason(error)}") from error


@dataclass(frozen=True, eq=False)
class _Runner:
    """Runs a session, in its own layout, rank and kind of number and, if it takes so many at a time, block by block."""

    session: Any
    source: str
    target: str
    layout: Layout
    rank: int
    block: int | None
    kind: str

    def given(self, images: Any) -> Any:
        """Images (N, H, W, C) as the session takes them."""
        return images.transpose(0, 3, 1, 2) if self.layout == "NCHW" else of_rank(images, self.rank)

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        given = self.given(as_kind(images, self.kind))
        answers = in_blocks(lambda part: self.session.run([self.target], {self.source: part})[0], given, self.block)
        return answers.astype(np.float32) if answers.dtype == np.float16 else answers


def _too_new(path: Path, runtime: Any, why: str) -> str:
    """Which versions a model and what runs it are of, where the runtime says that it doesn't know such ones."""
    if not _OF_VERSIONS.search(why):
        return ""
    try:
        version = opset(path.read_bytes())
    except (ValueError, OSError):
        return ""
    known = f"; its operators are of opset {version}, and this is onnxruntime {runtime.__version__}"
    return f"{known}: a newer one, or onnx.version_converter, may help" if version else ""
