"""A PyTorch model: a TorchScript file, or a `.pt2` file of `torch.export`.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Most research networks are PyTorch's. Its own autograd is asked for gradients, so every attack works.

How to read it
    Neither form says how large an image is, so `shape` does. A TorchScript module is set to evaluate; a `.pt2`
    file keeps the mode it was exported in, and needs its batch size left open. Pickles, which could run any code,
    are never opened: not those of `torch.save`, and of a `.pt2` file, which may hold some, only the graph and plain
    tensors are read, and only PyTorch's own operators and plain sizes are let through. Either form is a program
    still: TorchScript could read and write files as whoever runs the audit, which is why operators that do are looked
    for first. Open only what you trust.

References
    PyTorch, "TorchScript"; "torch.export"; "Using PyTorch securely".
"""

import io
import json
import re
import warnings
import zipfile
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from auditor.classifiers import (
    Kind,
    TorchParameters,
    file_at,
    pytorch,
    torch_classifier,
    torch_stateful,
    without_network,
)
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError

_HOW = "write it with torch.jit.script(model).save(path), or with torch.export.save (path ending in .pt2)"
# What is read of a `.pt2` archive, below its one folder. Its sample inputs are pickles, compiled code is machine code.
_TABLES = re.compile(r"models/model\.json|data/(weights|constants)/model_\w+_config\.json")
_PLAIN = re.compile(
    r"archive_format|archive_version|byteorder|\.data/version|data/(weights|constants)/(weight|tensor)_\d+"
)
# What strings may hold in its tables, by key. PyTorch's loader looks targets up from its own name on, which leads to
# all of Python, evaluates sizes, imports what specs name, and makes Python source of names.
_STRINGS = {
    "target": re.compile(r"torch\.ops\.aten\.(?!__)\w+\.(?!__)\w+|_operator\.(getitem|add|sub|mul|floordiv)"),
    "expr_str": re.compile(r"(Symbol\('[a-z]+\d+'(, \w+=True)*\)|[-\d+*() ])+"),
    "in_spec": (_SPEC := re.compile(r'([\d\[\]{}:, ]|null|"(type|context|children_spec|builtins\.\w+|null|\[\])")*')),
    "out_spec": _SPEC,
}
_NAME = re.compile(r"[\w.+-]*")


class Params(TorchParameters):
    """Where the checkpoint is, what it takes and what it gives."""

    path: FilePath
    """The TorchScript file, or the `.pt2` file."""
    dtype: Kind = "float32"
    """The kind of number it takes, which neither form says: images are rounded to whole numbers for it, and then it
    gives no gradients."""


def load(params: Params) -> Classifier:
    """Open the model; raise ModelError if it can't be opened or isn't a classifier."""
    path = file_at(params.path)
    refusal = without_network(path)
    if refusal:
        raise ModelError(refusal)
    torch = pytorch("torch")
    try:
        with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
            module = _exported(torch, path) if path.suffix == ".pt2" else torch.jit.load(path, "cpu").eval()
    except ModelError:
        raise
    except Exception as error:  # zipfile, json, sympy and PyTorch's own: all mean the same here
        raise ModelError(f"{path} can't be opened as a PyTorch model: {reason(error)} ({_HOW})") from error
    return torch_classifier(torch, module, str(path), params, partial(torch_stateful, torch, module), params.dtype)


def _exported(torch: ModuleType, path: Path) -> Any:
    """Open a `.pt2` archive, of which only what can't hold a pickle reaches PyTorch's loader."""
    clean = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(clean, "w") as copy:
        for name in archive.namelist():
            folder, _, inner = name.partition("/")
            if _TABLES.fullmatch(inner):
                copy.writestr(name, json.dumps(_checked(json.loads(archive.read(name)), path)))
            elif _PLAIN.fullmatch(inner):
                copy.writestr(name, archive.read(name))
        copy.writestr(f"{folder}/data/sample_inputs/model.pt", b"")
    clean.seek(0)
    return torch.export.load(clean).module()


def _checked(content: Any, path: Path, key: str = "") -> Any:
    """Return a table without what no network needs; raise ModelError for what could make PyTorch's loader run code."""
    if isinstance(content, dict):
        if content.get("use_pickle"):
            raise ModelError(f"{path} holds pickled tensors, which could run any code; {_HOW}")
        emptied: dict[str, Any] = {"metadata": {}, "guards_code": []}
        return {
            _checked(name, path): emptied[name] if name in emptied else _checked(value, path, name)
            for name, value in content.items()
        }
    if isinstance(content, list):
        return [_checked(part, path, key) for part in content]
    if isinstance(content, str) and not _STRINGS.get(key, _NAME).fullmatch(content):
        raise ModelError(f"{path} has a {key or 'name'} that isn't plain, which could run any code: {content[:80]!r}")
    return content
