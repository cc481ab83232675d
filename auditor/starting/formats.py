"""What files are, by their names and by what they are folders of: a model's format, and a dataset."""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, get_args
from urllib.parse import urlsplit

from auditor.classifiers import Protocol, address_problem, for_browsers, without_network
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
    ".meta": "tf1_checkpoint",
    ".pb": "frozen_graph",
    ".pbtxt": "frozen_graph",
}
_DATA: Mapping[str, str] = {".npz": "npz", ".csv": "csv", ".parquet": "parquet"}
_PARTS = ("train", "training", "test", "testing", "val", "valid", "validation")
# What PyTorch's weights are called, too.
_WEIGHTS = (".bin", ".safetensors", ".ckpt")
# What columns are called that hold files and labels; the first is what `csv` expects.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image_column": ("path", "file", "filename", "file_name", "filepath", "image", "image_path"),
    "label_column": ("label", "class", "class_name", "target", "category", "labels"),
}
# What needs more than a file to be opened, and what a spec has to say of it.
_MORE: Mapping[str, str] = {
    ".index": "the variables of a TensorFlow checkpoint: name the `.meta` file that holds its graph; of TensorFlow 2 "
    "it has none, and `format: weights` takes it with an `architecture` as of `model.to_json()`",
    ".json": "an architecture without weights: `format: weights` takes both",
    ".pkl": "a pickle, which runs whatever code it holds; export the model to ONNX, SavedModel or TorchScript",
}


def model_entry(model: str) -> dict[str, Any]:
    """What a spec says of where a model is: its format with its path, or an address with what is spoken there.

    Raises ModelError as `model_format` does, and for an address that is none of a model.
    """
    if not is_address(model):
        return {"format": model_format(Path(model)), "path": Path(model).resolve()}
    protocol = next(
        (known for known in get_args(Protocol) if address_problem(model, known, secret=False) is None), None
    )
    if protocol is None:
        ways = "http://HOST:8501/v1/models/NAME (TensorFlow Serving) or http://HOST/v2/models/NAME (KServe, Triton)"
        raise ModelError(f"this address is none of a model: it should be like {ways}, without a password in it")
    return {"format": "http", "url": model, "protocol": protocol}


def is_address(model: str) -> bool:
    """Whether a model is named by an address, and not by a path."""
    return model.startswith(("http://", "https://"))


def name_of(model: str) -> str:
    """What a model is called: the name of its file or folder, or that which its server has for it."""
    path = PurePosixPath(urlsplit(model).path).parts if is_address(model) else ()
    return path[path.index("models") + 1] if "models" in path[:-1] else Path(model).name


def model_format(path: Path) -> str:
    """The format of a model's file or folder; raise ModelError, with what to do, for one that can't be told."""
    if not path.exists():
        raise ModelError(f"{path} doesn't exist")
    if path.name == "saved_model.pb":
        raise ModelError(f"{path} is a part of a SavedModel; name its folder, {path.parent}")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        raise ModelError(f"{path} is a folder and no SavedModel: it holds no `saved_model.pb`")
    suffix = path.suffix.lower()
    browsers, refusal = for_browsers(path) if suffix == ".json" else (None, "")
    refusal = refusal or (without_network(path) if _MODELS.get(suffix) == "torch" or suffix in _WEIGHTS else "")
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
        return _of_folder(path)
    if path.suffix.lower() not in _DATA:
        raise DataError(f"{path}: what data it is can't be told from its name; known are folders, {', '.join(_DATA)}")
    found = {"dataset": _DATA[path.suffix.lower()], "path": path}
    return found | _columns(path) if found["dataset"] == "csv" else found


def _of_folder(path: Path) -> dict[str, Any]:
    """What a folder of images is: a folder for every class, parts of a table, or images beside one."""
    within = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    parts = sorted(entry.name for entry in within if entry.is_dir() and entry.name.lower() in _PARTS)
    if parts and all(entry.name in parts for entry in within if entry.is_dir()):
        told = f"{path} holds parts of a data set ({', '.join(parts)})"
        raise DataError(f"{told}; name the one that the model wasn't trained on, such as {path / parts[0]}")
    tables = [entry for entry in within if entry.suffix.lower() == ".csv"]
    loose = any(entry.suffix.lower() in PICTURES for entry in within)
    if any(entry.suffix.lower() == ".parquet" for entry in within):
        return {"dataset": "parquet", "path": path}
    if len(tables) == 1:
        return {"dataset": "csv", "path": tables[0]} | _columns(tables[0])
    if loose:
        way = "a table beside them, such as `labels.csv`, with a column of files and one of labels, makes them `csv`"
        raise DataError(f"{path} holds images that lie in no class's folder; {way}")
    return {"dataset": "image_folder", "path": path}


def _columns(table: Path) -> dict[str, str]:
    """Which columns of a table hold files and labels, where they have other names than those that are expected."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    found = {}
    for parameter, expected in _COLUMNS.items():
        name = next((name for wanted in expected for name in header if name.lower() == wanted), expected[0])
        if name != expected[0]:
            found[parameter] = name
    return found
