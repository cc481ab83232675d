"""Adversarial images of a record on the checkpoint: are they of the data, within bounds, and do they fool it?"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from auditor.classifiers import disputed, fools, undecided
from auditor.evidence.findings import Finding, found
from auditor.measuring import numbered, of_each
from auditor.search import distance
from auditor.values import (
    AdversarialImages,
    Classifier,
    FloatArray,
    Proof,
    Record,
    Recount,
    Samples,
    decisive_range,
    within_reach,
)

_AGREE = 1e-3  # of the range of answers: other machines and versions round differently
_LEVELS = 255


def demanded(made: AdversarialImages, proof: Proof, again: Recount) -> tuple[AdversarialImages, Proof]:
    """The images and their proof, with what the check's parameters allow in place of what the record says they do."""
    proof = dataclasses.replace(proof, norm=again.norm, box=again.box, radii=again.radii, least=again.least)
    targets = made.targets if again.targets is None else again.targets
    return dataclasses.replace(made, proof=proof, targets=targets), proof


def allowed(record: Record, proof: Proof, again: Recount) -> Finding:
    """Whether a record allows its images what the check's parameters do, and nothing else."""
    wrong = [
        name
        for name, told, wanted in (
            ("norm", proof.norm, again.norm),
            ("box", proof.box, again.box),
            ("least", proof.least, again.least),
        )
        if told != wanted
    ]
    told, wanted = (one.tolist() if one is not None else None for one in (proof.radii, again.radii))
    wrong += ["radii"] if told != wanted else []
    seen = f"{', '.join(wrong)} aren't those of its parameters" if wrong else "norm, box and radii are its parameters'"
    return found(record.case, "threat model", not wrong, seen)


def images(
    record: Record, made: AdversarialImages, proof: Proof, classifier: Classifier, samples: Samples, any_wrong: bool
) -> Iterator[Finding]:
    """Look at every image of a record. any_wrong: whether any wrong class would do, whatever the record says."""
    count = len(made.images)
    real = made.indices >= 0
    place = {int(row): i for i, row in enumerate(samples.indices)}
    known = [place.get(int(row), -1) for row in made.indices[real]]
    theirs = samples.images[known] if known else samples.images[:0]
    true = min(known, default=0) >= 0 and np.array_equal(theirs, made.originals[real])
    true = true and np.array_equal(samples.labels[known], made.labels[real])
    told = f"{int(real.sum())} originals and labels are the data's" if true else "originals or labels aren't the data's"
    yield found(record.case, "originals", true, told)

    inside = np.isfinite(made.images).all(axis=(1, 2, 3))
    if proof.box is not None:
        inside &= (made.images >= proof.box[0]).all(axis=(1, 2, 3)) & (made.images <= proof.box[1]).all(axis=(1, 2, 3))
    if proof.radii is not None:
        inside &= distance(made.images, made.originals, proof.norm) <= proof.radii
    where = "ball and box" if proof.radii is not None else "the box" if proof.box else "what is finite"
    seen = f"{int(inside.sum())} of {count} lie within {where}"
    yield found(record.case, "within bounds", bool(inside.all()), seen)

    # By a plain call of the checkpoint: what measured and what verifies must not share their mistakes.
    output, after, before = classifier.output, classifier.answers(made.images), classifier.answers(made.originals)
    unit = decisive_range(proof.before) if len(proof.before) else 1.0
    apart = max(_apart(before, proof.before, unit), _apart(after, proof.after, unit))
    told = f"the checkpoint's answers differ by {apart:.1g} of their range from those stored"
    yield found(record.case, "logits", apart <= _AGREE, told)

    renamed = 0
    if any_wrong:
        said = after.argmax(axis=1)
        renamed = int(((said != made.targets) & ~undecided(after, proof.before)).sum())
        made = dataclasses.replace(made, targets=said)
    fooled = fools(after, output, made)
    wrong = int(disputed(after, output, made).sum())
    survive = fools(classifier.answers(_rounded(made.images, samples.box)), output, made)[made.fooled]
    told = f"{int(fooled.sum())} of {count} fool the checkpoint, {wrong} unlike stored"
    if renamed:
        told += f"; of {renamed} the record names another class than the checkpoint does"
    if survive.size:
        told += f"; {int(survive.sum())} of {survive.size} still do as 8-bit images"
    yield found(record.case, "predicted again", wrong == renamed == 0, told)
    yield _counts(record, made, proof)


def _rounded(images: FloatArray, box: tuple[float, float]) -> FloatArray:
    """Images as a PNG of 8 bits would keep them."""
    low, high = box
    levels = np.round((np.clip(images, low, high) - low) / (high - low) * _LEVELS)
    return (low + levels / _LEVELS * (high - low)).astype(np.float32)


def _apart(now: FloatArray, stored: FloatArray, unit: float) -> float:
    """The greatest difference of answers (N, K), in units of their range; of classes out of reach none counts."""
    if now.shape != stored.shape or not np.isfinite(stored).all():
        return float("inf")
    if not now.size:
        return 0.0
    return float(np.abs(within_reach(now, unit) - within_reach(stored, unit)).max() / max(unit, 1e-30))


def _counts(record: Record, made: AdversarialImages, proof: Proof) -> Finding:
    """Whether the metrics count exactly these images."""
    wrong = []
    metrics = record.evidence.metrics if record.evidence else {}
    for counted in proof.counted:
        metric = metrics.get(counted.metric)
        if metric is None or metric.values is None or metric.rows is None:
            wrong.append(counted.metric)
            continue
        broken = made.fooled.copy()
        if counted.radius is not None and proof.radii is not None:
            broken &= proof.radii <= counted.radius
        at = {int(row): i for i, row in enumerate(metric.rows)}
        rows = made.indices if (made.indices >= 0).all() else -1 - numbered(made.originals)
        there, numbers = np.unique(rows, return_inverse=True)
        values = np.array([metric.values[at[int(row)]] if int(row) in at else np.nan for row in there])
        wanted = of_each(np.where(broken, counted.fell, 1 - counted.fell), numbers)
        if not np.allclose(values, wanted, rtol=0, atol=1e-9):
            wrong.append(counted.metric)
    names = ", ".join(counted.metric for counted in proof.counted)
    seen = f"{', '.join(wrong)} don't count these images" if wrong else f"{names} count these images"
    return found(record.case, "counted", not wrong, seen)
