"""One audit with a case of every check, and ways to write it down differently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from tests.differential.task import Task

Array = NDArray[Any]
Weights = tuple[Array, ...]
TASK = Task(noise=0.4)
# Of the decoys one of each manner: built on images, on scores, on the box, on batches. All of them are in `test_units`.
_FEW_DECOYS = """\
from auditor.checks import qualification

few = ("lure", "vote", "number format", "batch size")
qualification.DISGUISES = {name: qualification.DISGUISES[name] for name in few}
"""


@dataclass(frozen=True)
class World:
    """What an audit is about: images (N, 8, 8, 1) in [0, 1] with labels (N,), class names, networks by their weights.

    box: the units that images and models are written in. target: a class that is aimed for. names: what classes,
    cases, models and files are called, where not as here. conftest: what is run before the session.
    """

    images: Array
    labels: Array
    classes: tuple[str, ...]
    models: Mapping[str, Weights]
    box: tuple[float, float] = (0.0, 1.0)
    target: int = 1
    names: Mapping[str, str] = field(default_factory=dict)
    conftest: str = ""

    def called(self, name: str) -> str:
        return self.names.get(name, name)

    @property
    def unit(self) -> float:
        """How wide the box is."""
        return self.box[1] - self.box[0]


@dataclass(frozen=True)
class Case:
    """A case of a check: parameters and expectations in a world, of a model under its name here.

    seeded: whether its random numbers belong to rows of the data or to its name, so that metrics differ a little where
    those do.
    """

    check: str
    params: Callable[[World], dict[str, Any]]
    expect: Callable[[World], dict[str, Any]]
    model: str = "release"
    seeded: bool = True


def _none(world: World) -> dict[str, Any]:
    return {}


def _ball(world: World) -> dict[str, Any]:
    return {"eps": 0.04 * world.unit, "samples": 999, "show": 1, "attacks": [{"attack": "apgd", "steps": 12}]}


def _curve(world: World) -> dict[str, Any]:
    return {"eps": [0.02 * world.unit, 0.08 * world.unit], "samples": 999, "attacks": [{"attack": "apgd", "steps": 12}]}


# Every check has a case here, most as their defaults are; a test fails while one is missing.
CASES: dict[str, Case] = {
    "right": Case("accuracy", _none, lambda w: {"accuracy": {"min": 0.8}}, seeded=False),
    "worst": Case("accuracy", _none, lambda w: {"worst_class_accuracy": {"min": 0.5}}, seeded=False),
    "sure": Case("calibration", _none, lambda w: {"ece": {"max": 0.6}}, seeded=False),
    "ball": Case("robust_accuracy", _ball, lambda w: {"robust_accuracy": {"min": 0.3}}),
    "weather": Case(
        "corruptions",
        lambda w: {"kinds": ["noise", "weather"], "severities": [3], "show": 1},
        lambda w: {"corrupted_accuracy": {"min": 0.5}},
    ),
    "moved": Case(
        "spatial",
        lambda w: {"degrees": 10, "samples": 999, "show": 1, "random": 0},
        lambda w: {"mean_accuracy": {"min": 0.3}},
    ),
    "images": Case("data_quality", _none, lambda w: {"constant_images": {"max": 0.0}}),
    "stable": Case(
        "stability",
        lambda w: {"samples": 999, "other": w.called("other")},
        lambda w: {"same.twice": {"min": 0.9}, "same.other": {"min": 0.3}},
    ),
    "outside": Case(
        "out_of_distribution",
        lambda w: {"kinds": [], "samples": 999, "show": 1},
        lambda w: {"auroc.noise.entropy": {"min": 0.05}},
    ),
    "curve": Case(
        "security_curve",
        _curve,
        lambda w: {f"robust_accuracy.{0.08 * w.unit:g}": {"min": 0.3}},
    ),
    "closest": Case(
        "minimal_perturbation",
        lambda w: {"norm": "l2", "samples": 999, "show": 1, "attacks": [{"attack": "ddn", "steps": 20}]},
        lambda w: {"median_distance": {"min": 0.1 * w.unit, "max": 3.0 * w.unit}},
    ),
    "flip": Case("digit_flip", lambda w: {"target": w.target, "show": 1}, lambda w: {"flip_rate": {"max": 0.9}}),
    "noise": Case(
        "noise_to_target",
        lambda w: {"target": w.target, "show": 1, "min_confidence": 0.5, "objective": "logit"},
        lambda w: {"success_rate": {"min": 0.5}},
    ),
    "onto": Case(
        "transfer",
        lambda w: {"adversarial": w.called("flip"), "onto": [w.called("other")], "show": 1},
        lambda w: {"transfer_rate": {"min": 0.1}},
    ),
    "maps": Case("weight_maps", _none, lambda w: {"matched": {"min": 0.3}}, seeded=False),
    "filters": Case(
        "filters",
        lambda w: {"layer": "look", "steps": 10, "samples": 80},
        lambda w: {"dead_filters": {"max": 0}},
        model="conv",
    ),
    "scan": Case("model_scan", _none, lambda w: {"critical": {"max": 0}}, seeded=False),
    "decoys": Case(
        "qualification",
        lambda w: {"eps": 0.7 * w.unit, "samples": 12, "attacks": [{"attack": "square", "steps": 20}]},
        lambda w: {"caught": {"min": 1}},
    ),
    "message": Case(
        "covert_message",
        lambda w: {"message": "at nine", "strangers": [w.called("other")]},
        lambda w: {"owner_recovered": {"min": 0.6}},
    ),
}


@cache
def base() -> World:
    """The audit that all others are compared with: softmax regressions and a convolution, on 80 images."""
    images, labels = TASK.draw(80, seed=2)
    rows = TASK.training[0].reshape(300, -1)
    random = np.random.default_rng(1)
    kernel = random.normal(0, 0.4, (3, 3, 1, 4)).astype(np.float32)
    seen = np.maximum(_convolved(TASK.training[0], kernel), 0).reshape(300, -1)
    models = {
        "release": tuple(TASK.solve(rows)),
        "other": tuple(TASK.solve(rows, few=80)),
        "conv": (kernel, np.zeros(4), *TASK.solve(seen)),
    }
    return World(images, labels, ("ant", "bee", "cat", "dog"), models)


def _convolved(images: Array, kernel: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel)


def with_heads(world: World, change: Callable[[Array, Array], tuple[Array, Array]], **more: Any) -> World:
    """The world with the last layer of every model, kernel (n, K) and bias (K,), changed."""
    models = {name: (*weights[:-2], *change(*weights[-2:])) for name, weights in world.models.items()}
    return replace(world, models=models, **more)


def network(world: World, weights: Weights) -> Any:
    """A model as Keras has it, taking images in the world's units."""
    import keras
    from keras import layers

    low, classes = world.box[0], len(world.classes)
    before = [] if world.box == (0.0, 1.0) else [layers.Rescaling(1 / world.unit, offset=-low / world.unit)]
    looks = [layers.Conv2D(4, 3, activation="relu", name="look")] if len(weights) == 4 else []
    last = layers.Dense(classes, activation="softmax")
    model = keras.Sequential([keras.Input((8, 8, 1)), *before, *looks, layers.Flatten(), last])
    model.set_weights([np.asarray(part) for part in weights])
    return model


def write(world: World, folder: Path) -> Path:
    """Write models, data and spec into a new folder; give the spec's path."""
    folder.mkdir()
    for name, weights in world.models.items():
        network(world, weights).save(folder / f"{world.called(name)}.keras")
    data = folder / f"{world.called('data')}.npz"
    images = (world.box[0] + world.unit * world.images).astype(np.float32)
    np.savez(data, images=images, labels=world.labels, classes=np.array(world.classes))
    models = {
        world.called(name): {"format": "keras", "path": f"{world.called(name)}.keras", "output": "probabilities"}
        | {"trusted": True}
        for name in world.models
    }
    checks = [
        {"id": world.called(name), "check": case.check, "model": world.called(case.model)}
        | {"params": case.params(world), "expect": case.expect(world)}
        for name, case in CASES.items()
    ]
    (folder / "conftest.py").write_text(_FEW_DECOYS + world.conftest)
    spec = {"audit": folder.name, "models": models, "checks": checks}
    spec["data"] = {"dataset": "npz", "path": data.name, "box": list(world.box)}
    path = folder / f"{world.called('spec')}.audit.yaml"
    path.write_text(yaml.safe_dump(spec, allow_unicode=True))
    return path
