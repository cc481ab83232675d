"""A recipe and its weights: a Keras architecture as JSON (`model.to_json()`), and a `.weights.h5` file or a checkpoint.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Training loops save weights alone, and the architecture lies in a file of its own. Only both together are a
    network, so the digests of both are kept.

How to read it
    `output` says what the last layer gives, as for `keras`, and a softmax at the end is taken off in the same way. The
    architecture may name nothing but what Keras itself brings: a `Lambda` layer or a class of somebody's own is
    refused, so no code is run from the files; with `--audit-allow-code` it isn't. Weights that don't fit the
    architecture are refused too. Weights of Keras 2 and TF-Keras, and those in a checkpoint of TensorFlow 2
    (`tf.train.Checkpoint`, `model.save_weights('ckpt')`), are given by name: layers have to be called as they were.

References
    Keras, "Whole model saving & loading": `to_json` and `save_weights`. TensorFlow, "Training checkpoints".
"""

import json
from pathlib import Path
from typing import Any

from auditor.classifiers import ModelParameters, file_at, keras_classifier
from auditor.classifiers.object_checkpoints import checkpoint_files, fill_from_checkpoint
from auditor.classifiers.older_keras import built, foreign, is_older
from auditor.classifiers.older_known import dialect_of
from auditor.classifiers.older_weights import fill_from_containers, fill_from_h5
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
    """The `.weights.h5` file, as `model.save_weights` writes it; an `.h5` file of Keras 1 or 2; or a checkpoint of
    TensorFlow 2: its `.index` file, beside which its data lie, or what their names begin with."""
    output: Output
    """What the last layer gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    output_name: str | None = None
    """The output to take, by its key or its layer; needed only where there are several."""

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """The file itself, or the index and every shard of a checkpoint."""
        return checkpoint_files(path) or super().files_at(path)


def load(params: Params) -> Classifier:
    """Build the network and fill in its weights; raise ModelError if it can't be built or isn't a classifier."""
    return _load(params, safe_mode=True)


def load_with_code(params: Params) -> Classifier:
    """Build the network and run the code that its architecture names; raise ModelError as `load` does."""
    return _load(params, safe_mode=False)


def _load(params: Params, safe_mode: bool) -> Classifier:
    tensorflow()
    import keras

    recipe, weights = file_at(params.architecture), _file(params.path)
    try:
        config = json.loads(recipe.read_bytes())
        named = {name for name in foreign(config) if not name.startswith("tf_keras.")} if safe_mode else set()
        if named:
            told = ", ".join(sorted(named))
            raise ModelError(f"{recipe} needs {told}; only Keras's own layers are built, and no Lambda")
        older = isinstance(config, dict) and _is_older(config)
        if older:
            model = built(config, dialect_of(str(config.get("keras_version") or "")), safe_mode=safe_mode)
        else:
            model = keras.saving.deserialize_keras_object(config, custom_objects={}, safe_mode=safe_mode)
        if not isinstance(model, keras.Model):
            raise ModelError(f"{recipe} describes no model but a {type(model).__name__}")
    except ModelError:
        raise
    except Exception as error:  # JSON, and every layer's own errors: all mean the same here
        raise ModelError(f"{recipe} can't be built as a Keras architecture: {reason(error)}") from error
    try:
        _fill(model, weights, config if older else None)
    except Exception as error:  # h5py's errors, and those of layers whose weights have other shapes
        raise ModelError(f"{weights} doesn't fit {recipe.name}: {reason(error)}") from error
    return keras_classifier(model, str(weights), params.output, params.output_name)


def _is_older(config: dict[str, Any]) -> bool:
    """Whether an architecture is one of Keras 1 or 2, as its version says; Keras 3 tells none, but modules."""
    return is_older(config["keras_version"]) if "keras_version" in config else "module" not in config


def _file(path: str) -> Path:
    """The file of weights, or the index of a checkpoint; raise ModelError where it is neither."""
    files = checkpoint_files(Path(path))
    if len(files) == 1:
        raise ModelError(f"{files[0]} is the index of a checkpoint, whose data (`.data-…`) aren't beside it")
    found = files[0] if files else file_at(path)
    if not files and found.suffix != ".h5":
        way = f"write one with model.save_weights('model{_ENDING}')"
        raise ModelError(f"{found} is no `{_ENDING}` file and no checkpoint's `.index`; {way}")
    return found


def _fill(model: Any, weights: Path, older: Any) -> None:
    """Give a network its weights; raise ModelError, or h5py's and Keras's errors, where they don't all fit.

    older: the description that it was built of, where that is one of Keras 1 or 2.
    """
    import h5py

    if weights.suffix != ".h5":
        return fill_from_checkpoint(model, weights)
    if older is not None:
        with h5py.File(weights, "r") as file:
            if weights.name.endswith(_ENDING) and "layer_names" not in file.attrs:
                return fill_from_containers(model, older["config"]["layers"], file)
            return fill_from_h5(model, file)
    if not weights.name.endswith(_ENDING):
        raise ModelError(f"Keras 3 opens weights by the ending `{_ENDING}` alone; rename it if that is what it is")
    model.load_weights(weights)
    stored, used = _stored(weights), len(model.weights)
    if stored > used:  # Keras leaves what it has no layer for, and says nothing
        raise ModelError(f"it holds {stored} arrays, {used} of them are used")
    return None


def _stored(weights: Path) -> int:
    """How many arrays of layers a file holds, leaving aside what only training needs."""
    import h5py

    names: list[str] = []
    with h5py.File(weights, "r") as file:
        file.visititems(lambda name, part: names.append(name) if isinstance(part, h5py.Dataset) else None)
    return sum(not _TRAINING & set(name.split("/")) for name in names)
