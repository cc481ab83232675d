"""A TensorFlow Lite model: a `.tflite` file, as it runs on a phone.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Conversion rounds, fuses and often quantises: what is deployed isn't what was trained.

How to read it
    It gives no gradients. Attacks that need none (`square`, `hopskipjump`, `pointwise`, …) and `accuracy` work;
    what others find on the original network can be taken to it by `transfer`. Where it takes or gives whole numbers,
    images are quantised by the step and the zero point that the file tells, to the nearest level, and scores brought
    back: give it what its original in floats was given. One that takes bytes without a step is given whole numbers. A
    fixed batch is run in blocks of so many, where an image's answer doesn't depend on the others in its block. The
    interpreter runs it by its own kernels, without delegates, whose rounding differs between machines. It knows built-
    in operations only, and none of them touches files; but a damaged or hostile file may crash it.

References
    Google, "LiteRT inference with the Interpreter API"; "LiteRT 8-bit quantization specification".
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers import (
    ModelParameters,
    as_kind,
    check_kind,
    chosen,
    classifier,
    file_at,
    image_shape,
    needed,
    of_rank,
    opaque,
    whole_range,
)
from auditor.classifiers.blocks import block_of, check_apart, in_blocks
from auditor.compute import silenced
from auditor.loading.scanning import stateful_operations
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, FloatArray, ModelError, Output

GIVES_GRADIENTS = False


class Params(ModelParameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `.tflite` file."""
    output: Output
    """What the model gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    output_name: str | None = None
    """The output to take, as the file's signature calls it, or its tensor; needed only where there are several."""


def load(params: Params) -> Classifier:
    """Open the model; raise ModelError if it can't be opened or isn't a classifier."""
    runtime = needed("ai_edge_litert.interpreter", "tflite")
    path = str(file_at(params.path))
    try:
        with silenced():
            plain = runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            interpreter = runtime.Interpreter(path, experimental_op_resolver_type=plain)
            interpreter.allocate_tensors()
    except Exception as error:  # the interpreter raises ValueError or RuntimeError for all that is wrong
        raise ModelError(f"{path} can't be opened as a TensorFlow Lite model: {reason(error)}") from error
    source = _end("input", _only_input(interpreter.get_input_details(), path), path)
    ends = _outputs(interpreter)
    shapes = {name: tensor["shape_signature"] for name, tensor in ends.items()}
    target = _end("output", ends[chosen(params.output_name, ends, "output_name", path, shapes)], path)
    check_kind(source.kind, path)
    if target.kind != "float32" and (target.step is None or whole_range(target.kind) is None):
        raise ModelError(f"{path} gives {target.kind}, and no step that would make scores of them; export its scores")
    shape = image_shape(source.sizes, path)
    run = _Runner(interpreter, source, target, Lock())
    check_apart(run, block_of(source.sizes), shape, path)
    find = partial(stateful_operations, Path(path).read_bytes())
    whole = whole_range(source.kind, source.step or 1.0, source.zero)
    return classifier(path, params.output, shape, opaque(run), own=run, find_stateful=find, whole=whole)


@dataclass(frozen=True)
class _End:
    """An input or output. number: its tensor's. sizes: with the batch; -1 is any. step, zero: what a whole number q
    stands for, step · (q - zero); None where it is just a number.
    """

    number: int
    kind: str
    sizes: tuple[int, ...]
    step: float | None
    zero: int


def _only_input(tensors: Any, path: str) -> Any:
    if len(tensors) != 1:
        found = ", ".join(f"{tensor['name']}: {np.dtype(tensor['dtype'])}" for tensor in tensors)
        raise ModelError(f"{path}: one input is needed, this has {found or 'none'}")
    return tensors[0]


def _outputs(interpreter: Any) -> dict[str, Any]:
    """The outputs by the names of the file's only signature, where it has one, or else of their tensors."""
    tensors = interpreter.get_output_details()
    signatures = list(interpreter.get_signature_list())
    named = interpreter.get_signature_runner(signatures[0]).get_output_details() if len(signatures) == 1 else {}
    if {one["index"] for one in named.values()} == {one["index"] for one in tensors}:
        return dict(named)
    return {str(one["name"]): one for one in tensors}


def _end(what: str, tensor: Any, path: str) -> _End:
    step, zero = tensor["quantization"]
    if len(tensor["quantization_parameters"]["scales"]) > 1:
        raise ModelError(f"{path}: its {what} has several steps of quantisation; one for all values is needed")
    sizes = tuple(int(size) for size in tensor["shape_signature"])
    return _End(tensor["index"], str(np.dtype(tensor["dtype"])), sizes, float(step) or None, int(zero))


@dataclass(frozen=True, eq=False)
class _Runner:
    """Runs the interpreter, which keeps its tensors between calls and so serves one caller at a time."""

    interpreter: Any
    source: _End
    target: _End
    lock: Lock

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        ranked = of_rank(images, len(self.source.sizes))
        given = as_kind(ranked, self.source.kind, self.source.step or 1.0, self.source.zero)
        with self.lock:
            if block_of(self.source.sizes):
                return in_blocks(self._invoked, given, block_of(self.source.sizes))
            if tuple(self.interpreter.get_input_details()[0]["shape"]) != given.shape:
                self.interpreter.resize_tensor_input(self.source.number, given.shape)
                self.interpreter.allocate_tensors()
            return self._invoked(given)

    def _invoked(self, given: NDArray[Any]) -> FloatArray:
        self.interpreter.set_tensor(self.source.number, given)
        self.interpreter.invoke()
        found: FloatArray = self.interpreter.get_tensor(self.target.number).astype(np.float32)
        return found if self.target.kind == "float32" else (found - self.target.zero) * np.float32(self.target.step)
