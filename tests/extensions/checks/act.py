"""What if something goes wrong while a check runs?

What it measures
    Accuracy on images with a little noise, after it did what it was told to.

Why it matters
    Processes die, disks fill up, folders disappear.

How to read it
    `accuracy` as ever; the array `process` is the process that ran it.

References
    None.
"""

import os
import resource
import shutil
import signal
import time
import warnings
from typing import Literal

import numpy as np

from auditor.compute.randomness import normal
from auditor.values import (
    AdversarialImages,
    Bars,
    CaseId,
    Context,
    Evidence,
    ImageGrid,
    MetricInfo,
    Panel,
    Parameters,
    proportion,
)

MAKES_IMAGES = True
METRICS = {"accuracy": MetricInfo("proportion", "share of images given their true class", "higher")}


class Params(Parameters):
    """What to do."""

    do: Literal["nothing", "die", "fill the disk", "remove the reports", "sleep", "warn"] = "nothing"
    """What goes wrong."""
    after: CaseId | None = None
    """The case whose images to take."""
    images: int = 0
    """How many to show, and as many bars."""


def run(context: Context, params: Params) -> Evidence:
    """Take images, do it, and measure."""
    samples = context.samples
    originals = context.adversarial(params.after).images if params.after else samples.images
    match params.do:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fill the disk":  # as one that is full does, every write of more than this many bytes fails from now on
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
        case "remove the reports":
            shutil.rmtree("reports")
        case "sleep":
            time.sleep(1)
        case "warn":  # as libraries do, of what they will change
            warnings.warn("it will be removed", DeprecationWarning, stacklevel=1)
            warnings.warn_explicit("a node", DeprecationWarning, "astn.py", 23, module="gast.astn")
    images = (originals + 0.01 * normal(context.seed, "noise", len(samples), originals.shape[1:])).astype(np.float32)
    predicted = context.classifier.predict(images).argmax(axis=1)
    right = predicted == samples.labels
    left = AdversarialImages(
        images, samples.images, samples.labels, predicted, ~right, samples.indices, context.model_name
    )
    shown = params.images
    figures = (
        ImageGrid(f"{shown} images", "As asked for.", "some images", Panel(images[:shown])),
        Bars(f"{shown} bars", "As asked for.", "some bars", tuple(map(str, range(shown))), np.linspace(0, 1, shown)),
    )
    return Evidence(
        f"{right.sum()} right.",
        {"accuracy": proportion(right, rows=samples.indices)},
        figures if shown else (),
        arrays={"process": np.array(os.getpid())},
        adversarial=left,
    )
