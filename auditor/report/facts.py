"""What numbers of a card say beside each other: what was wrong before any attack, what is left, what chance gives."""

from collections.abc import Iterator, Mapping

import numpy as np

from auditor.spec import plain_to_see
from auditor.telling.numbers import percent
from auditor.values import Metric, Record

_LEFT = ("robust_accuracy", "targeted_robust_accuracy", "corrupted_accuracy", "grid_accuracy", "mean_accuracy")
"""Metrics whose share of the clean accuracy is told; those of single radii and kinds stand in the table."""
_MOST_RADII = 8


def facts(record: Record) -> tuple[str, ...]:
    """Sentences on what the metrics of a record mean together, from these alone."""
    return tuple(_facts(record.evidence.metrics)) if record.evidence else ()


def _facts(metrics: Mapping[str, Metric]) -> Iterator[str]:
    clean = metrics.get("clean_accuracy")
    if clean is not None and clean.successes is not None and clean.n:
        wrong = clean.n - clean.successes
        yield f"Wrong before anything was done to them: {wrong} of {clean.n} images ({percent(wrong / clean.n)})."
        yield from _left(metrics, clean)
    majority, accuracy = metrics.get("majority"), metrics.get("accuracy")
    if majority is not None and accuracy is not None:
        sizes = [metric.n for name, metric in metrics.items() if name.startswith("accuracy.") and metric.n]
        held = f"; classes have {_ends(sizes)} images" if sizes else ""
        yield f"Always naming the most frequent class is right for {percent(majority.value)} of the images{held}."


def _ends(sizes: list[int]) -> str:
    return str(sizes[0]) if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"


def _left(metrics: Mapping[str, Metric], clean: Metric) -> Iterator[str]:
    """What is left of the clean accuracy: an absolute share hides how much of it was there to be lost."""
    if not clean.value:
        return
    radii = [name for name in metrics if name.startswith("robust_accuracy.")]
    for name in [name for name in (*_LEFT, *radii[:_MOST_RADII]) if name in metrics]:
        share = metrics[name].value / clean.value
        yield f"`{name}` is {percent(share)} of the clean accuracy, a relative drop of {percent(1 - share)}."


def looks(record: Record) -> str:
    """What the title says of how hard a change is to see, where the images that were found don't bear it out."""
    made = record.evidence.adversarial if record.evidence else None
    if made is None or not made.fooled.any():
        return ""
    low, high = (made.proof.box if made.proof else None) or (float(made.originals.min()), float(made.originals.max()))
    if high <= low:
        return ""
    change = np.abs(made.images[made.fooled] - made.originals[made.fooled])
    most = float(change.reshape(len(change), -1).max(axis=1).mean())
    return plain_to_see(record.title, most / (high - low), "the images found have a pixel that changes, on average, by")
