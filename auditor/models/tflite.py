"""A TensorFlow Lite model: a `.tflite` file, as it runs on a phone.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Conversion rounds, fuses and often quantises: what is deployed isn't what was trained.

How to read it
    It gives no gradients. Attacks that need none (`square`, `hopskipjump`, `pointwise`, …) and `accuracy` work;
    what others find on the original network can be taken to it by `transfer`. Its input and output have to be
    float32, which a quantised model can have too. A fixed batch of 1 is run image by image. The interpreter
    knows built-in operations only, and none of them touches files; but a damaged or hostile file may crash it.

References
    Google, "LiteRT inference with the Interpreter API".
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from auditor.classifiers import ModelParameters, classifier, file_at, image_shape, needed, of_rank, opaque
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


def load(params: Params) -> Classifier:
    """Open the model; raise ModelError if it can't be opened or isn't a classifier."""
    runtime = needed("ai_edge_litert.interpreter", "tflite")
    path = str(file_at(params.path))
    try:
        with silenced():  # it says which delegate it creates
            interpreter = runtime.Interpreter(path)
            interpreter.allocate_tensors()
    except Exception as error:  # the interpreter raises ValueError or RuntimeError for all that is wrong
        raise ModelError(f"{path} can't be opened as a TensorFlow Lite model: {reason(error)}") from error
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for what, tensors in (("input", inputs), ("output", outputs)):
        if len(tensors) != 1 or tensors[0]["dtype"] is not np.float32:
            found = ", ".join(f"{tensor['name']}: {np.dtype(tensor['dtype'])}" for tensor in tensors)
            raise ModelError(f"{path}: one {what} of float32 is needed, this has {found or 'none'}")
    declared = inputs[0]["shape_signature"]
    shape = image_shape([int(size) for size in declared], path)
    run = _Runner(interpreter, inputs[0]["index"], outputs[0]["index"], int(declared[0]), len(declared), Lock())
    find = partial(stateful_operations, Path(path).read_bytes())
    return classifier(path, params.output, shape, opaque(run), own=run, find_stateful=find)


@dataclass(frozen=True, eq=False)
class _Runner:
    """Runs the interpreter, which keeps its tensors between calls and so serves one caller at a time.

    source, target: numbers of the input and output tensor. batch: how many images it takes, or -1. rank: of what it
    takes.
    """

    interpreter: Any
    source: int
    target: int
    batch: int
    rank: int
    lock: Lock

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        images = of_rank(images, self.rank)
        with self.lock:
            if self.batch == 1:
                return np.concatenate([self._invoked(images[i : i + 1]) for i in range(len(images))])
            if tuple(self.interpreter.get_input_details()[0]["shape"]) != images.shape:
                self.interpreter.resize_tensor_input(self.source, images.shape)
                self.interpreter.allocate_tensors()
            return self._invoked(images)

    def _invoked(self, images: FloatArray) -> FloatArray:
        self.interpreter.set_tensor(self.source, images)
        self.interpreter.invoke()
        found: FloatArray = self.interpreter.get_tensor(self.target)
        return found
