"""A TensorFlow SavedModel: a folder written by `model.export` of Keras or by `tf.saved_model.save`.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    This is the form in which TensorFlow models are served: audited as exported, not as trained.

How to read it
    The weights of one signature are frozen into its graph. A softmax at the end is taken off where `output` says
    there is one and it can be seen, and inverted through the logarithm where not. Layers are named by the tensors
    that hold the convolutions' activations. Gradients are the graph's true ones: custom gradients, such as
    straight-through estimators, are left out. A SavedModel is a program: opening it runs its initialisers, and
    its graph could read and write files as whoever runs the audit, which is why operations that do are looked for
    first. It holds no Python code, and none is run. Open only what you trust.

References
    TensorFlow, "Using the SavedModel format"; "Using TensorFlow securely".
    Keras, "ExportArchive".
"""

from pathlib import Path
from typing import Any

from pydantic import Field

from auditor.classifiers import (
    Constants,
    ModelParameters,
    Size,
    as_kind,
    check_kind,
    chosen,
    closed,
    frozen,
    graph_classifier,
    image_shape,
    of_any_size,
    of_rank,
)
from auditor.classifiers.blocks import check_any_number
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, FloatArray, ModelError, Output


class Params(ModelParameters):
    """Where the checkpoint is, which of its functions to call, and what that gives."""

    path: FilePath
    """The folder that holds `saved_model.pb`."""
    output: Output
    """What the signature gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    signature: str = "serving_default"
    """The signature to call."""
    input_name: str | None = None
    """The input that takes the images; needed only where there are several."""
    output_name: str | None = None
    """The output to take; needed only where there are several."""
    constants: Constants = Field(default_factory=dict)
    """What to feed to the other inputs, by name, such as `training: false`."""


def load(params: Params) -> Classifier:
    """Open the SavedModel and freeze a signature; raise ModelError if it can't be opened or isn't a classifier."""
    tf = tensorflow()
    path = params.path
    if not (Path(path) / "saved_model.pb").is_file():
        raise ModelError(f"{path} can't be opened as a SavedModel: it is no folder with a file saved_model.pb")
    try:
        saved = tf.saved_model.load(path)
    except Exception as error:  # protobuf, tensor bundles and operations all have their own errors
        raise ModelError(f"{path} can't be opened as a SavedModel: {reason(error)}") from error
    signature = chosen(params.signature, saved.signatures.keys(), "signature", path)
    function = saved.signatures[signature]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    for name in params.constants:
        chosen(name, inputs, "input", path)
    free = {name: _shape(inputs[name]) for name in sorted(inputs.keys() - params.constants.keys())}
    images = chosen(params.input_name, free, "input_name", path, free)
    result = chosen(
        params.output_name, outputs, "output_name", path, {name: _shape(end) for name, end in outputs.items()}
    )
    unfed = sorted(inputs.keys() - params.constants.keys() - {images})
    if unfed:
        raise ModelError(f"{path} also takes {', '.join(unfed)}; give each a value in `constants`")
    taken = inputs[images]
    kind, sizes = taken.dtype.name, list(taken.shape) if taken.shape.rank else []
    check_kind(kind, path)
    check_any_number(sizes or [None], path)

    def call(given: object) -> Any:
        fed = {name: tf.constant(value, inputs[name].dtype) for name, value in params.constants.items()}
        return saved.signatures[signature](**{images: given}, **fed)[result]

    try:
        graph, entry, end = frozen(call, sizes[1:], taken.dtype)
    except Exception as error:  # wrong constants, variables that change, and whatever the graph does
        raise ModelError(f"{path}: signature {params.signature!r} can't be frozen: {reason(error)}") from error

    def own(given: FloatArray) -> Any:
        return call(tf.constant(as_kind(of_rank(given, len(sizes)), kind)))

    def of_size(size: Size) -> Classifier:
        shape = image_shape(closed(sizes, size), path)
        return graph_classifier(graph, entry, end, shape, path, params.output, len(sizes), own=own, kind=kind)

    return of_any_size(of_size, sizes)


def _shape(tensor: Any) -> list[int | None] | None:
    """The sizes of a tensor, where it says how many it has."""
    return None if tensor.shape.rank is None else tensor.shape.as_list()
