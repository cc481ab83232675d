"""What checks of the world, of confidence and of data take: `python -m tests.benchmarks.checks`.

    python -m tests.benchmarks.checks [--images 1000]

Processor time of each check on so many digits, in forward passes of the tutorial network over the same digits, and how
many of these are the network's own. What single kinds of corruption take says `tests.benchmarks.corruptions`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from auditor import catalog
from auditor.datasets import mnist_5k
from auditor.models import keras as format_keras
from auditor.values import Context
from fixtures.examples import FOLDER
from tests.benchmarks._report import run_parts, say, show

_FORWARD = 5  # runs of a forward pass, of which the quickest counts
CHECKS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("accuracy", {}),
    ("calibration", {}),
    ("calibration", {"kinds": ["noise", "blur", "weather"]}),
    ("out_of_distribution", {}),
    ("data_quality", {}),
    ("data_quality", {"train": "train"}),
    ("stability", {}),
    ("stability", {"other": "other"}),
    ("spatial", {}),
    ("corruptions", {}),
)


def _seconds(function: Callable[[], object]) -> float:
    """Processor seconds of one run, with figures drawn up."""
    began = time.process_time()
    function()
    return time.process_time() - began


def passes(images: int) -> None:
    """Print what each check takes, once what it compiles is compiled."""
    digits = mnist_5k.load(mnist_5k.Params(count=images))
    train = mnist_5k.load(mnist_5k.Params(split="train"))
    params = format_keras.Params(path=str(FOLDER / "mnist_cnn.keras"), output="probabilities")
    network = format_keras.load(params)
    networks = {"model": network, "other": format_keras.load(params)}
    context = Context(
        "model", digits, 0, networks.__getitem__, {}.__getitem__, {}.__getitem__, data={"train": train}.__getitem__
    )
    few = replace(context, samples=digits.only(np.arange(60)))
    rows = []
    forward = 0.0
    for name, asked in CHECKS:
        check = catalog.load("checks", name)
        wanted = check.Params(**asked)
        check.run(few, wanted)
        taken = _seconds(partial(check.run, context, wanted))
        # Beside each, as other work on the machine comes and goes.
        forward = min(_seconds(partial(network.predict, digits.images)) for _ in range(_FORWARD))
        own = check.cost(wanted, len(digits), network.class_count).predictions / len(digits)
        told = ", ".join(f"{key}: {value}" for key, value in asked.items())
        rows.append((name, told, f"{taken:.2f}", f"{taken / forward:.1f}", f"{own:.1f}"))
        say(" ".join(rows[-1]))
    heads = ("check", "parameters", "seconds", "forward passes", "of the network, at most")
    show(f"{len(digits)} images of 28 × 28; a forward pass took {forward:.2f} s", heads, rows)


if __name__ == "__main__":
    run_parts(__doc__, {"passes": passes}, "--images", 1000, "how many digits")
