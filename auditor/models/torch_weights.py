"""Weights of a PyTorch network, as `state_dict()` gives them, in an architecture of torchvision's.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    What training leaves is most often a `.pth` or `.safetensors` file of weights alone. Where the network is one of
    torchvision's, its code is at hand, and nothing has to be exported first.

How to read it
    `architecture` names torchvision's function, such as `torchvision:resnet50`, which is called with its defaults; how
    many classes there are the weights say. They must fit to the last tensor: what is missing, left over or of another
    shape is an error. `googlenet` and `inception_v3` are refused, as weights don't say whether the network normalises
    its images itself. A `.pth` file is opened by PyTorch's restricted reader (`weights_only=True`), which runs no code
    from it, and one of before PyTorch 1.6 isn't opened. Weights below `state_dict`, `model_state_dict` or `model` are
    taken from there, and prefixes of `DataParallel` and `torch.compile` are dropped. Gradients are PyTorch's own. Needs
    the extra `torchvision`.

References
    TorchVision, "Models and pre-trained weights". PyTorch, "Using PyTorch securely". Hugging Face, "Safetensors".
"""

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field

from auditor.classifiers import (
    TorchParameters,
    file_at,
    needed,
    pytorch,
    state_of,
    torch_classifier,
    torch_stateful,
    whole_pickle,
    wrapping,
)
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError, one_of

_EXTRA = "torchvision"
_UNSAID = ("googlenet", "inception_v3")
_WITHIN = ("state_dict", "model_state_dict", "model")
_USUAL_CLASSES = 1000
_NAMED = 3


class Params(TorchParameters):
    """Where the weights are, whose they are, and what the network takes and gives."""

    path: FilePath
    """The `.pth` file of `torch.save(model.state_dict(), …)`, or a `.safetensors` file."""
    architecture: Annotated[str, Field(pattern=r"^torchvision:\w+$")]
    """The network: `torchvision:` and what torchvision calls it, such as `torchvision:resnet50`."""


def load(params: Params) -> Classifier:
    """Build the network and fill in its weights; raise ModelError if it can't be built, or they don't fit."""
    path = file_at(params.path)
    torch, models = pytorch(_EXTRA), needed("torchvision.models", _EXTRA)
    name = params.architecture.partition(":")[2]
    known = sorted(set(models.list_models(module=models)) - set(_UNSAID))
    if name in _UNSAID:
        told = "weights don't say whether this network normalises its images itself"
        raise ModelError(
            f"{path}: {params.architecture} isn't built, as {told}; save it as TorchScript: `format: torch`"
        )
    if name not in known:
        raise ModelError(f"{path}: {one_of(name, known, 'architecture of torchvision')}")
    weights = _plain(torch, _read(torch, path), path)
    usual = state_of(torch, models, name)
    classes = _classes(usual, weights)
    _check(usual, weights, classes, f"{path} doesn't fit {params.architecture} of {classes} classes")
    module = models.get_model(name, weights=None, num_classes=classes)
    module.load_state_dict(weights)
    module.eval()
    return torch_classifier(torch, module, str(path), params, partial(_stateful, torch, module))


def _stateful(torch: ModuleType, module: Any) -> tuple[str, ...]:
    with warnings.catch_warnings(action="ignore"):  # of TorchScript's end of life
        return torch_stateful(torch, torch.jit.script(module))


def _read(torch: ModuleType, path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return needed("safetensors.torch", _EXTRA).load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # zipfile, pickle, safetensors and PyTorch's own: all mean the same here
        if whole := whole_pickle(path):  # of which PyTorch would say how to run its code
            raise ModelError(whole) from error
        way = "write weights with torch.save(model.state_dict(), path), or a whole network as TorchScript"
        raise ModelError(f"{path} can't be opened as weights of PyTorch: {reason(error)} ({way})") from error


def _plain(torch: ModuleType, found: Any, path: Path) -> dict[str, Any]:
    """Weights by name, wherever in the file they lie; raise ModelError where there are none, or several sets."""
    inner = [key for key in _WITHIN if isinstance(found, dict) and isinstance(found.get(key), dict)]
    if len(inner) > 1:
        raise ModelError(f"{path} holds weights as {' and as '.join(map(repr, inner))}; save those to audit alone")
    weights = found[inner[0]] if inner else found
    if not isinstance(weights, dict) or not all(isinstance(part, torch.Tensor) for part in weights.values()):
        raise ModelError(f"{path} holds no weights by name; write them with torch.save(model.state_dict(), path)")
    prefix = wrapping(weights)
    return {name.removeprefix(prefix): part for name, part in weights.items()}


def _classes(usual: Mapping[str, Any], weights: Mapping[str, Any]) -> int:
    """How many classes weights are for: as many as they have where the usual network has one thousand."""
    last = [name for name, part in usual.items() if part.ndim and len(part) == _USUAL_CLASSES]
    found = {len(weights[name]) for name in last if name in weights and weights[name].ndim}
    return found.pop() if len(found) == 1 else _USUAL_CLASSES


def _check(usual: Mapping[str, Any], weights: Mapping[str, Any], classes: int, failing: str) -> None:
    """Raise ModelError, with the first few names, where weights aren't those of a network of so many classes."""
    # Counts of batches are of training alone, and older files have none.
    missing = [name for name in usual if name not in weights and not name.endswith("num_batches_tracked")]
    wrong = []
    for name, part in usual.items():
        shape = [classes if size == _USUAL_CLASSES and at == 0 else size for at, size in enumerate(part.shape)]
        if name in weights and list(weights[name].shape) != shape:
            wrong.append(f"{name} ({list(weights[name].shape)}, not {shape})")
    faults = {
        "missing": missing,
        "left over": [name for name in weights if name not in usual],
        "of another shape": wrong,
    }
    told = [f"{what}: {listed(names, _NAMED)}" for what, names in faults.items() if names]
    if told:
        raise ModelError(f"{failing}; {'; '.join(told)}")
