"""Searches for adversarial images, and the only judge of what was found.

The attack moves; `loop` drives it; this decides what counts. It owns restarts, batching, which image is kept,
the final projection to ball and box, and the re-prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor import catalog
from auditor.compute import keys as random_keys
from auditor.compute import progress
from auditor.search import losses
from auditor.search.blocks import block_count, block_size, width
from auditor.search.loop import Goal, Looks, Note, Shown, ThreatModel, compiling, walk
from auditor.search.norms import distance, into_ball, random_change
from auditor.search.reader import Reader
from auditor.search.shown import ready
from auditor.values import Classifier, Engine, FloatArray, IntArray, Tensor, one_by_one

Keep = Literal["first", "last", "closest"]
BISECTIONS = 10
_STAYED = 1e-6  # of the box: rounding alone moved it
_OTHERWISE = 1e-2  # of the logits' spread; half precision rounds otherwise in batches of other shapes


@dataclass(frozen=True)
class AttackResult:
    """What a search over N images left.

    images: (N, H, W, C); the adversarial image where there is one, else where the search ended. success: (N,),
    predicted again from the final image. distances: (N,) of the images, in float64. steps: (N,) at which the
    image was found, -1 where it wasn't. gradients, predictions: how many images were passed through the
    classifier with and without its gradient; a Jacobian counts once for each class. loss, rate: (T+1,), mean
    loss of the images still attacked, and share found so far, at every step of the first start.
    stopped_early: whether images were left as soon as they had succeeded. blind, lost, rising: (N,), where the first
    gradient was zero, exploding or not finite; where the attack succeeded on its way but its answer doesn't; and
    where it failed while its loss still rose in the last quarter of the steps. alive: (T+1,), how many images were
    still attacked at every step of the first start. disputed: (N,), where the classifier told the attack another margin
    than it tells whoever predicts.
    """

    images: FloatArray
    success: NDArray[np.bool_]
    distances: NDArray[np.float64]
    steps: IntArray
    gradients: int
    predictions: int
    loss: NDArray[np.float64]
    rate: NDArray[np.float64]
    stopped_early: bool
    blind: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    rising: NDArray[np.bool_]
    alive: IntArray
    disputed: NDArray[np.bool_]


@dataclass(frozen=True)
class Job:
    """What to attack: images (N, H, W, C) with labels, targets (-1 where any other class will do) and radii
    eps (N,). rows: (N,), numbers that name the images; an image's randomness belongs to its number. logits:
    (N, K), what the classifier says of the images as they are.
    """

    images: FloatArray
    labels: IntArray
    targets: IntArray
    eps: NDArray[np.float64]
    rows: IntArray
    logits: FloatArray

    def only(self, part: NDArray[np.int64] | slice) -> "Job":
        """The job of just these images; of a slice without a copy."""
        images, labels, targets = self.images[part], self.labels[part], self.targets[part]
        return Job(images, labels, targets, self.eps[part], self.rows[part], self.logits[part])


@dataclass(frozen=True)
class Block:
    """A part of a search: images that move together, in one batch. Attacking it gives the same wherever it is done.

    attack: the name of an attack, params: its parameters; the rest as for `search`. reader: of what an attack is shown
    that sees features.
    """

    attack: str
    params: Any
    threat: ThreatModel
    job: Job
    seed: int
    keep: Keep
    reader: Reader | None = None


def search(
    attack: str,
    params: Any,
    classifier: Classifier,
    threat: ThreatModel,
    job: Job,
    seed: int,
    keep: Keep = "first",
    engine: Engine = one_by_one,
    reader: Reader | None = None,
) -> AttackResult:
    """Attack images. What counts as found lies within ball and box, as measured in float64, and is predicted so
    once more.

    keep: which adversarial image is kept. `first` leaves an image as soon as it has one; `last` takes all steps,
    as images for transfer or display must; `closest` takes all steps and keeps the smallest change. engine: where the
    blocks are worked off, which doesn't change what they give. reader: what an attack that sees features is
    shown in place of the classifier's own scores.
    """
    each = width(catalog.load("attacks", attack), params, classifier.class_count)
    size = block_size(job.images[0].size, each)
    cuts = np.linspace(0, len(job.images), block_count(len(job.images), size) + 1).round().astype(int)
    parts = [job.only(slice(first, end)) for first, end in pairwise(cuts)]
    blocks = [Block(attack, params, threat, part, seed, keep, reader) for part in parts]
    return _together(engine(attack_block, classifier, blocks))


def attack_block(classifier: Classifier, block: Block) -> AttackResult:
    """Attack one block of images."""
    params, threat, job, keep = block.params, block.threat, block.job, block.keep
    attack = catalog.load("attacks", block.attack)
    ledger = _Ledger(job, params.steps, attack, threat, keep, width(attack, params, classifier.class_count))
    scale = losses.confidence_scale(job.logits)
    with compiling:
        run = ready(attack, params, classifier, threat, block.reader)
    starts = _starts(params, threat, job)
    for start, aims in enumerate(starts):
        left = np.arange(len(job.images)) if keep == "closest" else np.flatnonzero(~ledger.won)
        if not left.size:
            break
        here = job.only(left)
        keys = random_keys(block.seed, f"steps/{start}", here.rows.tolist())
        unit = losses.unit(scale[left])
        goal = Goal(here.images, here.labels, aims[left], keys, scale[left] / unit, unit)
        noise = random_change(block.seed, f"start/{start}", here.rows.tolist(), here.images.shape[1:], threat.norm)
        radii = np.where(np.isfinite(here.eps), here.eps, threat.box[1] - threat.box[0])
        part = f", start {start + 1} of {len(starts)}" if len(starts) > 1 else ""
        note = _notes(ledger, left, start == 0, f"{block.attack}{part}")
        ledger.count(walk(run, params.steps, goal, radii, noise, note, keep == "first"))
        _settle(ledger, classifier, left, scale)
    if keep == "closest" and threat.norm != "l0":
        _shorten(ledger, classifier, scale)
    return ledger.result()


def _together(found: Sequence[AttackResult]) -> AttackResult:
    """What was found in all blocks, in their order."""
    alive = np.sum([part.alive for part in found], axis=0)
    count = sum(len(part.images) for part in found)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in found])

    return AttackResult(
        images=joined("images"),
        success=joined("success"),
        distances=joined("distances"),
        steps=joined("steps"),
        gradients=sum(part.gradients for part in found),
        predictions=sum(part.predictions for part in found),
        loss=np.sum([part.loss * part.alive for part in found], axis=0) / np.maximum(alive, 1),
        rate=np.sum([part.rate * len(part.images) for part in found], axis=0) / max(count, 1),
        stopped_early=found[0].stopped_early,
        blind=joined("blind"),
        lost=joined("lost"),
        rising=joined("rising"),
        alive=alive,
        disputed=joined("disputed"),
    )


def _starts(params: Any, threat: ThreatModel, job: Job) -> list[IntArray]:
    """The classes (N,) to aim at, for every start."""
    if threat.targeted or not params.rival_classes:
        return [job.targets] * params.starts
    others = job.logits.astype(np.float64)
    others[np.arange(len(others)), job.labels] = -np.inf
    ranked = np.argsort(-others, axis=1, kind="stable")
    rivals = min(params.rival_classes, job.logits.shape[1] - 1)
    return [ranked[:, rank] for _ in range(params.starts) for rank in range(rivals)]


class _Ledger:
    """What is written down while batches run."""

    def __init__(self, job: Job, steps: int, attack: ModuleType, threat: ThreatModel, keep: Keep, width: int) -> None:
        count = len(job.images)
        self.job, self.attack, self.threat, self.keep, self.width = job, attack, threat, keep, width
        self.images = job.images.copy()
        self.won = np.zeros(count, np.bool_)
        self.distances = np.full(count, np.inf)
        self.steps = np.full(count, -1, np.int64)
        self.gradients = self.predictions = 0
        self.hit, self.blind, self.disputed = (np.zeros(count, np.bool_) for _ in range(3))
        self.margins = np.full(count, np.nan)  # of the images, as the attack was told
        self.values = np.zeros((3, count))
        self.loss = np.zeros(steps + 1)
        self.alive = np.zeros(steps + 1, np.int64)
        self.hits = np.zeros(steps + 1)

    def reached(self, images: FloatArray, rows: NDArray[np.int64], hit: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the images that hit the goal count: all within the ball, or all closer than the last."""
        if self.attack.SEEKS == "ball" and self.keep != "closest":
            return hit
        counts = hit.copy()
        sizes = distance(images[hit], self.job.images[rows[hit]], self.threat.norm)
        counts[hit] = sizes <= self.job.eps[rows[hit]]
        if self.keep == "closest":
            counts[hit] &= sizes < self.distances[rows[hit]]
            self.distances[rows[counts]] = sizes[counts[hit]]
        return counts

    def keep_images(self, rows: NDArray[np.int64], images: FloatArray, margins: NDArray[np.float32]) -> None:
        """Take images (n, H, W, C) as those of rows (n,), with their margins (n,)."""
        self.images[rows], self.margins[rows] = images, margins

    def count(self, looks: Looks) -> None:
        """Add up what a batch cost."""
        self.gradients += looks.stepped * self.width
        self.predictions += looks.looked + (0 if self.width else looks.stepped)

    def _rising(self) -> NDArray[np.bool_]:
        """Where a tenth of the whole rise or more came in the last quarter of the steps."""
        first, late, last = self.values
        rising: NDArray[np.bool_] = ~self.won & (last - late > 0.1 * np.maximum(last - first, 0)) & (last > first)
        return rising

    def result(self) -> AttackResult:
        """What is left of it all."""
        self.steps[~self.won] = -1
        # What only the final projection made count was found at the end.
        self.steps[self.won & (self.steps < 0)] = len(self.loss) - 1
        sizes = distance(self.images, self.job.images, self.threat.norm)
        return AttackResult(
            self.images,
            self.won,
            sizes,
            self.steps,
            self.gradients,
            self.predictions,
            self.loss / np.maximum(self.alive, 1),
            self.hits.cumsum() / max(len(self.images), 1),
            self.keep == "first",
            self.blind,
            self.hit & ~self.won,
            self._rising(),
            self.alive,
            self.disputed,
        )


def _notes(ledger: _Ledger, part: NDArray[np.int64], first_start: bool, called: str) -> Note:
    """What to write down of one batch, and to tell; `part` (N,) says where in the ledger its images stand."""
    done = np.zeros(len(part), np.bool_)
    last_step = len(ledger.loss) - 1
    marks = (0, last_step * 3 // 4, last_step)

    def note(t: int, rows: NDArray[np.int64], here: Tensor, _: Any, shown: Shown) -> NDArray[np.bool_] | None:
        progress.told(called, ": step ", t, " of ", last_step, ", ", len(rows), " images")
        images, places, before = here.numpy(), part[rows], done[rows]
        counts = ledger.reached(images, places, shown.hit)
        ledger.hit[places] |= counts
        fresh = counts & ~before
        if first_start:
            if t == 0:
                ledger.blind[places] = shown.blind & ~shown.hit
            if t in marks:
                ledger.values[marks.index(t), places] = shown.value
            ledger.loss[t] += shown.value[~before].sum()
            ledger.alive[t] += (~before).sum()
            ledger.hits[t] += fresh.sum()
        taken = fresh if ledger.keep == "first" else counts
        ledger.keep_images(places[taken], images[taken], shown.margin[taken])
        ledger.steps[places[counts if ledger.keep == "closest" else fresh]] = t
        done[rows] |= counts
        if t == last_step and ledger.keep != "closest":
            ended = ~done[rows]
            ledger.keep_images(places[ended], images[ended], shown.margin[ended])
        settled = ledger.keep == "first" or ledger.attack.SEEKS == "boundary"
        return ~done[rows] if settled else None

    return note


def _settle(ledger: _Ledger, classifier: Classifier, left: NDArray[np.int64], scale: FloatArray) -> None:
    """Bring images into ball and box, and predict them once more."""
    job, threat = ledger.job.only(left), ledger.threat
    seen = ledger.images[left]
    ledger.images[left] = into_ball(seen, job.images, job.eps, threat.box, threat.norm)
    logits = classifier.predict(ledger.images[left])
    ledger.won[left] = _hit(logits, job, threat.targeted)
    # An image that stayed where the attack saw it gets the answer that the attack got, or was shown another model.
    margins, _ = losses.reached(logits, job.labels, job.targets, scale[left], threat.targeted)
    stayed = np.abs(ledger.images[left] - seen).max(axis=(1, 2, 3)) <= _STAYED * (threat.box[1] - threat.box[0])
    ledger.disputed[left] |= stayed & (np.abs(margins.numpy() - ledger.margins[left]) > _OTHERWISE)
    ledger.predictions += len(left)
    ledger.distances[~ledger.won] = np.inf


def _shorten(ledger: _Ledger, classifier: Classifier, scale: FloatArray) -> None:
    """Move the images found towards their originals as far as they stay adversarial, by bisection."""
    rows = np.flatnonzero(ledger.won)
    job = ledger.job.only(rows)
    change = ledger.images[rows] - job.images
    low, high = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
    for _ in range(BISECTIONS if len(rows) else 0):
        middle = (low + high) / 2
        tried = job.images + middle.reshape(-1, 1, 1, 1) * change
        logits = classifier.predict(tried)
        _, sure = losses.reached(logits, job.labels, job.targets, scale[rows], ledger.threat.targeted)
        good = sure.numpy()
        ledger.images[rows[good]] = tried[good]
        low, high = np.where(good, low, middle), np.where(good, middle, high)
        ledger.predictions += len(rows)


def _hit(logits: FloatArray, job: Job, targeted: bool) -> NDArray[np.bool_]:
    said = logits.argmax(axis=1)
    hit: NDArray[np.bool_] = (said == job.targets) if targeted else (said != job.labels)
    return hit
