"""A Keras 3 checkpoint: a `.keras` file, or a legacy `.h5` file.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Attacks need logits: the gradient of a saturated float32 softmax is exactly zero. A softmax at the end
    is taken off where it can be seen, and inverted through the logarithm where it can't.

How to read it
    `output` says what the file's own last layer gives. It is tried on real images: `probabilities` whose
    rows don't sum to 1, and `logits` whose rows all do, are refused. Files are opened in Keras's safe mode,
    which runs no code from them; with `--audit-allow-code` they aren't, and Lambda layers work.

References
    Keras, "Whole model saving & loading".
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017 (why logits).
"""

from auditor.classifiers import ModelParameters, file_at, keras_classifier
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError, Output

PRECISIONS = ("bfloat16", "float16", "int8")


class Params(ModelParameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `.keras` or `.h5` file."""
    output: Output
    """What the last layer gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    output_name: str | None = None
    """The output to take, by its key or its layer; needed only where there are several."""


def load(params: Params) -> Classifier:
    """Open the checkpoint in safe mode; raise ModelError if it can't be opened or isn't a classifier."""
    return _load(params, safe_mode=True)


def load_with_code(params: Params) -> Classifier:
    """Open the checkpoint and run the code of its Lambda layers; raise ModelError as `load` does."""
    return _load(params, safe_mode=False)


def _load(params: Params, safe_mode: bool) -> Classifier:
    tensorflow()
    import keras

    path = str(file_at(params.path))
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=safe_mode)
    except Exception as error:  # h5py, zipfile, JSON and every layer's own errors: all mean the same here
        raise ModelError(f"{path} can't be opened as a Keras checkpoint: {reason(error)}") from error
    return keras_classifier(model, path, params.output, params.output_name)
