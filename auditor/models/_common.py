"""What every checkpoint format owes: fixed batch shapes, finite logits, an honest declaration of its output."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from auditor.core import FloatArray, like_probabilities
from auditor.errors import ModelError


def finite_logits(
    forward: Callable[[Any], Any], images: FloatArray, class_count: int, batch: int, name: str
) -> FloatArray:
    """Run `forward` over images (N, H, W, C) in batches of one fixed shape, the last one padded.

    Convolutions round differently for different batch shapes; with one shape an image's logits don't depend
    on its neighbours. Raises ModelError where an output isn't finite.
    """
    logits = np.empty((len(images), class_count), dtype=np.float32)
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        logits[start : start + len(part)] = np.asarray(forward(padded))[: len(part)]
    broken = ~np.isfinite(logits).all(axis=1)
    if broken.any():
        first = int(np.flatnonzero(broken)[0])
        message = (
            f"{name} gives NaN or infinity for {int(broken.sum())} of {len(images)} images (first: number {first})"
        )
        raise ModelError(message)
    return logits


def declared_output_problem(raw: FloatArray, output: Literal["logits", "probabilities"]) -> str | None:
    """Say what is wrong with calling `raw` (N, classes) `output`, or None. NaN is left to `finite_logits`."""
    if not np.isfinite(raw).all():
        return None
    if output == "logits" and like_probabilities(raw):
        return "declared as `output: logits`, but every row is positive and sums to 1; write `output: probabilities`"
    if output == "probabilities" and not like_probabilities(raw):
        sums = raw.sum(axis=1)
        span = f"sums from {sums.min():.3g} to {sums.max():.3g}, least value {raw.min():.3g}"
        return f"declared as `output: probabilities`, but rows are no distribution ({span}); write `output: logits`"
    return None
