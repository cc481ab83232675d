"""Whose weights are they? A file of PyTorch's weights names tensors and their shapes, which few networks share."""

from importlib.util import find_spec
from pathlib import Path

from auditor.classifiers import needed, pytorch, state_of, without_network
from auditor.classifiers.state_dicts import Weights, weights_in, wrapping
from auditor.classifiers.torch_exports import architecture
from auditor.starting.looker import Looker
from auditor.telling.lists import listed
from auditor.values import ModelError

_EXTRA = "torchvision"
_USUAL_CLASSES = 1000
_SHOWN = 4


def weights_alone(path: Path) -> Weights:
    """Names and shapes of the tensors in a file of weights without their network; none for any other file."""
    return weights_in(path) if path.is_file() and without_network(path) else Weights({})


def whose(looker: Looker, path: Path, weights: Weights) -> str:
    """The `architecture` that a spec names for weights, asked for where several fit or none; raise ModelError without.

    Only torchvision's are known, and only where torchvision is installed can they be built.
    """
    quick = architecture(weights).partition("(")[0]
    if find_spec(_EXTRA) is None:
        known = f"weights of torchvision's {quick}" if quick else "weights, perhaps of one of torchvision's networks"
        brings = f"pip install 'robustness-auditor[{_EXTRA}]' brings what opens those, then run this again"
        raise ModelError(f"{path} holds {known}: {brings}. Otherwise: {without_network(path)}")
    fitting = [quick] if quick else _fitting(weights)
    if not fitting:
        named = looker.ask("which network of torchvision's has these weights, such as resnet50", "none", ())
        if named == "none":
            raise ModelError(f"none of torchvision's networks has these weights; {without_network(path)}")
        return f"torchvision:{named.removeprefix('torchvision:')}"
    looker.say(
        f"its weights are named and shaped as those of torchvision's {listed(fitting, _SHOWN, rest='networks more')}"
    )
    return f"torchvision:{fitting[0] if len(fitting) == 1 else looker.ask('which is it', fitting[0], fitting)}"


def _fitting(weights: Weights) -> list[str]:
    """Which of torchvision's networks have tensors of these names and shapes, but for the number of classes."""
    torch, models = pytorch(_EXTRA), needed("torchvision.models", _EXTRA)
    prefix = wrapping(weights.shapes)
    shapes = {name.removeprefix(prefix): shape for name, shape in weights.shapes.items()}
    found = []
    # These alone have such tensors, and can't be built quickly.
    regnet = any(key.startswith("trunk_output.") for key in shapes)
    for name in models.list_models(module=models):
        if name.startswith("regnet") != regnet:
            continue
        usual = {key: tuple(part.shape) for key, part in state_of(torch, models, name).items()}
        if usual.keys() == shapes.keys() and all(_alike(shapes[key], shape) for key, shape in usual.items()):
            found.append(name)
    return found


def _alike(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    return shape == usual or (usual[:1] == (_USUAL_CLASSES,) and shape[1:] == usual[1:] and len(shape) == len(usual))
