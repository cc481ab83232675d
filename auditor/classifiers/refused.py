"""Files that hold a model in a form that isn't opened, told by what is in them, and how to write one that is."""

import json
import zipfile
from pathlib import Path, PurePath
from typing import Any

from auditor.classifiers.state_dicts import Weights, is_safetensors, weights_in
from auditor.classifiers.torch_exports import architecture, export_script

_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_MOST = 64 * 1024 * 1024  # of a description that is read whole


def without_network(path: Path) -> str:
    """Why a file of `torch.save` or of safetensors isn't opened, with the script that makes one of it that is; nothing
    for other files.

    TorchScript, which is opened, is a zip archive with pickles too, but with code beside them.
    """
    if not is_safetensors(path) and not _is_pickled(path):
        return ""
    weights = weights_in(path)
    if whole := whole_pickle(path, weights):
        return whole
    known = architecture(weights).partition("(")[0]
    whose = f"; `format: torch_weights` with `architecture: torchvision:{known}` brings that" if known else ""
    told = f"{path} holds weights without their network{whose}; `format: torch` doesn't open it"
    way = "Where PyTorch and the network's code are, this writes what it does"
    return f"{told}. {way}:\n\n{export_script(path, weights)}"


def whole_pickle(path: Path, weights: Weights | None = None) -> str:
    """Why a pickle of `torch.save` isn't opened in which no weights are found, with the script; nothing for others.

    weights: what is known to be in the file; None: it is looked up.
    """
    if is_safetensors(path) or not _is_pickled(path):
        return ""
    weights = weights or weights_in(path)
    if weights.shapes:
        return ""
    told = f"{path} is a pickle of torch.save in which no weights are found, as of a module saved whole, which runs any"
    told += " code, so it isn't opened. Where PyTorch and the module's code are, this writes what `format: torch` opens"
    return f"{told}:\n\n{export_script(path, weights)}"


def _is_pickled(path: Path) -> bool:
    """Whether it is a file of `torch.save`, of either form."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [name.split("/")[1:] for name in archive.namelist()]
        return ["data.pkl"] in parts and not any(part[:1] == ["code"] for part in parts)
    with path.open("rb") as file:
        return file.read(2) in _PICKLES


def for_browsers(path: Path) -> tuple[dict[str, Any] | None, str]:
    """What the `model.json` of TensorFlow.js says, and why it isn't opened; nothing for other files."""
    try:
        told = json.loads(path.read_text("utf-8")) if path.stat().st_size <= _MOST else None
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(told, dict) or "weightsManifest" not in told:
        return None, ""
    topology = told.get("modelTopology")
    layers = told.get("format") == "layers-model" or (isinstance(topology, dict) and "node" not in topology)
    if layers and told.get("format") != "graph-model":
        return told, ""
    return told, (
        f"{path} is a graph model of TensorFlow.js, which its converter can't turn back: audit what it was converted "
        "from, such as the SavedModel (`format: saved_model`)"
    )


def shards_of(path: Path) -> tuple[Path, ...]:
    """The files of weights that a `model.json` of TensorFlow.js names, each once, as far as they lie in its folder."""
    told, _ = for_browsers(path)
    manifest = (told or {}).get("weightsManifest")
    groups = [group for group in manifest if isinstance(group, dict)] if isinstance(manifest, list) else []
    names = [name for group in groups if isinstance(group.get("paths"), list) for name in group["paths"]]
    return tuple(dict.fromkeys(path.parent / name for name in names if _inside(name)))


def _inside(name: Any) -> bool:
    """Whether a name is one of a file in a folder, or in one below it."""
    return isinstance(name, str) and not PurePath(name).is_absolute() and ".." not in PurePath(name).parts
