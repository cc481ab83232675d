"""What files are, by their names and by what they are folders of: a model's format, and a dataset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.classifiers import for_browsers, pickled
from auditor.reading import SUFFIXES as PICTURES
from auditor.values import DataError, ModelError

_MODELS: Mapping[str, str] = {
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".tflite": "tflite",
    ".pt": "torch",
    ".pth": "torch",
    ".pt2": "torch",
    ".ts": "torch",
}
_DATA: Mapping[str, str] = {".npz": "npz", ".csv": "csv", ".parquet": "parquet"}
# What needs more than a file to be opened, and what a spec has to say of it.
_MORE: Mapping[str, str] = {
    ".index": "a TensorFlow 1 checkpoint: `format: tf1_checkpoint` takes the names of its input and logits",
    ".meta": "a TensorFlow 1 checkpoint: `format: tf1_checkpoint` takes the names of its input and logits",
    ".pb": "a graph by itself; if it lies in a SavedModel, name the folder that holds `saved_model.pb`",
    ".json": "an architecture without weights: `format: weights` takes both",
    ".safetensors": "weights without a network: export the model itself, such as by `torch.export.save`",
    ".pkl": "a pickle, which runs whatever code it holds; export the model to ONNX, SavedModel or TorchScript",
}


def model_format(path: Path) -> str:
    """The format of a model's file or folder; raise ModelError, with what to do, for one that can't be told."""
    if not path.exists():
        raise ModelError(f"{path} doesn't exist")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        raise ModelError(f"{path} is a folder and no SavedModel: it holds no `saved_model.pb`")
    suffix = path.suffix.lower()
    browsers, refusal = for_browsers(path) if suffix == ".json" else (None, "")
    refusal = refusal or (pickled(path) if _MODELS.get(suffix) == "torch" else "")
    if refusal:
        raise ModelError(refusal)
    if browsers:
        return "tfjs"
    if suffix in _MORE:
        raise ModelError(f"{path} looks like {_MORE[suffix]}")
    if suffix not in _MODELS:
        raise ModelError(f"{path}: what format it is can't be told from its name; known are {', '.join(_MODELS)}")
    return _MODELS[suffix]


def dataset(path: Path | None, shape: tuple[int, ...] | None) -> dict[str, Any]:
    """What a spec says of data at a path: the dataset and where it lies, with no more than its name tells.

    Without a path, digits of MNIST where a network takes these. Raises DataError where it can't be told.
    """
    if path is None:
        if shape == (28, 28, 1):
            return {"dataset": "mnist_5k", "split": "validation"}
        known = "a folder with a folder of images for every class, or an .npz, .csv or .parquet file"
        raise DataError(f"which images the model is to be measured on isn't known: name {known} after the model")
    if not path.exists():
        raise DataError(f"{path} doesn't exist")
    if path.is_dir():
        if any(entry.suffix.lower() in PICTURES for entry in path.iterdir()):
            raise DataError(f"{path} holds images that lie in no class's folder; `dataset: csv` reads a list of them")
        return {"dataset": "image_folder", "path": path}
    if path.suffix.lower() not in _DATA:
        raise DataError(f"{path}: what data it is can't be told from its name; known are folders, {', '.join(_DATA)}")
    return {"dataset": _DATA[path.suffix.lower()], "path": path}
