"""Manners in which images are made along what a guide says, a surrogate or an inner layer, within a ball.

A model may look at how an image was made before it answers: everywhere or only where images of the data differ, on the
texture of the image itself, smoothly, on few pixels, and so that a file of 8 bits can hold them.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.compute import tensorflow
from auditor.measuring.inner import Insight
from auditor.measuring.surrogate import Surrogate
from auditor.search import Job, Norm, ThreatModel, into_ball, project
from auditor.values import FloatArray

STEPS = 3  # what misleads a guide further along misleads the model no oftener
_REACH, _DECAY = 2.5, 1.0
TINY = 1e-12
_LEVELS = 255
_FEW_MOST, _FEW_ROUNDS = 200, 10

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


def of_surrogates(norm: Norm) -> tuple[Manner, ...]:
    """The manners along a surrogate that are tried in a norm."""
    if norm == "l0":
        return _FEWEST
    return _DENSE if norm == "linf" else _DENSE + _SPARSE


def of_layers(norm: Norm) -> tuple[Manner, ...]:
    """The manners along an inner layer that are tried in a norm."""
    return _FEWEST if norm == "l0" else _INNER


def made(surrogate: Guide, threat: ThreatModel, job: Job, manner: Manner) -> FloatArray:
    """Images within their radii that the surrogate takes for something else, made in one manner."""
    (low, high), norm = threat.box, threat.norm
    mask = _mask(surrogate, job.images, manner)
    if manner.jump is not None:
        x = _few(surrogate, threat, job, manner, mask)
    else:
        x = _climbed(surrogate, threat, job, manner, mask)
    if manner.whole:
        levels = _LEVELS / (high - low)
        off = np.abs((job.images - low) * levels - np.round((job.images - low) * levels))
        # Of each image for itself: what is attacked beside it changes nothing.
        whole = off.max(axis=(1, 2, 3), keepdims=True) < 1e-2
        # Cut, not rounded: what is rounded up may lie outside the ball.
        steps = np.trunc((x - job.images).astype(np.float64) * levels + np.sign(x - job.images) * 1e-3)
        x = np.where(whole, low + (np.round((job.images - low) * levels) + steps) / levels, x).astype(np.float32)
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
    stride = (_REACH / STEPS * radii).reshape(-1, 1, 1, 1)
    for _ in range(STEPS):
        slope = surrogate.uphill(x, job.labels, job.targets, manner.sharp) * mask
        slope = _smoothed(slope) if manner.smooth else slope
        gathered = _DECAY * gathered + slope / np.maximum(np.abs(slope).mean(axis=(1, 2, 3), keepdims=True), TINY)
        moved = (x + stride * _direction(gathered * mask, threat.norm)).astype(np.float32)
        x = project(tf.constant(moved), tf.constant(job.images), tf.constant(radii), threat.box, threat.norm).numpy()
    return x


def _direction(slope: FloatArray, norm: Norm) -> FloatArray:
    """The way of norm 1, or in L1 about so, along which a slope (N, H, W, C) rises most."""
    if norm == "linf":
        return np.sign(slope)
    if norm == "l2":
        unit: FloatArray = slope / np.maximum(np.sqrt((slope**2).sum(axis=(1, 2, 3), keepdims=True)), TINY)
        return unit
    flat = np.abs(slope).reshape(len(slope), -1)
    keep = max(1, flat.shape[1] // 20)
    least = np.partition(flat, -keep, axis=1)[:, -keep].reshape(-1, 1, 1, 1)
    way: FloatArray = np.where(np.abs(slope) >= np.maximum(least, TINY), np.sign(slope), 0) / np.float32(keep)
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
