"""Configurations of Keras models: which classes and functions they name, and which files."""

import json
import re
from collections.abc import Iterator
from typing import Any

from auditor.loading.scanning._threat import Threat, unreadable

# Where the parts of a model live. Everything else of Keras is for people: it downloads, saves, and sets switches.
_PARTS = re.compile(
    "activations|applications|constraints|dtype_policies|engine|initializers|layers|legacy|losses|metrics|models|ops"
    "|optimizers|quantizers|random|regularizers"
)
_CODE = {
    "Lambda": "it is Python code",
    "__lambda__": "it is Python code",
    "TorchModuleWrapper": "it is a pickle of PyTorch, which runs whatever code it likes when it is opened",
    "TFSMLayer": "it opens a SavedModel from a path of the file's choice",
}
_FAMILY = ("keras", "keras_hub", "keras_cv", "keras_nlp", "tf_keras")


def of_text(called: str, text: str | bytes) -> Iterator[Threat]:
    """Look through a configuration in JSON."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield unreadable(called, error)
        return
    left = [config]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield from _of_object(called, part)
            left += part.values()
        elif isinstance(part, list):
            left += part


def _of_object(called: str, part: dict[str, Any]) -> Iterator[Threat]:
    inner = part.get("config")
    kind, module = part.get("class_name"), part.get("module")
    given = inner.get("name") if isinstance(inner, dict) else inner if isinstance(inner, str) else None
    name = f"{kind} {given!r}" if given else str(kind)
    if isinstance(kind, str) and kind in _CODE:
        yield Threat("critical", called, "code", f"{name}: {_CODE[kind]}")
    if isinstance(kind, str) and isinstance(module, str) and not _is_model_part(module):
        yield Threat("critical", called, "code", f"{name} comes from {module!r}, which is no part of Keras's models")
    vocabulary = part.get("vocabulary")
    if isinstance(vocabulary, str) and vocabulary:
        yield Threat("critical", called, "outside file", f"a vocabulary is read from {vocabulary!r}")


def _is_model_part(module: str) -> bool:
    family, *path = module.split(".")
    if module == "builtins":  # how Keras names its own functions
        return True
    if path[:1] in (["src"], ["_src"], ["api"]):
        path = path[1:]
    return family in _FAMILY and (family != "keras" or not path or _PARTS.fullmatch(path[0]) is not None)
