"""Robust accuracy and time of our attacks beside Foolbox and ART: same checkpoint, images and threat model.

    python -m tests.benchmarks.peers            (needs: pip install foolbox==3.3.4 adversarial-robustness-toolbox)

Every figure is the median of several runs, taken in turn so that a busy moment hits all alike. `limit` is what
the bare compiled forward and input-gradient passes of the Keras model take.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from auditor.attacks import apgd, pgd
from auditor.attacks._search import Threat, search
from auditor.backend import tensorflow
from auditor.datasets import mnist_5k
from auditor.models import keras as format_keras
from fixtures.examples import FOLDER

STEPS, STEP = 40, 0.01


def ours(attack: Any, network: Any, images: Any, labels: Any, eps: float, stop: bool, **params: Any) -> float:
    """Robust accuracy under one of our attacks."""
    count = len(images)
    found = search(
        attack,
        attack.Params(**params),
        network,
        Threat("linf", (0.0, 1.0)),
        images,
        labels,
        np.full(count, -1),
        np.full(count, eps),
        0,
        np.arange(count),
        stop,
    )
    return float(1 - found.success.mean())


def bare(network: Any, images: Any, labels: Any, batch: int) -> float:
    """The limit: forward and input-gradient passes and nothing else."""
    tf = tensorflow()

    @tf.function(autograph=False)
    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, network.forward(x))
        return tape.gradient(loss, x)

    parts = [slice(i, i + batch) for i in range(0, len(images), batch)]
    pairs = [(tf.constant(images[p]), tf.constant(labels[p])) for p in parts]
    for x, y in pairs:
        for _ in range(STEPS):
            found = gradient(x, y)
    return float(found.numpy().sum() * 0)


def foolbox_pgd(network: Any, images: Any, labels: Any, eps: float) -> float:
    """Foolbox's PGD, without a random start like ours beside it."""
    import foolbox

    tf = tensorflow()
    model = foolbox.TensorFlowModel(network.logits_model, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS)
    _, _, success = attack(model, tf.constant(images), tf.constant(labels), epsilons=eps)
    return float(1 - np.mean(success))


def art_pgd(network: Any, images: Any, labels: Any, eps: float) -> float:
    """ART's PGD."""
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    tf = tensorflow()
    classifier = TensorFlowV2Classifier(
        network.logits_model,
        nb_classes=10,
        input_shape=(28, 28, 1),
        loss_object=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        clip_values=(0, 1),
    )
    attack = ProjectedGradientDescentTensorFlowV2(
        classifier, eps=eps, eps_step=STEP, max_iter=STEPS, num_random_init=1, batch_size=len(images), verbose=False
    )
    made = attack.generate(images, labels)
    return float(np.mean(network.predict(made).argmax(axis=1) == labels))


def main() -> None:
    """Print one table: robust accuracy, seconds, and seconds over the limit's."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--images", type=int, default=1000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("--eps", type=float, default=0.3)
    arguments.add_argument("--without-peers", action="store_true")
    chosen = arguments.parse_args()
    path = str(FOLDER / "mnist_cnn.keras")
    network = format_keras.load(format_keras.Params(path=path, output="probabilities"))
    digits = mnist_5k.load(mnist_5k.Params())
    images, labels, eps = digits.images[: chosen.images], digits.labels[: chosen.images], chosen.eps

    def fixed(stop: bool) -> float:
        return ours(pgd, network, images, labels, eps, stop, steps=STEPS, step_size=STEP)

    entries: dict[str, Callable[[], float]] = {
        "limit: bare gradients, batch 1000": lambda: bare(network, images, labels, 1000),
        "limit: bare gradients, batch 256": lambda: bare(network, images, labels, 256),
        "pgd, all 40 steps": lambda: fixed(False),
        "pgd, left when fallen": lambda: fixed(True),
        "apgd, left when fallen": lambda: ours(apgd, network, images, labels, eps, True, steps=STEPS),
    }
    if not chosen.without_peers:
        entries["Foolbox PGD"] = lambda: foolbox_pgd(network, images, labels, eps)
        entries["ART PGD"] = lambda: art_pgd(network, images, labels, eps)
    seconds: dict[str, list[float]] = {name: [] for name in entries}
    found: dict[str, float] = {}
    for turn in range(chosen.runs + 1):
        for name, entry in entries.items():
            began = time.perf_counter()
            found[name] = entry()
            if turn:  # the first turn traces and warms up
                seconds[name].append(time.perf_counter() - began)
    limit = statistics.median(seconds["limit: bare gradients, batch 1000"])
    table = Table(
        "attack", "robust accuracy", "seconds (median)", "of the limit", title=f"L∞ {eps}, {len(images)} images"
    )
    for name, values in seconds.items():
        middle = statistics.median(values)
        accuracy = "" if name.startswith("limit") else f"{found[name]:.3f}"
        table.add_row(name, accuracy, f"{middle:.2f}", f"{middle / limit:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
