"""Files that hold a model in a form that isn't opened, told by what is in them, and how to write one that is."""

import json
import zipfile
from pathlib import Path, PurePath
from typing import Any

_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_MOST = 64 * 1024 * 1024  # of a description that is read whole


def pickled(path: Path) -> str:
    """What to do with a file of `torch.save`: weights alone or a whole module, as a pickle; nothing for other files.

    TorchScript, which is opened, is a zip archive with pickles too, but with code beside them.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [name.split("/")[1:] for name in archive.namelist()]
        if ["data.pkl"] not in parts or any(part[:1] == ["code"] for part in parts):
            return ""
    else:
        with path.open("rb") as file:
            if file.read(2) not in _PICKLES:
                return ""
    return (
        f"{path} is a pickle of torch.save, weights without their network or a module that runs any code, and isn't "
        "opened. Weights of torchvision's networks are `format: torch_weights`. Where its network's own code is: "
        "`model.load_state_dict(torch.load(FILE, weights_only=True))`, then `torch.jit.trace(model.eval(), "
        "example).save('model.pt')`; the guide to PyTorch models has the whole script"
    )


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
