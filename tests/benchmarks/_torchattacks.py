"""torchattacks 3.5.1 on the same weights carried into PyTorch: every function gives images (N, 28, 28, 1)."""

from functools import lru_cache
from typing import Any

import numpy as np

from tests.benchmarks._subject import Subject

_NAMES = {"linf": "Linf", "l2": "L2", "l1": "L1"}


@lru_cache(maxsize=4)
def _twin(network: Any) -> Any:
    """The same layers in PyTorch. Predictions are compared: a benchmark on another network would say nothing."""
    import torch

    class ChannelsLast(torch.nn.Module):
        """Flatten in the order that Keras does."""

        def forward(self, x: Any) -> Any:
            return x.permute(0, 2, 3, 1).flatten(1)

    parts: list[Any] = []
    for layer in network.layers:
        kind = type(layer).__name__
        weights = [torch.tensor(w) for w in layer.get_weights()]
        if kind == "Conv2D":
            kernel, bias = weights
            part = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], tuple(kernel.shape[:2]), padding=layer.padding)
            part.weight.data, part.bias.data = kernel.permute(3, 2, 0, 1).contiguous(), bias
        elif kind == "Dense":
            kernel, bias = weights
            part = torch.nn.Linear(*kernel.shape)
            part.weight.data, part.bias.data = kernel.T.contiguous(), bias
        elif kind == "MaxPooling2D":
            part = torch.nn.MaxPool2d(layer.pool_size)
        elif kind == "Flatten":
            part = ChannelsLast()
        elif kind in ("InputLayer", "Dropout"):
            continue
        else:
            raise TypeError(f"no PyTorch twin for layer {kind}")
        parts.append(part)
        if kind in ("Conv2D", "Dense") and layer.activation.__name__ == "relu":
            parts.append(torch.nn.ReLU())
    torch.set_num_threads(2)
    return torch.nn.Sequential(*parts).eval()


def _run(it: Subject, make: Any) -> Any:
    import torch

    model = _twin(it.model)
    x = torch.tensor(it.images.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        off = np.abs(model(x).numpy() - it.network.predict(it.images)).max()
    if off > 1e-3:
        raise ValueError(f"the PyTorch twin's logits differ by {off}")
    made = make(model)(x, torch.tensor(it.labels))
    return np.ascontiguousarray(made.detach().numpy().transpose(0, 2, 3, 1))


def apgd(it: Subject, norm: str, eps: float, steps: int) -> Any:
    import torchattacks

    return _run(it, lambda m: torchattacks.APGD(m, norm=_NAMES[norm], eps=eps, steps=steps))


def fab(it: Subject, norm: str, eps: float, steps: int) -> Any:
    import torchattacks

    return _run(
        it,
        lambda m: torchattacks.FAB(
            m, norm=_NAMES[norm], eps=eps, steps=steps, n_restarts=1, multi_targeted=True, n_classes=10
        ),
    )


def square(it: Subject, norm: str, eps: float, steps: int) -> Any:
    import torchattacks

    return _run(it, lambda m: torchattacks.Square(m, norm=_NAMES[norm], eps=eps, n_queries=steps))


def autoattack(it: Subject, norm: str, eps: float) -> Any:
    import torchattacks

    return _run(it, lambda m: torchattacks.AutoAttack(m, norm=_NAMES[norm], eps=eps, version="standard", n_classes=10))


def carlini_wagner(it: Subject, steps: int) -> Any:
    import torchattacks

    return _run(it, lambda m: torchattacks.CW(m, c=1, steps=steps, lr=0.01))


def deepfool(it: Subject) -> Any:
    import torchattacks

    return _run(it, lambda m: torchattacks.DeepFool(m, steps=50, overshoot=0.02))
