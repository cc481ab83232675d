"""Images that are made without asking a model for scores: what they broke, and what that says of a spec's attacks.

They are made in several manners, since a model may look at how an image was made before it answers: everywhere or only
where images of the data differ, on the texture of the image itself, smoothly, on few pixels, and so that a file of 8
bits can hold them. Where a surrogate doesn't lead there, an inner layer of the model may (`inner`), or decisions alone
about few pixels (`pixels`).
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.compute import tensorflow
from auditor.measuring.inner import Insight, cost_insight, filled, insight
from auditor.measuring.pixels import cost_pointwise, pointwise, saturating
from auditor.measuring.surrogate import Surrogate, asked, cost_learned, learned
from auditor.search import BISECTIONS, Job, Norm, ThreatModel, into_ball, project, widest
from auditor.values import Classifier, Context, FloatArray, IntArray, Passes

_STEPS, _REACH, _DECAY = 10, 2.5, 1.0
_TINY = 1e-12
_LEVELS = 255
_FEW_MOST, _FEW_ROUNDS = 200, 10
_UNKNOWN = 3  # of the widest radius, where no attack found anything
CLOSER = 0.9
"""Of a distance that attacks came to: what is closer than that says that they were weak."""


Guide = Surrogate | Insight


@dataclass(frozen=True)
class Manner:
    """How a change is made.

    where: everywhere, where the data `varies`, or on the `texture` of the image. sharp: by the margin, or by
    cross-entropy. smooth: by slopes that are averaged over neighbours. whole: in steps of a 255th of the box. jump: how
    far one pixel moves, as a share of the box's width, where the budget goes to few of them.
    """

    where: str = "everywhere"
    sharp: bool = False
    smooth: bool = False
    whole: bool = True
    jump: float | None = None


_DENSE = (
    Manner(sharp=True, smooth=True, whole=False),
    Manner("varies", smooth=True),
    Manner("varies", sharp=True),
    Manner("texture", smooth=True),
)
# Just past the middle of the box, where a pixel that was nearly black or white counts as the other.
_SPARSE = (Manner("varies", sharp=True, jump=0.55), Manner("varies", jump=0.55))
# Along what an inner layer says, which is as good a slope as there is: no smoothing, and no steps of 8 bits.
_INNER = (Manner(sharp=True, whole=False), Manner("varies", sharp=True))
_FEWEST = (Manner("varies", sharp=True, jump=1.0), Manner("varies", jump=1.0))


def _manners(norm: Norm) -> tuple[Manner, ...]:
    """The manners that are tried in a norm, each on what the ones before left."""
    if norm == "l0":
        return _FEWEST
    return _DENSE if norm == "linf" else _DENSE + _SPARSE


@dataclass(frozen=True)
class Way:
    """One way of making images: how many it was given, and broke, what it asked of the model, and how long it took."""

    name: str
    given: int
    broken: int
    questions: int
    seconds: float


@dataclass(frozen=True)
class Rival:
    """What a surrogate, and what else asks for no score, made of images that held against the attacks of a spec.

    images: (N, H, W, C), where each ended, as the attacks left it or broken by the surrogate; broken: (N,), by either.
    tried: positions (n,) of those that had held; won: (n,), which of them broke now. ways: in which.
    """

    images: FloatArray
    broken: NDArray[np.bool_]
    tried: NDArray[np.int64]
    won: NDArray[np.bool_]
    ways: tuple[Way, ...]


def challenged(context: Context, threat: ThreatModel, job: Job, ended: FloatArray, broken: NDArray[np.bool_]) -> Rival:
    """Let a surrogate attack what held, within the job's radii, and ask the model what it makes of it; then go by an
    inner layer of the model, and by few pixels.

    ended: (N, H, W, C), where the attacks left images; broken: (N,), which they broke.
    """
    tried, images, after = np.flatnonzero(~broken), ended.copy(), broken.copy()
    ways: list[Way] = []

    def go(name: str, made_in: Sequence[Callable[[Job], tuple[FloatArray, int]]]) -> None:
        began, given, questions = time.perf_counter(), int((~after).sum()), 0
        for make in made_in:
            left = np.flatnonzero(~after)
            if not left.size:
                break
            part = job.only(left)
            made, asked_for = make(part)
            hit = _hits(context.classifier, made, part, threat)
            images[left[hit]], after[left[hit]] = made[hit], True
            questions += asked_for + len(left)
        if given:
            broke = given - int((~after).sum())
            ways.append(Way(name, given, broke, questions, time.perf_counter() - began))

    def along(guide: Guide, manner: Manner, each: int) -> Callable[[Job], tuple[FloatArray, int]]:
        return lambda part: (_made(guide, threat, part, manner), each * len(part.images))

    def by_pixels(surrogate: Surrogate, part: Job) -> tuple[FloatArray, int]:
        def breaks(made: FloatArray, at: NDArray[np.int64]) -> NDArray[np.bool_]:
            return _hits(context.classifier, made, part.only(at), threat)

        made, questions = pointwise(context, surrogate, part, threat.norm, breaks)
        return into_ball(made, part.images, part.eps, threat.box, threat.norm), questions

    if tried.size:
        surrogate = learned(context, context.classifier)
        go("surrogate (answers alone)", [along(surrogate, manner, 0) for manner in _manners(threat.norm)])
        inside = insight(context, surrogate)
        if inside:
            go(f"inner layer ({inside.layer.name})", [along(inside, one, _STEPS) for one in _inner(threat.norm)])
        if threat.norm == "l0" or (threat.norm != "linf" and saturating(context, surrogate)):
            go("few pixels (decisions alone)", [partial(by_pixels, surrogate)])
    return Rival(images, after, tried, after[tried], tuple(ways))


def _inner(norm: Norm) -> tuple[Manner, ...]:
    return _FEWEST if norm == "l0" else _INNER


def cost_challenged(norm: Norm, images: int, held: int) -> Passes:
    """What `challenged` takes at most where so many images held, of so many in the data."""
    asked_about = Passes(predictions=(len(_manners(norm)) + len(_inner(norm)) + 2) * held)
    led = Passes(gradients=len(_inner(norm)) * _STEPS * filled(held))
    return cost_learned(images) + asked_about + cost_insight() + led + cost_pointwise(norm, held)


def challenged_closest(
    context: Context, threat: ThreatModel, job: Job, ended: FloatArray, sizes: NDArray[np.float64]
) -> Rival:
    """Let a surrogate look for images that are closer by a tenth than the attacks came, (N,), or were found at all.

    What it broke is moved towards its original as far as it stays so.
    """
    finite = sizes[np.isfinite(sizes)]
    most = widest(threat.norm, threat.box, job.images[0].size)
    unknown = 2 * float(finite.max()) if finite.size else most / _UNKNOWN
    radii = np.minimum(np.where(np.isfinite(sizes), CLOSER * sizes, unknown), most)
    nearer = dataclasses.replace(job, eps=radii)
    found = challenged(context, threat, nearer, ended, sizes <= 0)
    rows = found.tried[found.won]
    images = found.images.copy()
    images[rows] = _shortened(context.classifier, threat, nearer.only(rows), images[rows])
    return dataclasses.replace(found, images=images, broken=np.isfinite(sizes) | found.broken)


def cost_challenged_closest(norm: Norm, images: int, attacked: int) -> Passes:
    """What `challenged_closest` takes at most."""
    return cost_challenged(norm, images, attacked) + Passes(predictions=2 * BISECTIONS * attacked)


def _shortened(classifier: Classifier, threat: ThreatModel, job: Job, images: FloatArray) -> FloatArray:
    """Images that break the model (N, H, W, C), as near to their originals on the straight way as they still do."""
    best, change = images.copy(), images - job.images
    low, high = np.zeros(len(images), np.float32), np.ones(len(images), np.float32)
    for _ in range(BISECTIONS if len(images) and threat.norm != "l0" else 0):
        middle = (low + high) / 2
        moved = (job.images + middle.reshape(-1, 1, 1, 1) * change).astype(np.float32)
        hit = _hits(classifier, moved, job, threat)
        best[hit] = moved[hit]
        low, high = np.where(hit, low, middle), np.where(hit, middle, high)
    return best


def _hits(classifier: Classifier, images: FloatArray, job: Job, threat: ThreatModel) -> NDArray[np.bool_]:
    """Which images (N,) break the model, by its own call and by what checks ask as well."""

    def broken(said: IntArray, part: Job) -> NDArray[np.bool_]:
        return np.asarray(said == part.targets if threat.targeted else said != part.labels)

    hit = broken(asked(classifier, images), job)
    if hit.any():
        hit[hit] = broken(classifier.predict(images[hit]).argmax(axis=1), job.only(np.flatnonzero(hit)))
    return hit


def _made(surrogate: Guide, threat: ThreatModel, job: Job, manner: Manner) -> FloatArray:
    """Images within their radii that the surrogate takes for something else, made in one manner."""
    (low, high), norm = threat.box, threat.norm
    mask = _mask(surrogate, job.images, manner)
    if manner.jump is not None:
        x = _few(surrogate, threat, job, manner, mask)
    else:
        x = _climbed(surrogate, threat, job, manner, mask)
    if manner.whole:
        levels = _LEVELS / (high - low)
        whole = np.abs((job.images - low) * levels - np.round((job.images - low) * levels)).max() < 1e-2
        # Cut, not rounded: what is rounded up may lie outside the ball.
        steps = np.trunc((x - job.images).astype(np.float64) * levels + np.sign(x - job.images) * 1e-3)
        x = (low + (np.round((job.images - low) * levels) + steps) / levels).astype(np.float32) if whole else x
    return into_ball(x, job.images, job.eps, threat.box, norm)


def _mask(surrogate: Guide, images: FloatArray, manner: Manner) -> NDArray[np.bool_]:
    """Which values may change, (N or 1, H, W, C)."""
    if manner.where == "everywhere":
        return np.ones((1, *images.shape[1:]), np.bool_)
    if manner.where == "varies":
        return surrogate.varying
    around = _around(images, "edge")
    mask: NDArray[np.bool_] = np.max(around, axis=0) > np.min(around, axis=0)
    return mask


def _around(images: FloatArray, beyond: Literal["edge", "constant"]) -> list[FloatArray]:
    """Images (N, H, W, C) moved to each of their three by three places: what every value has around it, itself too.

    beyond: what lies past the edges, the edge once more or nothing.
    """
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=beyond)
    height, width = images.shape[1:3]
    return [framed[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]


def _climbed(surrogate: Guide, threat: ThreatModel, job: Job, manner: Manner, mask: NDArray[np.bool_]) -> FloatArray:
    """Steps along the slope, with momentum: Dong et al., Boosting Adversarial Attacks with Momentum, CVPR 2018."""
    tf, radii = tensorflow(), job.eps.astype(np.float32)
    x, gathered = job.images, np.zeros_like(job.images)
    stride = (_REACH / _STEPS * radii).reshape(-1, 1, 1, 1)
    for _ in range(_STEPS):
        slope = surrogate.uphill(x, job.labels, job.targets, manner.sharp) * mask
        slope = _smoothed(slope) if manner.smooth else slope
        gathered = _DECAY * gathered + slope / np.maximum(np.abs(slope).mean(axis=(1, 2, 3), keepdims=True), _TINY)
        moved = (x + stride * _direction(gathered * mask, threat.norm)).astype(np.float32)
        x = project(tf.constant(moved), tf.constant(job.images), tf.constant(radii), threat.box, threat.norm).numpy()
    return x


def _direction(slope: FloatArray, norm: Norm) -> FloatArray:
    """The way of norm 1, or in L1 about so, along which a slope (N, H, W, C) rises most."""
    if norm == "linf":
        return np.sign(slope)
    if norm == "l2":
        unit: FloatArray = slope / np.maximum(np.sqrt((slope**2).sum(axis=(1, 2, 3), keepdims=True)), _TINY)
        return unit
    flat = np.abs(slope).reshape(len(slope), -1)
    keep = max(1, flat.shape[1] // 20)
    least = np.partition(flat, -keep, axis=1)[:, -keep].reshape(-1, 1, 1, 1)
    way: FloatArray = np.where(np.abs(slope) >= np.maximum(least, _TINY), np.sign(slope), 0) / np.float32(keep)
    return way


def _smoothed(slope: FloatArray) -> FloatArray:
    """Averaged over three by three neighbours."""
    mean: FloatArray = np.mean(_around(slope, "constant"), axis=0)
    return mean


def _few(surrogate: Guide, threat: ThreatModel, job: Job, manner: Manner, mask: NDArray[np.bool_]) -> FloatArray:
    """The whole budget on the pixels that matter most, each moved by the same, some after others."""
    low, high = threat.box
    jump = np.float32((manner.jump or 1.0) * (high - low))
    each = {"l2": float(jump) ** 2, "l1": float(jump), "l0": 1.0}[threat.norm]
    budget = job.eps**2 if threat.norm == "l2" else job.eps
    counts = np.minimum(np.floor(budget / each + 1e-6), min(_FEW_MOST, job.images[0].size)).astype(int)
    x, flat = job.images.copy(), (len(job.images), -1)
    moved = np.zeros(x.reshape(flat).shape, np.bool_)
    for turn in range(_FEW_ROUNDS):
        slope = surrogate.uphill(x, job.labels, job.targets, manner.sharp)
        room = np.where(slope > 0, high - job.images, job.images - low)
        pull = np.where((np.abs(slope) > 0) & mask & (room >= jump / 2), np.abs(slope) * np.minimum(room, jump), 0)
        pull = np.where(moved, 0, pull.reshape(flat))
        more = counts * (turn + 1) // _FEW_ROUNDS - counts * turn // _FEW_ROUNDS
        rank = np.argsort(np.argsort(-pull, axis=1, kind="stable"), axis=1)
        chosen = (rank < more[:, None]) & (pull > 0)
        moved |= chosen
        stepped = np.clip(job.images + np.sign(slope) * jump, low, high)
        x = np.where(chosen.reshape(x.shape), stepped, x).astype(np.float32)
    return x


def pushed(
    context: Context,
    images: FloatArray,
    targets: IntArray,
    steps: int,
    step_size: float,
    box: tuple[float, float] | None,
) -> FloatArray:
    """Push images to targets (N,) on a surrogate, by steps of one standard deviation as `std_ascent` takes them."""
    surrogate = learned(context, context.classifier)
    x = images.astype(np.float32)
    for _ in range(steps):
        slope = surrogate.uphill(x, targets, targets, sharp=False)
        spread = slope.std(axis=(1, 2, 3), keepdims=True)
        x = x + np.float32(step_size) * slope / np.maximum(spread, np.float32(_TINY))
        x = (x if box is None else np.clip(x, *box)).astype(np.float32)
    return x


def cost_pushed(images: int, pushed_images: int) -> Passes:
    """What `pushed`, and asking about what came of it, takes at most."""
    return cost_learned(images) + Passes(predictions=pushed_images)
