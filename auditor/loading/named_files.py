"""Where the names of a model's classes are read from: its own files, and files beside it that people give these names.

Each is a convention of some tool, or of many people; nothing is guessed from others.
"""

import codecs
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from auditor.loading.class_names import Listing, parsed
from auditor.values import ModelError

# Lists of names: as Teachable Machine, TensorFlow Lite and people write them, and Keras's `class_indices`.
_LISTS = (
    "labels.txt",
    "class_names.txt",
    "classes.txt",
    "labels.json",
    "class_names.json",
    "classes.json",
    "class_indices.json",
)
# Descriptions that hold such a list among others, and under what: of Hugging Face and timm, of Teachable Machine.
_DESCRIPTIONS: Mapping[str, tuple[str, ...]] = {
    "config.json": ("id2label", "label2id", "label_names"),
    "metadata.json": ("labels",),
}
# Under what the configuration of a Keras model of somebody's own class has them, or an attribute of an HDF5 file.
_KEYS = ("class_names", "classes", "labels", "label_names", "id2label")
_MOST = 1 << 24  # bytes of a list of names: configurations of 22 000 classes take two million
_WITHIN = ("", "assets", "assets.extra")  # of a folder: that of a SavedModel's own files, and that for those of others
_HDF5 = b"\x89HDF"


def beside(paths: Iterable[Path], own: Iterable[Path]) -> tuple[Path, ...]:
    """Files that may list the classes of a model, beside the files that a spec names; those of the model itself aren't.

    paths: what the spec names; within folders all is the model's own. own: all of the model's own files.
    """
    files = [path for path in paths if not path.is_dir()]
    stems = {stem for path in files for stem in (path.stem, path.stem.removesuffix(".weights"))}
    names = (*(f"{stem}.txt" for stem in sorted(stems)), *_LISTS, *_DESCRIPTIONS)
    found = dict.fromkeys(path.parent / name for path in files for name in names)
    return tuple(path for path in found if path not in set(own) and path.is_file() and path.stat().st_size <= _MOST)


def of_file(name: str, content: bytes, place: str) -> Iterator[Listing]:
    """What a file of a name tells of classes; place: of whose, in words such as `beside the model`."""
    where, text = f"{name} {place}", _decoded(content)
    keys = _DESCRIPTIONS.get(Path(name).name)
    if keys is None:
        yield Listing(where, text)
        return
    found = parsed(Listing(where, text))
    if not isinstance(found, Mapping):
        return  # of a description everything else may be missing too
    _check_both_ways(where, found)
    # Of names that several classes have, the way back knows one class alone.
    yield from _under([key for key in keys if key != "label2id" or "id2label" not in found], found, where)


def within(path: Path) -> Iterator[Listing]:
    """What a model's own file or folder tells of classes; of ONNX, its format reads that."""
    if path.is_dir():
        for part in _WITHIN:
            folder = path / part
            files = (folder / name for name in (*_LISTS, *_DESCRIPTIONS))
            for file in (file for file in files if file.is_file() and file.stat().st_size <= _MOST):
                yield from of_file(file.relative_to(path).as_posix(), file.read_bytes(), "in the model's folder")
    elif path.is_file() and zipfile.is_zipfile(path):
        yield from _of_archive(path)
    elif path.is_file() and _begins(path, _HDF5):
        yield from _of_hdf5(path)
    elif path.suffix == ".json" and path.is_file():
        yield from _of_architecture(_json(path.read_bytes()))


def _of_archive(path: Path) -> Iterator[Listing]:
    """A Keras file, whose configuration may have them; a TensorFlow Lite file, which lists of names may follow."""
    with zipfile.ZipFile(path) as archive:
        phone = path.suffix == ".tflite"
        files = archive.infolist()
        if not phone and {"config.json", "metadata.json"} <= {one.filename for one in files}:
            yield from _of_architecture(_json(archive.read("config.json")))
        for one in (one for one in files if one.file_size <= _MOST):
            if (one.filename.endswith(".txt") and phone) or Path(one.filename).name in _LISTS:
                yield from of_file(one.filename, archive.read(one), "in the model's file")


def _of_hdf5(path: Path) -> Iterator[Listing]:
    """An HDF5 file of Keras's, to which people add names as attributes: texts, or arrays of them."""
    import h5py
    import numpy as np

    with h5py.File(path, "r") as file:
        for key in (key for key in _KEYS if key in file.attrs):
            kept = file.attrs[key]
            parts = [_decoded(one) if isinstance(one, bytes) else one for one in np.atleast_1d(kept).tolist()]
            yield Listing(f"the attribute `{key}` of the model's file", parts if np.ndim(kept) else parts[0])
        described = file.attrs.get("model_config")
    if described is not None:
        yield from _of_architecture(_json(described))


def _of_architecture(found: Any) -> Iterator[Listing]:
    """What a Keras configuration says: of a class of somebody's own, or in a layer that makes names of numbers."""
    config = found.get("config") if isinstance(found, Mapping) else None
    if not isinstance(config, Mapping):
        return
    yield from _under(_KEYS, config, "the model's configuration")
    layers = config.get("layers")
    for layer in layers if isinstance(layers, list) else []:
        told = layer.get("config") if isinstance(layer, Mapping) else None
        if not isinstance(told, Mapping) or layer.get("class_name") != "StringLookup" or not told.get("invert"):
            continue
        if told.get("num_oov_indices") == 0 and told.get("mask_token") is None:  # else numbers are others than outputs'
            yield Listing(f"the layer {told.get('name')!r}, which makes names of numbers,", told.get("vocabulary"))


def _under(keys: Iterable[str], found: Mapping[str, Any], where: str) -> Iterator[Listing]:
    for key in keys:
        if _is_list(found.get(key)) or isinstance(found.get(key), Mapping):
            yield Listing(f"`{key}` in {where}", found[key])


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _check_both_ways(where: str, found: Mapping[str, Any]) -> None:
    """Raise ModelError where `id2label` and `label2id` contradict each other."""
    names, numbers = found.get("id2label"), found.get("label2id")
    if not isinstance(names, Mapping) or not isinstance(numbers, Mapping):
        return
    known = {str(number): str(name) for number, name in names.items()}
    for name, number in numbers.items():
        if name in known.values() and known.get(str(number)) != name:
            told = f"{name!r} is {number} by `label2id`, and `id2label` calls that {known.get(str(number))!r}"
            raise ModelError(f"{where} contradicts itself: {told}; mend the one that isn't the model's")


def _json(content: bytes | str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None  # whoever opens the model says what is wrong


def _decoded(content: bytes) -> str:
    """A text, with another character for what is none."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark
