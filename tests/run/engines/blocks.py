"""Work in blocks that a test can hold, follow and take down, in any process: it needs no TensorFlow.

Where KNOW_EXTENSIONS is set, importing this makes the tests' extensions known, so that whoever is sent a block can load
a plain model.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import auditor.checks
import auditor.models
from auditor.values import Classifier

EXTENSIONS = Path(__file__).parents[2] / "extensions"
if "KNOW_EXTENSIONS" in os.environ:
    for package in (auditor.checks, auditor.models):
        if str(EXTENSIONS / package.__name__.rpartition(".")[2]) not in package.__path__:
            package.__path__.append(str(EXTENSIONS / package.__name__.rpartition(".")[2]))


@dataclass(frozen=True)
class Block:
    """Images to predict, and the folder where it is noted who began."""

    number: int
    images: np.ndarray
    notes: str


@dataclass(frozen=True)
class Answer:
    """Their logits."""

    logits: np.ndarray


def predict(classifier: Classifier, block: Block) -> Answer:
    """Predict. Whoever is the first to begin a block that is held waits until it isn't; a deadly one kills anybody."""
    begun, hold = Path(block.notes, f"begun-{block.number}"), Path(block.notes, f"hold-{block.number}")
    first = not begun.exists()
    with begun.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if Path(block.notes, f"deadly-{block.number}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    while first and hold.exists():
        time.sleep(0.01)
    return Answer(classifier.predict(block.images))
