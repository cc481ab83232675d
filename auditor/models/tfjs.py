"""A TensorFlow.js layers model: a `model.json` with its shards of weights, read into Keras.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    What runs in a browser is what people meet: audited as shipped, its weights rounded as they were for that.

How to read it
    `output` says what the last layer gives, as for `keras`. The network is built of Keras's own layers by what
    `model.json` says, and every weight has to find its place. Weights of one or two bytes are unfolded as a browser
    does. No code is run from the files; with `--audit-allow-code` it is neither: a browser knows no Python. Graph
    models can't be turned back: audit what they were converted from.

References
    TensorFlow.js, "Save and load models"; its `tfjs-core/src/io/types.ts` for the manifest of weights.
"""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from auditor.classifiers import ModelParameters, file_at, for_browsers, keras_classifier, shards_of
from auditor.classifiers.older_keras import built
from auditor.classifiers.older_known import BROWSER
from auditor.classifiers.older_weights import fill
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, FloatArray, ModelError, Output

_TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2", "bool": "?"}


class Params(ModelParameters):
    """Where the checkpoint is and what it gives."""

    path: FilePath
    """The `model.json` file; the shards that it names lie beside it."""
    output: Output
    """What the last layer gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`,
    `sigmoid` (one for each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    output_name: str | None = None
    """The output to take, by its layer; needed only where there are several."""

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """The description and every shard that it names, as far as they are there."""
        return (path, *(shard for shard in shards_of(path) if shard.is_file())) if path.is_file() else ()


def load(params: Params) -> Classifier:
    """Build the network and fill in its weights; raise ModelError if it can't be built or isn't a classifier."""
    tensorflow()
    path = file_at(params.path)
    told, refusal = for_browsers(path)
    if told is None or refusal:
        raise ModelError(refusal or f"{path} is no `model.json` of TensorFlow.js: it has no `weightsManifest`")
    topology = told.get("modelTopology")
    described = topology.get("model_config", topology) if isinstance(topology, dict) else topology
    try:
        model = built(described, BROWSER)
        _check_normalised(model)
    except Exception as error:  # every layer's own errors: all mean the same here
        raise ModelError(f"{path} can't be built as a network: {reason(error)}") from error
    try:
        arrays = dict(_arrays(told["weightsManifest"], path))
    except ModelError:
        raise
    except Exception as error:  # of a manifest, anything may be missing or of another type
        raise ModelError(f"{path}: its manifest of weights can't be read: {reason(error)}") from error
    try:
        fill(model, arrays)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return keras_classifier(model, str(path), params.output, params.output_name)


def _check_normalised(network: Any) -> None:
    """Raise ModelError where a normalisation isn't of the last axis: browsers compute it wrongly, each in its way."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.Model):
            _check_normalised(layer)
        elif isinstance(layer, keras.layers.BatchNormalization) and (layer.axis + 1) % layer.input_spec.ndim:
            told = f"{layer.name} normalises axis {layer.axis} of {layer.input_spec.ndim}"
            raise ModelError(f"{told}, which TensorFlow.js computes otherwise on a processor than elsewhere")


def _arrays(manifest: Any, path: Path) -> Iterator[tuple[str, FloatArray]]:
    """The weights of every group of a manifest, by name; a group's shards are one after the other."""
    inside = shards_of(path)
    for group in manifest:
        files = [path.parent / name for name in group["paths"]]
        outside = [name for name, file in zip(group["paths"], files, strict=True) if file not in inside]
        if outside:
            raise ModelError(f"{path} names the weights {outside[0]!r}, which is no file in its folder")
        files = [file_at(str(file)) for file in files]
        content, at = b"".join(file.read_bytes() for file in files), 0
        for weight in group["weights"]:
            kept = _TYPES[(weight.get("quantization") or weight)["dtype"]]
            count = prod(weight["shape"])
            size = count * np.dtype(kept).itemsize
            if at + size > len(content):
                told = f"{weight['name']} ends at byte {at + size} of {len(content)}"
                raise ModelError(f"{', '.join(map(str, files))}: the weights are cut short, {told}")
            values = np.frombuffer(content, kept, count, at).reshape(weight["shape"])
            at += size
            yield weight["name"], _unfolded(values, weight)
        if at != len(content):
            raise ModelError(f"{', '.join(map(str, files))}: {len(content)} bytes of weights, {at} of them are used")


def _unfolded(values: Any, weight: Mapping[str, Any]) -> FloatArray:
    """Weights as a browser computes with them: those of one or two bytes times their scale, plus their least."""
    how = weight.get("quantization") or {}
    found: FloatArray = values.astype(np.float32)
    return found * np.float32(how["scale"]) + np.float32(how["min"]) if "scale" in how else found
