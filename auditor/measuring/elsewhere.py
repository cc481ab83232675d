"""Where a claim rests on few images, rivals are given others of the data too: of few, they would break none by chance.

What a rival breaks of these is shown to the attacks of the spec. What stands against them, though it breaks, counts
against them as what held does.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from auditor.measuring.cascade import AttackChoice, Attacked, cascade, cost_of
from auditor.measuring.rivals import challenged, cost_challenged
from auditor.search import Job, ThreatModel
from auditor.values import Context, Passes

_FEW, _OTHERS = 60, 100


def elsewhere(
    context: Context, threat: ThreatModel, attacks: list[AttackChoice], looked: int, job: Job, broken: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which other images (n,) of the data, of those classified right, a rival breaks and the attacks of a spec don't.

    None are where more than 60 images were looked at or all there are, most of the job was broken (N,), or it is
    attacked again. Rivals try each in the manner that is its own.
    """
    samples, classifier = context.samples, context.classifier
    if looked > _FEW or broken.mean() > 0.5 or context.whole is not None:
        return np.zeros(0, np.bool_)
    target = job.targets[0]
    left = np.flatnonzero(~np.isin(samples.indices, job.rows) & (samples.labels != target))
    if not left.size:
        return np.zeros(0, np.bool_)
    chosen = context.sample(_OTHERS, left)
    logits = classifier.predict(samples.images[chosen])
    right = logits.argmax(axis=1) == samples.labels[chosen]
    chosen, logits = chosen[right], logits[right]
    targets, radii = np.full(len(chosen), target), np.full(len(chosen), job.eps[0])
    others = Job(samples.images[chosen], samples.labels[chosen], targets, radii, samples.indices[chosen], logits)
    once = dataclasses.replace(context, in_full=(False,))
    stood = challenged(once, threat, others, others.images, np.zeros(len(chosen), np.bool_)).broken
    if stood.any():
        weak = np.flatnonzero(stood)
        stood[weak] = ~cascade(context, threat, attacks, others.only(weak), "first")[1]
    return stood


def cost_elsewhere(params: Attacked, images: int, looked: int, class_count: int, targeted: bool) -> Passes:
    """What it takes at most, where so many of so many images are looked at."""
    others = min(_OTHERS, images - looked) if looked <= _FEW else 0
    if others <= 0:
        return Passes()
    return cost_of(params, "first", class_count, targeted) * others + cost_challenged(params.norm, images, others)
