"""Files that hold a model in a form that isn't opened, told by what is in them, and how to write one that is."""

import json
import zipfile
from pathlib import Path

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
        "opened. Where its network's own code is: `model.load_state_dict(torch.load(FILE, weights_only=True))`, then "
        "`torch.jit.trace(model.eval(), example).save('model.pt')`; the guide to PyTorch models has the whole script"
    )


def for_browsers(path: Path) -> str:
    """What to do with the `model.json` of TensorFlow.js; nothing for other files."""
    try:
        told = json.loads(path.read_text("utf-8")) if path.stat().st_size <= _MOST else None
    except ValueError:
        return ""
    if not isinstance(told, dict) or "weightsManifest" not in told:
        return ""
    topology = told.get("modelTopology")
    layers = told.get("format") == "layers-model" or (isinstance(topology, dict) and "model_config" in topology)
    if layers:
        return (
            f"{path} is a layers model of TensorFlow.js. `tensorflowjs_converter --input_format=tfjs_layers_model "
            "--output_format=keras model.json model.h5` writes what can be audited"
        )
    return (
        f"{path} is a graph model of TensorFlow.js, which its converter can't turn back: audit what it was converted "
        "from, such as the SavedModel"
    )
