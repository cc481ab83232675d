"""A Keras 3 checkpoint: a `.keras` file, or a legacy `.h5` file.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Attacks need logits: the gradient of a saturated float32 softmax is exactly zero. A softmax at the end
    is taken off where it can be seen, and inverted through the logarithm where it can't.

How to read it
    `output` says what the file's own last layer gives. It is tried on real images: `probabilities` whose
    rows don't sum to 1, and `logits` whose rows all do, are refused. Files are opened in Keras's safe mode,
    which runs no code from them; with `--audit-allow-code` they aren't, Lambda layers work, and so do classes that
    `custom_objects` says where to find. Files of Keras 1 and 2 and of TF-Keras are rewritten into Keras 3, with every
    weight given to its layer by name; where that isn't enough, TF-Keras opens them, if the extra `tf-keras` is there.
    The state of an optimizer is left aside. Where the file, or one beside it, names the classes, data that has them in
    another order is refused.

References
    Keras, "Whole model saving & loading".
    Carlini and Wagner, Towards Evaluating the Robustness of Neural Networks, S&P 2017 (why logits).
"""

import io
import json
import sys
import zipfile
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from auditor.classifiers import (
    ModelParameters,
    chosen,
    file_at,
    frozen,
    graph_classifier,
    image_shape,
    keras_classifier,
    of_rank,
)
from auditor.classifiers.older_keras import built, check_known, foreign, is_older
from auditor.classifiers.older_known import NoOtherWayError, dialect_of
from auditor.classifiers.older_operations import check_operations
from auditor.classifiers.older_weights import fill_from_containers, fill_from_h5
from auditor.compute import tensorflow
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import ChoiceError, Classifier, FilePath, FloatArray, ModelError, Output

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
    custom_objects: list[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]] = Field(default_factory=list)
    """Where the code of layers and models that aren't Keras's is, as `module:Class`; it is imported and run, which
    `--audit-allow-code` has to allow."""


def load(params: Params) -> Classifier:
    """Open the checkpoint in safe mode; raise ModelError if it can't be opened or isn't a classifier."""
    if params.custom_objects:
        told = f"{params.path} needs code, {', '.join(params.custom_objects)}"
        raise ModelError(f"{told}; if you trust it, allow it to be run by --audit-allow-code")
    return _load(params, {}, safe_mode=True)


def load_with_code(params: Params) -> Classifier:
    """Open the checkpoint, run code of its Lambda layers and of `custom_objects`; raise ModelError as `load` does."""
    return _load(params, dict(map(_imported, params.custom_objects)), safe_mode=False)


def _load(params: Params, custom: Mapping[str, Any], safe_mode: bool) -> Classifier:
    tensorflow()
    import keras

    path = file_at(params.path)
    try:
        version, description = _told(path)
        if not is_older(version):
            # What Keras says of a class that it doesn't find is no help: the name is told here.
            check_known(set(foreign(description, custom)) - {"Lambda", "__lambda__"})
            model = keras.saving.load_model(str(path), dict(custom), compile=False, safe_mode=safe_mode)
            return keras_classifier(model, str(path), params.output, params.output_name)
        try:
            model = built(json.loads(json.dumps(description)), dialect_of(version), custom, safe_mode)
            _fill(model, description, path)
        except NoOtherWayError:
            raise
        except Exception as error:  # every layer's own errors: TF-Keras may know better
            told = f"it is of Keras {version or 1}, and {reason(error)}"
            if find_spec("tf_keras") is None:
                raise ModelError(f"{told} (the extra `tf-keras` may open it, with TF-Keras)") from error
            try:
                return _by_tf_keras(params, path, description, custom, safe_mode)
            except ChoiceError:
                raise
            except Exception as other:
                raise ModelError(f"{told}; TF-Keras says: {reason(other)}") from other
    except ChoiceError:
        raise
    except Exception as error:  # h5py, zipfile, JSON and every layer's own errors: all mean the same here
        raise ModelError(f"{path} can't be opened as a Keras checkpoint: {reason(error)}") from error
    return keras_classifier(model, str(path), params.output, params.output_name)


def _imported(place: str) -> tuple[str, Any]:
    """A class that `module:Class` names, by its name."""
    module, _, name = place.partition(":")
    try:
        return name, getattr(import_module(module), name)
    except Exception as error:  # of somebody's code, anything may be raised
        told = f"`custom_objects: {place}` can't be imported: {reason(error)}"
        raise ModelError(f"{told}; Python looks for modules in {listed(sys.path, 3)}") from error


def _told(path: Path) -> tuple[str, Any]:
    """The version of Keras that wrote a file, and what the file says of its network."""
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read("metadata.json"))
            return str(told.get("keras_version", "3")), json.loads(archive.read("config.json"))
    with h5py.File(path, "r") as file:
        version, described = file.attrs.get("keras_version", ""), file.attrs.get("model_config")
    if described is None:
        raise ModelError("it holds weights without a network; `format: weights` takes both, its architecture as JSON")
    return version.decode() if isinstance(version, bytes) else str(version), json.loads(described)


def _fill(model: Any, description: Any, path: Path) -> None:
    """Give a network built of an older file's description the file's weights."""
    import h5py

    if not zipfile.is_zipfile(path):
        with h5py.File(path, "r") as file:
            fill_from_h5(model, file)
        return
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content, "r") as file:
        fill_from_containers(model, description["config"]["layers"], file)


def _by_tf_keras(
    params: Params, path: Path, description: Any, custom: Mapping[str, Any], safe_mode: bool
) -> Classifier:
    """Open an older file by TF-Keras, and freeze what it makes of it."""
    if safe_mode:  # which TF-Keras has for one of its two kinds of file alone
        check_known({name for name in foreign(description) if not name.startswith("tf_keras.")})
        check_operations(description)
    models = import_module("tf_keras").models
    model = models.load_model(str(path), dict(custom), compile=False, safe_mode=safe_mode)
    ends = dict(zip(model.output_names, model.outputs, strict=True))
    shapes = {name: tensor.shape for name, tensor in ends.items()}
    end = chosen(params.output_name, ends, "output_name", str(path), shapes)
    model = model if len(ends) == 1 else models.Model(model.inputs, ends[end])
    shape = image_shape(model.input_shape, str(path))
    rank = len(model.input_shape)
    graph, entry, end = frozen(lambda images: model(images, training=False), model.input_shape[1:])

    def own(images: FloatArray) -> Any:
        return model(of_rank(images, rank), training=False)

    return graph_classifier(graph, entry, end, shape, str(path), params.output, rank, own=own)
