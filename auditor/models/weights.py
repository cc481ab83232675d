"""A recipe and its weights: a Keras architecture as JSON (`model.to_json()`) and a `.weights.h5` file.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Training loops save weights alone, and the architecture lies in a file of its own. Only both together are a
    network, so the digests of both are kept.

How to read it
    `output` says what the last layer gives, as for `keras`, and a softmax at the end is taken off in the same way. The
    architecture may name nothing but what Keras itself brings: a `Lambda` layer or a class of somebody's own is
    refused, so no code is run from the files; with `--audit-allow-code` it isn't. Weights that don't fit the
    architecture are refused too.

References
    Keras, "Whole model saving & loading": `to_json` and `save_weights`.
"""

import json
from pathlib import Path

from auditor.classifiers import ModelParameters, file_at, keras_classifier
from auditor.classifiers.older_keras import foreign
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError, Output

_ENDING = ".weights.h5"
_TRAINING = {"optimizer", "metrics", "seed_generator"}  # groups of a file
PRECISIONS = ("bfloat16", "float16", "int8")


class Params(ModelParameters):
    """Where architecture and weights are, and what the network gives."""

    architecture: FilePath
    """The JSON file, as `model.to_json()` gives it."""
    path: FilePath
    """The `.weights.h5` file, as `model.save_weights` writes it."""
    output: Output
    """What the last layer gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    output_name: str | None = None
    """The output to take, by its key or its layer; needed only where there are several."""


def load(params: Params) -> Classifier:
    """Build the network and fill in its weights; raise ModelError if it can't be built or isn't a classifier."""
    return _load(params, safe_mode=True)


def load_with_code(params: Params) -> Classifier:
    """Build the network and run the code that its architecture names; raise ModelError as `load` does."""
    return _load(params, safe_mode=False)


def _load(params: Params, safe_mode: bool) -> Classifier:
    tensorflow()
    import keras

    recipe, weights = file_at(params.architecture), file_at(params.path)
    if not weights.name.endswith(_ENDING):
        raise ModelError(f"{weights} is no `{_ENDING}` file; write one with model.save_weights('model{_ENDING}')")
    try:
        config = json.loads(recipe.read_bytes())
        named = sorted(set(foreign(config))) if safe_mode else []
        if named:
            raise ModelError(f"{recipe} needs {', '.join(named)}; only Keras's own layers are built, and no Lambda")
        model = keras.saving.deserialize_keras_object(config, custom_objects={}, safe_mode=safe_mode)
        if not isinstance(model, keras.Model):
            raise ModelError(f"{recipe} describes no model but a {type(model).__name__}")
    except ModelError:
        raise
    except Exception as error:  # JSON, and every layer's own errors: all mean the same here
        raise ModelError(f"{recipe} can't be built as a Keras architecture: {reason(error)}") from error
    try:
        model.load_weights(weights)
        stored, used = _stored(weights), len(model.weights)
    except Exception as error:  # h5py's errors, and those of layers whose weights have other shapes
        raise ModelError(f"{weights} doesn't fit {recipe.name}: {reason(error)}") from error
    if stored > used:  # Keras leaves what it has no layer for, and says nothing
        raise ModelError(f"{weights} doesn't fit {recipe.name}: it holds {stored} arrays, {used} of them are used")
    return keras_classifier(model, str(weights), params.output, params.output_name)


def _stored(weights: Path) -> int:
    """How many arrays of layers a file holds, leaving aside what only training needs."""
    import h5py

    names: list[str] = []
    with h5py.File(weights, "r") as file:
        file.visititems(lambda name, part: names.append(name) if isinstance(part, h5py.Dataset) else None)
    return sum(not _TRAINING & set(name.split("/")) for name in names)
