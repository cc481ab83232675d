"""Is what was measured true of these images alone?

A model may know the audited images: give them their labels whatever is done to them, and be weak on all others. So the
same is asked about the audited images shifted by a pixel, and about other images of the data, in few steps: what is
broken there, though it held here, tells.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import apgd, square
from auditor.compute import generator
from auditor.measuring.cascade import Attacked
from auditor.search import (
    Ascending,
    Job,
    TargetObjective,
    ThreatModel,
    ascend_to_targets,
    distance,
    gives_gradient,
    passes_of_ascent,
    passes_of_attack,
    search,
)
from auditor.values import (
    AdversarialImages,
    Context,
    Diagnostic,
    FloatArray,
    IntArray,
    Parameters,
    Passes,
    Proof,
    Samples,
    in_turn,
    probabilities,
)

_SHIFTED, _OTHERS = "shifted images", "other images"
_TRIED = 40
_LEAST_SIDE = 16  # of an image, in pixels: of a smaller one a pixel is no small part
_PROBE, _BLIND = apgd.Params(steps=20), square.Params(steps=100)
# Where one is as likely as not by the other. Honest models stood at 2 to 4, a memory at 40 and more; and a difference
# below this share is no finding.
_ODDS, _GAP, _RISK = 8.0, 0.15, 1e-3
_DIRECTIONS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0))


@dataclass(frozen=True)
class _Claim:
    """What a case says of the images it attacked: originals (N, H, W, C) with labels and targets (N,), which it broke
    (N,), and their rows. radius: within which; none of pushes that nothing bounds.
    """

    originals: FloatArray
    labels: IntArray
    targets: IntArray
    broken: NDArray[np.bool_]
    rows: IntArray
    radius: float | None

    def only(self, part: NDArray[np.int64]) -> "_Claim":
        return _Claim(
            self.originals[part], self.labels[part], self.targets[part], self.broken[part], self.rows[part], self.radius
        )


def remembered(context: Context, params: Parameters, made: AdversarialImages | None) -> tuple[Diagnostic, ...]:
    """Whether images that a case attacked hold where the same images, shifted by a pixel, or others don't.

    made: what the case left of its attack. Nothing of a case that attacked nothing.
    """
    claim = None if made is None or made.proof is None else _claimed(params, made, made.proof)
    if claim is None:
        return ()
    tried = claim.only(in_turn(claim.labels, _TRIED))
    found = []
    if min(claim.originals.shape[1:3]) >= _LEAST_SIDE:
        found.append(_told_shifted(context, params, tried))
    others = _others(context, claim)
    if len(others.rows):
        found.append(_told_others(context, params, claim, others))
    return tuple(found)


def cost_remembered(params: Parameters, images: int, class_count: int) -> Passes:
    """What `remembered` takes of a model at most, of so many images in the data."""
    looked = min(getattr(params, "samples", images), images)
    count = min(_TRIED, looked) + min(_TRIED, images - looked)
    if isinstance(params, Ascending):
        pushed = 2 * _TRIED * (class_count if getattr(params, "target", None) == "all" else 1)
        return Passes(predictions=4 * _TRIED) + passes_of_ascent(pushed, params)
    if not isinstance(params, Attacked):
        return Passes()
    each = passes_of_attack(apgd, _PROBE, "first", class_count)
    each += passes_of_attack(square, _BLIND, "first", class_count)
    return Passes(predictions=4 * _TRIED) + each * count


def _told_shifted(context: Context, params: Parameters, tried: _Claim) -> Diagnostic:
    """Whether the images that were attacked hold no worse where they are shifted by a pixel."""
    moved = shifted(tried.originals, context.seed)
    right = _right(context, moved, tried.labels)
    kept = np.flatnonzero(right)
    after = _broken(context, params, replace(tried, originals=moved).only(kept)) if kept.size else np.zeros(0, np.bool_)
    before = tried.broken[kept]
    worse = clearly_worse(before, after, paired=True)
    message = f"of {kept.size} images {before.mean() if kept.size else 0:.0%} were broken, and"
    message += f" {after.mean() if kept.size else 0:.0%} where they are shifted by a pixel"
    return _told(_SHIFTED, not worse, message)


def _told_others(context: Context, params: Parameters, claim: _Claim, others: _Claim) -> Diagnostic:
    """Whether images of the data that weren't looked at hold no worse: which were was drawn."""
    after = _broken(context, params, others)
    worse = clearly_worse(claim.broken, after, paired=False)
    message = f"{claim.broken.mean():.0%} of {len(claim.broken)} images were broken, and {after.mean():.0%} of"
    return _told(_OTHERS, not worse, f"{message} {len(after)} others of the data")


def _told(name: str, ok: bool, message: str) -> Diagnostic:
    advice = "" if ok else ": the model may know the audited images; audit it on images that it can't have seen"
    return Diagnostic(name, ok, message + advice)


def clearly_worse(before: NDArray[np.bool_], after: NDArray[np.bool_], paired: bool) -> bool:
    """Whether more was broken after (M,) than before (N,): by odds that no honest model was seen to have, and not by
    chance. paired: whether these are the same images.
    """
    from scipy.stats import binomtest, fisher_exact

    if not len(before) or not len(after) or after.mean() - before.mean() < _GAP:
        return False
    more, fewer = (after.sum() + 0.5) / ((~after).sum() + 0.5), (before.sum() + 0.5) / ((~before).sum() + 0.5)
    if paired:
        only_after, only_before = int((after & ~before).sum()), int((before & ~after).sum())
        chance = binomtest(only_after, only_after + only_before, alternative="greater").pvalue
        return bool(more > _ODDS * fewer and chance < _RISK)
    # Others are as the audited images, but for what a model knows of these: no odds are to be allowed for.
    table = [[int(after.sum()), int((~after).sum())], [int(before.sum()), int((~before).sum())]]
    return bool(fisher_exact(table, alternative="greater").pvalue < _RISK)


def shifted(images: FloatArray, seed: int) -> FloatArray:
    """Images (N, H, W, C), each moved by one pixel in one of eight directions, its edge repeated."""
    chosen = generator(seed, "shifts").integers(len(_DIRECTIONS), size=len(images))
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    found = np.empty_like(images)
    for way, (down, right) in enumerate(_DIRECTIONS):
        rows = chosen == way
        found[rows] = framed[rows, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
    return found


def _right(context: Context, images: FloatArray, labels: IntArray) -> NDArray[np.bool_]:
    """Which images (N, H, W, C) get their labels; noise, which has none, any that is asked of it."""
    found: NDArray[np.bool_] = (labels < 0) | (context.classifier.predict(images).argmax(axis=1) == labels)
    return found


def _claimed(params: Parameters, made: AdversarialImages, proof: Proof) -> _Claim | None:
    """What was attacked, and what of it was broken within one radius."""
    targeted = getattr(params, "target", None) is not None
    targets = made.targets if targeted else np.full(len(made.targets), -1, np.int64)
    whole = _Claim(made.originals, made.labels, targets, made.fooled, made.indices, None)
    if not len(made.originals):
        return None
    if isinstance(params, Ascending):
        return whole if targeted else None
    if not isinstance(params, Attacked):
        return None
    if proof.radii is None:  # the closest images: within what a quarter of them needed
        sizes = np.where(made.fooled, distance(made.images, made.originals, params.norm), np.inf)
        radius = float(np.quantile(sizes, 0.25, method="lower"))
        broken = sizes <= radius
    else:
        needed = np.where(made.fooled, proof.radii, np.inf)
        asked = sorted({counted.radius for counted in proof.counted if counted.radius} or {float(proof.radii.max())})
        held = [radius for radius in asked if (needed > radius).mean() >= 0.5]
        radius = held[-1] if held else asked[0]
        broken = needed <= radius
    return replace(whole, broken=broken, radius=radius) if 0 < radius < np.inf else None


def _others(context: Context, claim: _Claim) -> _Claim:
    """Images of the data that the case didn't attack and that are classified right, with the target that it has."""
    samples: Samples = context.samples
    left = np.flatnonzero(~np.isin(samples.indices, claim.rows) & (samples.labels != claim.targets[0]))
    chosen = context.sample(_TRIED, left) if left.size and (claim.rows >= 0).all() else left[:0]
    images, labels = samples.images[chosen], samples.labels[chosen]
    right = np.flatnonzero(_right(context, images, labels)) if len(chosen) else np.zeros(0, np.int64)
    targets = np.full(len(chosen), claim.targets[0], np.int64)
    whole = _Claim(images, labels, targets, np.zeros(len(chosen), np.bool_), samples.indices[chosen], claim.radius)
    return whole.only(right)


def _broken(context: Context, params: Parameters, claim: _Claim) -> NDArray[np.bool_]:
    """Which of the images (N,) a short attack of the same kind breaks."""
    classifier, samples = context.classifier, context.samples
    if isinstance(params, Ascending):
        box = samples.box if getattr(params, "clip", False) else None
        objective: TargetObjective = getattr(params, "objective", "logit")
        pace = params.pace(samples.box)
        ended = ascend_to_targets(classifier, objective, claim.originals, claim.targets, pace, box).images
        return _reached(context, params, ended, claim.targets)
    norm = params.norm if isinstance(params, Attacked) else "l2"
    threat = ThreatModel(norm, samples.box, bool((claim.targets >= 0).all()))
    logits, radii = classifier.predict(claim.originals), np.full(len(claim.rows), claim.radius)
    job = Job(claim.originals, claim.labels, claim.targets, radii, np.arange(len(claim.rows)), logits)
    sighted = threat.norm in apgd.NORMS and gives_gradient(classifier, claim.originals[:1])
    name, probe = ("apgd", _PROBE) if sighted else ("square", _BLIND)
    return search(name, probe, classifier, threat, job, context.seed).success


def _reached(context: Context, params: Parameters, images: FloatArray, targets: IntArray) -> NDArray[np.bool_]:
    """Which images (N, H, W, C) are called their targets, as surely as a case asks for."""
    logits = context.classifier.predict(images)
    sure = probabilities(logits, context.classifier.output)[np.arange(len(targets)), targets]
    least: float = getattr(params, "min_confidence", 0.0)
    found: NDArray[np.bool_] = (logits.argmax(axis=1) == targets) & (sure >= least)
    return found
