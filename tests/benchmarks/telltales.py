"""What tell-tale tests cost, and whether they complain of honest networks: `python -m tests.benchmarks.telltales`.

A `robust_accuracy` of each network, three times within one process at radii that differ a little, as the cases of a
spec would ask for it. The first compiles, and asks what concerns the model alone; the ratio is of the other two: all
the time they took, by what is left of it without the tests. Both are of the same runs, since two on a busy machine
differ by more than what is looked for. Processor time is of all threads, and holds where the machine is busy.
"""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial, wraps
from statistics import mean
from typing import Any

import numpy as np

from auditor import catalog
from auditor.checks import robust_accuracy
from auditor.classifiers.keras_models import keras_classifier
from auditor.compute.backend import tensorflow
from auditor.compute.parallel import side_by_side
from auditor.run import measuring
from auditor.values import Output
from fixtures.examples import FOLDER
from tests.benchmarks._report import run_parts, say, show
from tests.benchmarks._subject import undivided
from tests.support import context

_SHRINK = (1.0, 0.95, 0.9)


@dataclass(frozen=True)
class Network:
    """An example network and the radius it is attacked in.

    factor: what its logits are multiplied by. levels: in how many, to each side of zero, its weights are rounded.
    """

    name: str
    eps: float
    factor: float = 1.0
    levels: int = 0
    data: str = "mnist_5k"

    def opened(self) -> Any:
        """The classifier."""
        tensorflow()
        import keras

        network = keras.models.load_model(FOLDER / f"{self.name}.keras", compile=False)
        for layer in network.layers if self.levels else ():
            layer.set_weights([_rounded(part, self.levels) for part in layer.get_weights()])
        last = network.layers[-1]
        last.set_weights([self.factor * part for part in last.get_weights()])
        output: Output = "probabilities" if last.activation is keras.activations.softmax else "logits"
        return keras_classifier(network, self.name, output)


def _rounded(weights: Any, levels: int) -> Any:
    unit = np.abs(weights).max() / levels or 1.0
    return np.round(weights / unit) * unit


NETWORKS = {
    "plain": Network("mnist_cnn", 0.1),
    "linear": Network("mnist_softmax", 0.03),
    "hardened": Network("mnist_cnn_hardened", 0.2),
    "robust": Network("mnist_cnn_robust", 0.3),
    "colour": Network("photo_cnn", 2 / 255, data="photo_patches"),
    "overconfident": Network("mnist_cnn", 0.1, factor=50),
    "quantised": Network("mnist_cnn", 0.1, levels=127),
}


@dataclass
class Meter:
    """Seconds spent in what is metered: of the wall's clock and of processors."""

    wall: float = 0.0
    processor: float = 0.0
    inside: bool = False

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, metered; of what it calls that is metered as well, nothing is counted twice."""

        @wraps(function)
        def metered(*arguments: Any, **named: Any) -> Any:
            if self.inside:
                return function(*arguments, **named)
            self.inside, wall, processor = True, time.perf_counter(), time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.wall += time.perf_counter() - wall
                self.processor += time.process_time() - processor
                self.inside = False

        return metered


@dataclass(frozen=True)
class Case:
    """Seconds of one case and of the tests within it, and which of these complained."""

    whole: Meter
    tests: Meter
    complained: tuple[str, ...]


def measured(network: Network, attack: dict[str, Any], images: int) -> list[Case]:
    """Cases of one network, one after the other, in a process of their own."""
    tests = Meter()
    for room, names in (
        (robust_accuracy, ("both",)),
        (measuring, ("_first", "of_models", "remembered")),
    ):
        for name in names:
            setattr(room, name, tests.around(getattr(room, name)))
    data = catalog.load("datasets", network.data)
    samples, classifier, found = data.load(data.Params()), network.opened(), []
    classifier.predict(samples.images[:images])
    for shrink in _SHRINK:
        params = robust_accuracy.Params(eps=shrink * network.eps, samples=images, attacks=[attack])
        here = replace(context(classifier, samples), engine=side_by_side)
        tests.wall = tests.processor = 0.0
        whole = Meter()
        evidence = whole.around(measuring.measured)("robust_accuracy", here, params)
        complained = tuple(test.name for test in evidence.diagnostics if not test.ok)
        found.append(Case(whole, Meter(tests.wall, tests.processor), complained))
    return found


def _row(called: str, cases: list[Case]) -> tuple[str, ...]:
    first, *others = cases

    def ratio(clock: str) -> float:
        return mean(
            getattr(case.whole, clock) / (getattr(case.whole, clock) - getattr(case.tests, clock)) for case in others
        )

    once = first.tests.processor - mean(case.tests.processor for case in others)
    complained = sorted({name for case in cases for name in case.complained})
    own = mean(case.whole.processor - case.tests.processor for case in others)
    return (
        called,
        f"{own:.1f}",
        f"{ratio('processor'):.2f}",
        f"{ratio('wall'):.2f}",
        f"{once:.1f}",
        ", ".join(complained) or "none",
    )


def run(called: str, attack: dict[str, Any], images: int) -> None:
    """Print the row of one network under one attack."""
    network = NETWORKS[called]
    if not (FOLDER / f"{network.name}.keras").is_file():
        say(f"{called}: there is no {network.name}.keras; `make robust` trains it")
        return
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), undivided) as apart:
        cases = apart.submit(measured, network, attack, images).result()
    columns = ("network", "seconds without", "ratio, processor", "ratio, wall", "once, seconds", "complained")
    show(f"{attack['attack']}, {images} images", columns, [_row(called, cases)])


PARTS = {called: partial(run, called, {"attack": "apgd"}) for called in NETWORKS}
PARTS |= {f"{called}-autoattack": partial(run, called, {"attack": "autoattack"}) for called in ("plain", "linear")}
PARTS |= {"plain-short": partial(run, "plain", {"attack": "pgd", "steps": 40})}


if __name__ == "__main__":
    run_parts(__doc__, PARTS, "--images", 200, "how many images to attack")
