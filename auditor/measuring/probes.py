"""Short attacks on what held, which should break next to nothing of it: one step, noise, a search without gradients.

A few images are tried first, and three times as many where any of these breaks. Where 8% of all or more would break,
that is told as often as by 50 images in any case, where 2% would it is told less often, and an honest model is asked
half as much. What the attacks of a spec have tried themselves, for as long and on all that held, isn't tried again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import fgsm, noise_search, square
from auditor.compute import in_order
from auditor.measuring.cascade import Stage
from auditor.search import Job, Norm, ThreatModel, distance, into_ball, passes_of_attack, random_change, search
from auditor.telling.numbers import percent
from auditor.values import Context, FloatArray, Passes, in_turn

_FIRST, _MOST = 25, 75
_DRAWS, _AT_ONCE = 16, 8
_NOISE = noise_search.Params(steps=_DRAWS)
_TINY = 1e-12


@dataclass(frozen=True)
class Attempt:
    """An attack on what held: the name of the tell-tale test, what it is in words, and how it is done."""

    name: str
    what: str
    module: ModuleType
    params: Any


ONE_STEP = Attempt("one step", "a single gradient step", fgsm, fgsm.Params())
UNSEEING = (
    Attempt("plain noise", "plain random noise", noise_search, _NOISE),
    Attempt("search without gradients", "a short search without gradients", square, square.Params(steps=50)),
)


def some_of(job: Job, held: NDArray[np.int64]) -> Job:
    """As many of the images that held as are tried at most, classes taking turns: fewer are the first of more."""
    return job.only(held[in_turn(job.labels[held], _MOST)])


def probed(
    context: Context,
    threat: ThreatModel,
    attempts: Sequence[Attempt],
    job: Job,
    seed: int,
    stages: Sequence[Stage] = (),
) -> Iterator[tuple[Attempt, float, str]]:
    """What each attempt that the norm allows breaks of images that held (`some_of`), as a share and in words.

    stages: what was tried on these before, which isn't done again.
    """
    allowed = [attempt for attempt in attempts if threat.norm in attempt.module.NORMS]
    left = [attempt for attempt in allowed if not _tried_before(attempt, stages)]
    broken = iter(in_order(lambda attempt: _broken_by(context, threat, attempt, job, seed), left))
    for attempt in allowed:
        if attempt not in left:
            yield attempt, 0.0, f"{attempt.what} breaks none of what held: it was among the attacks, and longer"
            continue
        found = next(broken)
        yield (
            attempt,
            float(found.mean()),
            f"{attempt.what} breaks {percent(found.mean())} of {len(found)} images that held",
        )


def cost_probed(attempts: Sequence[Attempt], norm: Norm, images: int, class_count: int) -> Passes:
    """What `probed` takes at most, where so many images held."""
    total = Passes()
    for attempt in attempts:
        if norm in attempt.module.NORMS:
            one = passes_of_attack(attempt.module, attempt.params, "first", class_count)
            total += (Passes(predictions=_DRAWS) if attempt.params == _NOISE else one) * min(images, _MOST)
    return total


def again(module: ModuleType, params: Any) -> Attempt:
    """An attack of the spec, to be made from another start."""
    return Attempt("another start", f"`{_name(module)}` from another start", module, params)


def _name(attack: ModuleType) -> str:
    return attack.__name__.rpartition(".")[2]


def _broken_by(context: Context, threat: ThreatModel, attempt: Attempt, job: Job, seed: int) -> NDArray[np.bool_]:
    """Which images it breaks, by `in_stages`."""

    def broken(part: Job) -> NDArray[np.bool_]:
        if attempt.params == _NOISE:
            return _broken_by_noise(context, threat, part, seed)
        return search(_name(attempt.module), attempt.params, context.classifier, threat, part, seed).success

    return in_stages(broken, job)


def in_stages(broken: Callable[[Job], NDArray[np.bool_]], job: Job) -> NDArray[np.bool_]:
    """Which images are broken: of the first few, or (N,) of all where any of these is."""
    first, rest = broken(job.only(slice(_FIRST))), job.only(slice(_FIRST, None))
    return np.concatenate([first, broken(rest)]) if first.any() and len(rest.rows) else first


def _tried_before(attempt: Attempt, stages: Sequence[Stage]) -> bool:
    """Whether one of the attacks, which all that held stood, was this very one, of as many steps or more."""
    wanted = attempt.params
    # What differs otherwise may have made it weaker.
    return any(
        stage.choice.module is attempt.module
        and stage.choice.params.steps >= wanted.steps
        and stage.choice.params.model_copy(update={"steps": wanted.steps}) == wanted
        for stage in stages
    )


def _broken_by_noise(context: Context, threat: ThreatModel, job: Job, seed: int) -> NDArray[np.bool_]:
    """Which images (N,) some change breaks that is as large as the ball allows, and drawn as `noise_search` draws.

    Nothing is compiled for it, and batches are full.
    """
    broken = np.zeros(len(job.rows), np.bool_)
    for turn in range(0, _DRAWS, _AT_ONCE):
        left = job.only(np.flatnonzero(~broken))
        if not len(left.rows):
            break
        made = np.concatenate([_noisy(left, threat, seed, draw) for draw in range(turn, turn + _AT_ONCE)])
        said = context.classifier.predict(made).argmax(axis=1).reshape(_AT_ONCE, -1)
        hit: NDArray[np.bool_] = said == left.targets if threat.targeted else said != left.labels
        broken[~broken] = hit.any(axis=0)
    return broken


def _noisy(job: Job, threat: ThreatModel, seed: int, draw: int) -> FloatArray:
    change = random_change(seed, f"noise/{draw}", job.rows.tolist(), job.images.shape[1:], threat.norm)
    sizes = distance(change, np.zeros_like(change), threat.norm).reshape(-1, 1, 1, 1)
    way = np.sign(change) if threat.norm == "linf" else change / np.maximum(sizes, _TINY)
    moved = (job.images + job.eps.reshape(-1, 1, 1, 1) * way).astype(np.float32)
    return into_ball(moved, job.images, job.eps, threat.box, threat.norm)
