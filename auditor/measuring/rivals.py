"""Images that are made without asking a model for scores: what they broke, and what that says of a spec's attacks.

They are made in several `manners`, since a model may look at how an image was made before it answers. Where a surrogate
doesn't lead there, an inner layer of the model may (`inner`), or decisions alone about few pixels (`pixels`).
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.compute import keys
from auditor.measuring.inner import cost_insight, filled, insight
from auditor.measuring.manners import STEPS, TINY, Guide, Manner, made, of_layers, of_surrogates
from auditor.measuring.pixels import cost_pointwise, pointwise, saturating
from auditor.measuring.surrogate import asked, cost_learned, learned
from auditor.search import BISECTIONS, Job, Norm, ThreatModel, into_ball, widest
from auditor.values import Classifier, Context, FloatArray, IntArray, Passes

_ALONG_LAYERS = 0.25  # of the images that held, in either manner half of them: a layer costs a model's own gradients
_BY_PIXELS = 0.25  # of the images that held: each costs dozens of questions
_FEW_HELD = 40  # so few are tried in every manner, since one manner each would say little of them
_DRAWN = 1 << 32
_UNKNOWN = 1 / 3  # of the widest radius, where no attack found anything
IN_FULL = "rivals in full"
"""What a check calls, among its arrays, whether all was tried by what asks for no score (R,), at each of its radii."""
CLOSER = 0.9
"""Of a distance that attacks came to: what is closer than that says that they were weak."""


Maker = Callable[[Job], tuple[FloatArray, int]]


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
    tried: positions (n,) of those that had held; won: (n,), which of them broke now. ways: in which. in_full: whether
    every image was tried in every manner.
    """

    images: FloatArray
    broken: NDArray[np.bool_]
    tried: NDArray[np.int64]
    won: NDArray[np.bool_]
    ways: tuple[Way, ...]
    in_full: bool


@dataclass(frozen=True)
class _Group:
    """A guide's manners, as what makes images of a job in each and says how often it asked the model meanwhile.

    own: (N,), in which of them each image of a job is tried first; -1 for in none.
    """

    name: str
    makers: tuple[Maker, ...]
    own: IntArray


def challenged(
    context: Context, threat: ThreatModel, job: Job, ended: FloatArray, broken: NDArray[np.bool_], at: int = 0
) -> Rival:
    """Let a surrogate attack what held, within the job's radii, and ask the model what it makes of it; then go by an
    inner layer of the model, and by few pixels.

    First every image is tried in one of the surrogate's manners, and a quarter of them along the layer, a quarter by
    pixels; in which belongs to the image, whatever else held. Where any of these breaks, or few held, all are tried in
    every manner. `context.in_full` says otherwise, of the radius at position `at` of those that the case asks for.
    ended: (N, H, W, C), where attacks left images; broken: (N,), which they broke.
    """
    tried, images, after = np.flatnonzero(~broken), ended.copy(), broken.copy()
    ways: list[Way] = []
    in_full = False

    def go(name: str, at_once: Sequence[Sequence[tuple[Maker, NDArray[np.bool_]]]]) -> None:
        """Ask the model about what several make at once, each of other images; then about what the next do."""
        began, given, before, questions = time.perf_counter(), np.zeros(len(after), np.bool_), int(after.sum()), 0
        for several in at_once:
            parts = [(make, left) for make, those in several if (left := np.flatnonzero(those & ~after)).size]
            if not parts:
                continue
            moved, asked_for = zip(*(make(job.only(left)) for make, left in parts), strict=True)
            tested, all_moved = np.concatenate([left for _, left in parts]), np.concatenate(moved)
            hit = _hits(context.classifier, all_moved, job.only(tested), threat)
            images[tested[hit]], after[tested[hit]], given[tested] = all_moved[hit], True, True
            questions += sum(asked_for) + len(tested)
        if given.any():
            won = int(after.sum()) - before
            ways.append(Way(name, int(given.sum()), won, questions, time.perf_counter() - began))

    if tried.size:
        groups = _groups(context, threat, job)
        for group in groups:
            go(group.name, [[(make, group.own == number) for number, make in enumerate(group.makers)]])
        some_broke = bool(after[tried].any()) or len(tried) <= _FEW_HELD
        in_full = some_broke if context.in_full is None else context.in_full[at]
        for group in groups if in_full else ():
            rest = [[(make, group.own != number)] for number, make in enumerate(group.makers)]
            go(f"{group.name}, {'in every manner' if len(group.makers) > 1 else 'all others'}", rest)
    return Rival(images, after, tried, after[tried], tuple(ways), in_full)


def _groups(context: Context, threat: ThreatModel, job: Job) -> list[_Group]:
    """The surrogate, an inner layer where one leads anywhere, and few pixels where these bring anything."""
    surrogate, norm = learned(context, context.classifier), threat.norm

    def group(name: str, guide: str, makers: Sequence[Maker], share: float) -> _Group:
        return _Group(name, tuple(makers), _own(context.seed, guide, job.rows, len(makers), share))

    def along(guide: Guide, each: int, manner: Manner) -> Maker:
        return lambda part: (made(guide, threat, part, manner), each * len(part.images))

    def by_pixels(part: Job) -> tuple[FloatArray, int]:
        def breaks(moved: FloatArray, at: NDArray[np.int64]) -> NDArray[np.bool_]:
            return _hits(context.classifier, moved, part.only(at), threat)

        moved, questions = pointwise(context, surrogate, part, norm, breaks)
        return into_ball(moved, part.images, part.eps, threat.box, norm), questions

    taught = [along(surrogate, 0, manner) for manner in of_surrogates(norm)]
    found = [group("surrogate (answers alone)", "Surrogate", taught, 1.0)]
    if inside := insight(context, surrogate):
        read = [along(inside, STEPS, manner) for manner in of_layers(norm)]
        found.append(group(f"inner layer ({inside.layer.name})", "Insight", read, _ALONG_LAYERS))
    if norm == "l0" or (norm != "linf" and saturating(context, surrogate)):
        found.append(group("few pixels (decisions alone)", "pixels", [by_pixels], _BY_PIXELS))
    return found


def _own(seed: int, stream: str, rows: IntArray, manners: int, share: float) -> IntArray:
    """Which of so many manners each image has (N,), or -1: so large a share of them has one."""
    drawn = keys(seed, f"manner/{stream}", rows.tolist()).astype(np.int64)[:, 0] % _DRAWN / _DRAWN
    return np.where(drawn < share, np.floor(drawn / share * manners), -1).astype(np.int64)


def cost_challenged(norm: Norm, images: int, held: int) -> Passes:
    """What `challenged` takes at most where so many images held, of so many in the data."""
    asked_about = Passes(predictions=(len(of_surrogates(norm)) + len(of_layers(norm)) + 2) * held)
    # In two parts, each in full batches: those whose own manner it is, and the rest.
    led = Passes(gradients=len(of_layers(norm)) * STEPS * (filled(held) + filled(1)))
    return cost_learned(images) + asked_about + cost_insight() + led + cost_pointwise(norm, held)


def challenged_closest(
    context: Context, threat: ThreatModel, job: Job, ended: FloatArray, sizes: NDArray[np.float64]
) -> Rival:
    """Let a surrogate look for images that are closer by a tenth than the attacks came, (N,), or were found at all.

    What it broke is moved towards its original as far as it stays so.
    """
    most = widest(threat.norm, threat.box, job.images[0].size)
    # By no other image: whoever attacks one alone looks as far for it.
    radii = np.minimum(np.where(np.isfinite(sizes), CLOSER * sizes, _UNKNOWN * most), most)
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
        x = x + np.float32(step_size) * slope / np.maximum(spread, np.float32(TINY))
        x = (x if box is None else np.clip(x, *box)).astype(np.float32)
    return x


def cost_pushed(images: int, pushed_images: int) -> Passes:
    """What `pushed`, and asking about what came of it, takes at most."""
    return cost_learned(images) + Passes(predictions=pushed_images)
