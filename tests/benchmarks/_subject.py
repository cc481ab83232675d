"""What every benchmark attacks, our own attacks on it, and the one judge of them all.

Peers divide an operation among all cores, as TensorFlow and PyTorch do unless told otherwise (`divide_operations`). An
audit gives each block a core: where time counts, our own attacks have a process of their own, set up as an audit is
(`apart`).
"""

import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor import catalog
from auditor.classifiers.keras_models import keras_classifier
from auditor.compute import tensorflow
from auditor.compute.capacity import cores
from auditor.compute.parallel import side_by_side
from auditor.datasets import mnist_5k
from auditor.search.loop import ThreatModel
from auditor.search.norms import Norm, distance
from auditor.search.search import AttackResult, Job, Keep, search
from fixtures.examples import FOLDER

BOX = (0.0, 1.0)
CNN, ROBUST = "mnist_cnn", "mnist_cnn_robust"
_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def divide_operations() -> None:
    """Let TensorFlow divide every operation of this process among all cores; it has to be called before its import."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cores()))


def undivided() -> None:
    """Undo that, in a process that hasn't imported TensorFlow yet."""
    for name in _THREADS:
        os.environ.pop(name, None)


@cache
def _audit() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), undivided)


def apart(
    name: str, count: int, norm: Norm, eps: float, stages: list[tuple[str, dict[str, Any]]], keep: Keep = "first"
) -> Any:
    """Where images end that our attacks are run on, as `ours`, in a process set up as an audit is."""
    return _audit().submit(_attacked, name, count, norm, eps, stages, keep).result()


def _attacked(*arguments: Any) -> Any:
    name, count, *rest = arguments
    return ours(_kept_subject(name, count), *rest)[0]


@dataclass(frozen=True)
class Subject:
    """A network, the Keras model that gives its logits, and images it classifies right: images (N, 28, 28, 1), labels
    (N,) and logits (N, 10); `total` were looked at.
    """

    network: Any
    model: Any
    images: Any
    labels: Any
    logits: Any
    total: int


def subject(name: str, count: int, factor: float = 1) -> Subject:
    """The example network of this name, its logits times `factor`, with `count` images, spread over the validation
    split.
    """
    model = tensorflow().keras.models.load_model(FOLDER / f"{name}.keras", compile=False)
    last = model.layers[-1]
    last.activation = tensorflow().keras.activations.linear
    last.set_weights([factor * weights for weights in last.get_weights()])
    network = keras_classifier(model, name, "logits")
    digits = mnist_5k.load(mnist_5k.Params())
    rows = np.linspace(0, len(digits) - 1, count).round().astype(int)
    images, labels = digits.images[rows], digits.labels[rows]
    logits = network.predict(images)
    right = logits.argmax(axis=1) == labels
    return Subject(network, model, images[right], labels[right], logits[right], count)


@cache
def _kept_subject(name: str, count: int) -> Subject:
    return subject(name, count)


def ours(
    it: Subject, norm: Norm, eps: float, stages: list[tuple[str, dict[str, Any]]], keep: Keep = "first", seed: int = 0
) -> tuple[Any, list[AttackResult]]:
    """Run our attacks, each on what those before left; gives where images ended, and what each stage found."""
    ended, left, found = it.images.copy(), np.arange(len(it.labels)), []
    for name, params in stages:
        module = catalog.load("attacks", name)
        radii, anywhere = np.full(len(left), eps), np.full(len(left), -1)
        job = Job(it.images[left], it.labels[left], anywhere, radii, left.astype(np.int64), it.logits[left])
        result = search(
            name, module.Params(**params), it.network, ThreatModel(norm, BOX), job, seed, keep, side_by_side
        )
        ended[left] = result.images
        left = left[~result.success]
        found.append(result)
        if not left.size:
            break
    return ended, found


def robust_accuracy(it: Subject, made: Any, norm: Norm, eps: float) -> float:
    """Share of all images that hold: what left ball or box, by more than rounding, is not counted as broken."""
    inside = distance(made.astype(np.float32), it.images, norm) <= eps * (1 + 1e-5)
    inside &= (made.min(axis=(1, 2, 3)) >= -1e-6) & (made.max(axis=(1, 2, 3)) <= 1 + 1e-6)
    broken = inside & (it.network.predict(made.astype(np.float32)).argmax(axis=1) != it.labels)
    return float((len(broken) - broken.sum()) / it.total)


def distances(it: Subject, made: Any, norm: Norm) -> NDArray[np.float64]:
    """Distance of every image that is adversarial, infinity for the others: (N,)."""
    made = np.clip(made.astype(np.float32), *BOX)
    wrong = it.network.predict(made).argmax(axis=1) != it.labels
    return np.where(wrong, distance(made, it.images, norm), np.inf)


def timed(entries: dict[str, Callable[[], Any]], runs: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of every run of every entry, in turn so that a busy moment hits all alike, and the last results.

    A first turn traces and warms up, and is counted only if it is the only one (runs of 0).
    """
    seconds: dict[str, list[float]] = {name: [] for name in entries}
    results: dict[str, Any] = {}
    for turn in range(runs + 1):
        for name, entry in entries.items():
            gc.collect()
            began = time.perf_counter()
            results[name] = entry()
            if turn or not runs:
                seconds[name].append(time.perf_counter() - began)
    return seconds, results


def median(values: list[float]) -> float:
    """The median, nan of nothing."""
    return statistics.median(values) if values else float("nan")
