"""The script that makes a network of PyTorch's weights alone, with the architecture where their keys leave only one."""

import re
from collections.abc import Mapping
from pathlib import Path

from auditor.classifiers.state_dicts import Weights, is_safetensors, wrapping

Shapes = Mapping[str, tuple[int, ...]]
# torchvision's networks: blocks in each of the four stages, and what the second convolution of the first block is.
_RESNETS = {
    ((2, 2, 2, 2), (64, 64, 3, 3), False): "resnet18",
    ((3, 4, 6, 3), (64, 64, 3, 3), False): "resnet34",
    ((3, 4, 6, 3), (64, 64, 3, 3), True): "resnet50",
    ((3, 4, 23, 3), (64, 64, 3, 3), True): "resnet101",
    ((3, 8, 36, 3), (64, 64, 3, 3), True): "resnet152",
    ((3, 4, 6, 3), (128, 4, 3, 3), True): "resnext50_32x4d",
    ((3, 4, 23, 3), (256, 8, 3, 3), True): "resnext101_32x8d",
    ((3, 4, 6, 3), (128, 128, 3, 3), True): "wide_resnet50_2",
    ((3, 4, 23, 3), (128, 128, 3, 3), True): "wide_resnet101_2",
}
_VGGS = {8: "vgg11", 10: "vgg13", 13: "vgg16", 16: "vgg19"}  # by convolutions
_DENSENETS: Mapping[tuple[int, ...], str] = {
    (6, 12, 24, 16): "densenet121",
    (6, 12, 36, 24): "densenet161",
    (6, 12, 32, 32): "densenet169",
    (6, 12, 48, 32): "densenet201",
}
# By the last layer but one.
_MOBILENETS: Mapping[tuple[int, ...], str] = {(1280, 960): "mobilenet_v3_large", (1024, 576): "mobilenet_v3_small"}
# By what the last layer takes, and how many blocks there are.
_EFFICIENTNETS: Mapping[tuple[int, ...], str] = {
    (1280, 16): "efficientnet_b0",
    (1280, 23): "efficientnet_b1",
    (1408, 23): "efficientnet_b2",
    (1536, 26): "efficientnet_b3",
    (1792, 32): "efficientnet_b4",
    (2048, 39): "efficientnet_b5",
    (2304, 45): "efficientnet_b6",
    (2560, 55): "efficientnet_b7",
    (1280, 40): "efficientnet_v2_s",
    (1280, 57): "efficientnet_v2_m",
    (1280, 79): "efficientnet_v2_l",
}

_WHOLE = 'map_location="cpu", weights_only=False)  # runs the code that the file holds: only if you trust who made it'


def export_script(path: Path, weights: Weights) -> str:
    """Six lines of Python that write a file that can be audited of one of weights alone.

    Where its keys and shapes are those of one of torchvision's networks, it is named; else its own code is asked for.
    Of a pickle without weights that are known, as of a module saved whole, the script opens all of it.
    """
    if not weights.shapes and not is_safetensors(path):
        return "\n".join(("import torch", f"model = torch.load({path.name!r}, {_WHOLE}", *_traced(path)))
    prefix, known = wrapping(weights.shapes), architecture(weights)
    if is_safetensors(path):
        brings, loaded = "safetensors.torch", f"safetensors.torch.load_file({path.name!r})"
    else:
        brings, loaded = "", f'torch.load({path.name!r}, map_location="cpu", weights_only=True)'
    loaded += f"[{weights.within!r}]" if weights.within else ""
    keys = f"{{key.removeprefix({prefix!r}): value for key, value in state.items()}}" if prefix else "state"
    if known:
        imports, model = ", ".join(filter(None, (brings, "torch", "torchvision"))), f"torchvision.models.{known}"
    else:
        imports = f"{', '.join(filter(None, (brings, 'torch')))}; from my_network import Network"
        model = "Network()  # the network's own code, or timm.create_model(NAME, num_classes=…)"
    return "\n".join(
        (
            f"import {imports}",
            f"model = {model}",
            f"state = {loaded}",
            f"model.load_state_dict({keys})",
            *_traced(path),
        )
    )


def _traced(path: Path) -> tuple[str, str]:
    return (
        "example = torch.zeros(1, 3, 224, 224)  # one image: channels, height and width as in training",
        f"torch.jit.trace(model.eval(), example).save({f'{path.stem}.traced.pt'!r})",
    )


def architecture(weights: Weights) -> str:
    """The call that makes the network of torchvision that has these tensors, with its classes; nothing for others."""
    prefix = wrapping(weights.shapes)
    shapes = {name.removeprefix(prefix): shape for name, shape in weights.shapes.items()}
    for last, find in (
        ("fc.weight", _resnet),
        ("classifier.6.weight", _vgg),
        ("classifier.weight", _densenet),
        ("classifier.1.weight", _mobile_or_efficient),
        ("classifier.3.weight", _mobilenet_v3),
    ):
        name = find(shapes) if len(shapes.get(last, ())) == 2 else ""
        if name:
            return f"{name}(num_classes={shapes[last][0]})"
    return ""


def _counted(shapes: Shapes, pattern: str) -> int:
    """How many different groups of keys begin so."""
    return len({match[0] for match in map(re.compile(pattern).match, shapes) if match})


def _resnet(shapes: Shapes) -> str:
    if shapes.get("conv1.weight") != (64, 3, 7, 7) or "bn1.weight" not in shapes:
        return ""
    stages = tuple(_counted(shapes, rf"layer{stage}\.\d+\.") for stage in (1, 2, 3, 4))
    deep = "layer1.0.conv3.weight" in shapes
    second = shapes.get("layer1.0.conv2.weight", ())
    return next((name for key, name in _RESNETS.items() if key == (stages, second, deep)), "")


def _vgg(shapes: Shapes) -> str:
    kernels = [shape[2:] for key, shape in shapes.items() if key.startswith("features.") and len(shape) == 4]
    if shapes.get("features.0.weight") != (64, 3, 3, 3) or set(kernels) != {(3, 3)}:
        return ""
    name = _VGGS.get(len(kernels), "")
    return f"{name}_bn" if name and "features.1.running_mean" in shapes else name


def _densenet(shapes: Shapes) -> str:
    layers = tuple(_counted(shapes, rf"features\.denseblock{block}\.denselayer\d+\.") for block in (1, 2, 3, 4))
    return _DENSENETS.get(layers, "")


def _mobile_or_efficient(shapes: Shapes) -> str:
    last = shapes["classifier.1.weight"]
    if shapes.get("features.18.0.weight") == (1280, 320, 1, 1) and "features.1.conv.0.0.weight" in shapes:
        return "mobilenet_v2"
    return _EFFICIENTNETS.get((last[1], _counted(shapes, r"features\.\d+\.\d+\.block\.")), "")


def _mobilenet_v3(shapes: Shapes) -> str:
    return _MOBILENETS.get(shapes.get("classifier.0.weight", ()), "")
