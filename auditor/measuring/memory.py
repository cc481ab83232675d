"""Is what was measured true of these images alone?

A model may know the audited images: give them their labels whatever is done to them, and be weak on all others. So the
same is asked about the audited images shifted by a pixel, and about other images of the data, in few steps: what is
broken there, though it held here, tells.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import apgd, square
from auditor.compute import generator, in_order
from auditor.measuring.cascade import Attacked
from auditor.measuring.once import once
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
from auditor.telling.numbers import percent
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

SHIFTED, _OTHERS = "shifted images", "other images"
_TRIED = 40
_LEAST_SIDE = 16  # of an image, in pixels: of a smaller one a pixel is no small part
_PROBE, _BLIND = apgd.Params(steps=10), square.Params(steps=100)
# Where one is as likely as not by the other. Honest models stood at 2 to 4, a memory at 40 and more; and a difference
# below this share is no finding.
_ODDS, _GAP, _RISK = 8.0, 0.15, 1e-3
_HIDDEN = 5e-3  # how unlikely it may be that the first half of images breaks so few of all that break
_DIRECTIONS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0))


@dataclass(frozen=True)
class _Claim:
    """What a case says of the images it attacked: originals (N, H, W, C) with labels and targets (N,), which it broke
    (N,), and their rows. radius: within which; none of pushes that nothing bounds. logits: (N, K), where known.
    """

    originals: FloatArray
    labels: IntArray
    targets: IntArray
    broken: NDArray[np.bool_]
    rows: IntArray
    radius: float | None
    logits: FloatArray | None = None

    def only(self, part: NDArray[np.int64]) -> "_Claim":
        originals, labels, targets = self.originals[part], self.labels[part], self.targets[part]
        logits = None if self.logits is None else self.logits[part]
        return _Claim(originals, labels, targets, self.broken[part], self.rows[part], self.radius, logits)

    @property
    def asked(self) -> str:
        """A digest of what an attack on these images depends on: cases that ask the same share the answer."""
        parts = self.originals, self.labels, self.targets
        return hashlib.blake2b(b"".join(part.tobytes() for part in parts) + repr(self.radius).encode()).hexdigest()


def remembered(context: Context, params: Parameters, made: AdversarialImages | None) -> tuple[Diagnostic, ...]:
    """Whether images that a case attacked hold where the same images, shifted by a pixel, or others don't.

    made: what the case left of its attack. Nothing of a case that attacked nothing.
    """
    claim = None if made is None or made.proof is None else _claimed(params, made, made.proof)
    if claim is None:
        return ()
    asked = [_Comparison(_OTHERS, _others(context, claim), claim.broken)]
    if shiftable(claim.originals):
        asked.insert(0, _Comparison(SHIFTED, _shifted(context, claim), None))
    return tuple(in_order(lambda one: one.told(context, params), [one for one in asked if len(one.claim.rows)]))


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


@dataclass(frozen=True)
class _Comparison:
    """Images to attack as a case attacked others. others: (M,), which of those it broke; None where they are the same
    images, shifted.
    """

    name: str
    claim: _Claim
    others: NDArray[np.bool_] | None

    def told(self, context: Context, params: Parameters) -> Diagnostic:
        """Whether they hold no worse: the first half of them, and the second where it could still make a difference."""
        count = len(self.claim.rows)
        before = self._before(count)
        were = f"{percent(before.mean())} of {len(before)} images were broken"
        if not self._worse(np.ones(count, np.bool_)):
            return Diagnostic(self.name, True, f"{were}: were all of {count} {self._who()}, it would be no sign")
        half = -(-count // 2)
        after = self._attacked(context, params, np.arange(half))
        if self._worse(self._at_worst(after, count)):
            after = np.concatenate([after, self._attacked(context, params, np.arange(half, count))])
        worse = self._worse(after)
        message = f"{were}, and {percent(after.mean())} of {len(after)} {self._who()}"
        advice = ": the model may know the audited images; audit it on images that it can't have seen"
        return Diagnostic(self.name, not worse, message + (advice if worse else ""))

    def _attacked(self, context: Context, params: Parameters, part: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of a part are broken: cases that ask the same of the same images share the answer."""
        some = self.claim.only(part)
        asked = params.model_dump_json(include={"norm", *Ascending.model_fields, "objective", "clip", "min_confidence"})
        what = ("memory", asked, some.asked, context.spec_seed)
        return once(what, context.classifier, context.samples, lambda: _broken(context, params, some))

    def _who(self) -> str:
        return "of the same, shifted by a pixel" if self.others is None else "others of the data"

    def _before(self, count: int) -> NDArray[np.bool_]:
        """What to compare with, of so many images attacked."""
        return self.claim.broken[:count] if self.others is None else self.others

    def _worse(self, after: NDArray[np.bool_]) -> bool:
        return clearly_worse(self._before(len(after)), after, paired=self.others is None)

    def _at_worst(self, after: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        """What would be broken of all, with as many of the rest as chance may have kept out of what was attacked."""
        from scipy.stats import hypergeom

        found, more = int(after.sum()), np.zeros(count - len(after), np.bool_)
        of_all = np.arange(found, found + len(more) + 1)
        most = int((hypergeom.cdf(found, count, of_all, len(after)) >= _HIDDEN).sum()) - 1
        # Those that held before are what a finding is made of.
        more[np.argsort(self.claim.broken[len(after) :], kind="stable")[:most]] = True
        return np.concatenate([after, more])


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


def shiftable(images: FloatArray) -> bool:
    """Whether images (N, H, W, C) are so large that moving them by a pixel leaves them what they are."""
    return bool(min(images.shape[1:3]) >= _LEAST_SIDE)


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


def _shifted(context: Context, claim: _Claim) -> _Claim:
    """Some of what was attacked, shifted, as far as it is still classified right."""
    tried = claim.only(in_turn(claim.labels, _TRIED))
    moved = shifted(tried.originals, context.spec_seed)
    return _right(context, replace(tried, originals=moved))


def _right(context: Context, claim: _Claim) -> _Claim:
    """Those of the images that get their labels, with their logits; noise, which has none, as it is."""
    classifier, what = context.classifier, ("logits", replace(claim, radius=None).asked)
    logits = once(what, classifier, context.samples, lambda: classifier.predict(claim.originals))
    right = (claim.labels < 0) | (logits.argmax(axis=1) == claim.labels)
    return replace(claim, logits=logits).only(np.flatnonzero(right))


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
    targets = np.full(len(chosen), claim.targets[0], np.int64)
    whole = _Claim(images, labels, targets, np.zeros(len(chosen), np.bool_), samples.indices[chosen], claim.radius)
    return _right(context, whole) if len(chosen) else whole


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
    logits = classifier.predict(claim.originals) if claim.logits is None else claim.logits
    radii = np.full(len(claim.rows), claim.radius)
    job = Job(claim.originals, claim.labels, claim.targets, radii, np.arange(len(claim.rows)), logits)
    gives = once(("gradient",), classifier, samples, lambda: gives_gradient(classifier, claim.originals[:1]))
    name, probe = ("apgd", _PROBE) if gives and threat.norm in apgd.NORMS else ("square", _BLIND)
    return search(name, probe, classifier, threat, job, context.spec_seed).success


def _reached(context: Context, params: Parameters, images: FloatArray, targets: IntArray) -> NDArray[np.bool_]:
    """Which images (N, H, W, C) are called their targets, as surely as a case asks for."""
    logits = context.classifier.predict(images)
    sure = probabilities(logits, context.classifier.output)[np.arange(len(targets)), targets]
    least: float = getattr(params, "min_confidence", 0.0)
    found: NDArray[np.bool_] = (logits.argmax(axis=1) == targets) & (sure >= least)
    return found
