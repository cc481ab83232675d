"""What if something goes wrong while an engine works off blocks?

What it measures
    Accuracy, predicted in blocks of ten images.

Why it matters
    Schedulers, workers and folders go while one case is measured.

How to read it
    `accuracy` as ever; the array `logits` is what the blocks gave.

References
    None.
"""

from pathlib import Path

import numpy as np

from auditor.values import Context, Evidence, MetricInfo, Parameters, proportion
from tests.run.engines.blocks import Block, predict

METRICS = {"accuracy": MetricInfo("proportion", "share of images given their true class", "higher")}
SIZE = 10


class Params(Parameters):
    """None."""


def run(context: Context, params: Params) -> Evidence:
    """Predict, block by block."""
    images, notes = context.samples.images, str(Path.cwd())
    starts = range(0, len(images), SIZE)
    blocks = [Block(at // SIZE, images[at : at + SIZE], notes) for at in starts]
    logits = np.concatenate([answer.logits for answer in context.engine(predict, context.classifier, blocks)])
    right = logits.argmax(axis=1) == context.samples.labels
    accuracy = {"accuracy": proportion(right, rows=context.samples.indices)}
    return Evidence(f"{right.sum()} right.", accuracy, arrays={"logits": logits})
