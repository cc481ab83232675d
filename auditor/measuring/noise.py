"""Noise images that belong to a case's seed, and go to one class or to several."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.compute import uniform
from auditor.values import AdversarialImages, CheckError, Context, IntArray

_DRAWN = 1e-6  # within which float32 images are the same that were drawn alike on another machine


@dataclass(frozen=True)
class Noise:
    """Uniform noise (N, H, W, C) within the box, once for each class, with its targets (N,).

    originals: (N,), which noise image each is. rows: (M,), what metrics call these: -1 - i for the i-th.
    """

    start: NDArray[np.float32]
    targets: IntArray
    originals: IntArray
    rows: IntArray

    def check_same(self, made: AdversarialImages) -> None:
        """Raise CheckError unless what a record holds began as this noise, and is aimed where it should be."""
        if made.originals.shape != self.start.shape or not np.allclose(made.originals, self.start, rtol=0, atol=_DRAWN):
            raise CheckError("the originals in the record aren't the noise that belongs to the seed")
        if not np.array_equal(made.targets, self.targets) or (made.labels != -1).any():
            raise CheckError("the images in the record have other targets or labels than noise should have")


def drawn(context: Context, count: int, target: int | str) -> Noise:
    """The case's first `count` noise images, for a class given by number or name, or for each with `all`."""
    if target == "all":
        classes = range(context.classifier.class_count)
    else:
        one = context.class_number(target, "target")
        classes = range(one, one + 1)
    shape, number = context.samples.images.shape[1:], np.arange(count)
    noise = uniform(context.seed, "noise", count, shape, context.samples.box)
    targets = np.repeat(np.asarray(classes, np.int64), count)
    return Noise(np.concatenate([noise] * len(classes)), targets, np.tile(number, len(classes)), -1 - number)
