"""Tell-tale tests: can what an attack didn't break be believed?

After Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018; Carlini et al., On
Evaluating Adversarial Robustness, 2019; Pintor et al., Indicators of Attack Failure, NeurIPS 2022. They look at the
images that held, and cost a small part of the attack itself.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import apgd, pointwise, square
from auditor.measuring.cascade import AttackChoice, Attacked, Stage, cascade, cost_of
from auditor.measuring.probes import ONE_STEP, UNSEEING, Attempt, again, cost_probed, probed, some_of
from auditor.measuring.rivals import CLOSER
from auditor.search import FOLLOWING, Job, Norm, ThreatModel, gives_gradient, passes_of_attack, search, widest
from auditor.telling.numbers import percent
from auditor.values import (
    CheckError,
    Context,
    Diagnostic,
    FloatArray,
    Passes,
    decisive_range,
    in_turn,
    like_probabilities,
    within_reach,
)

_PROBED = 50
NO_OTHERS = np.zeros(0, np.bool_)
FEW = 0.05
"""Share of the images that held which a tell-tale test may break, and the attack still be believed."""
_MOST = 0.95
_MUCH_CLOSER = 0.2
_SURROGATE, _LEFT = "surrogate", 0.02
_RIVALS = "a surrogate, trained on the model's answers alone, and what else asks for no score"
_LONG, _BLIND = apgd.Params(steps=40), square.Params(steps=200)
_AGAIN = 1000
_UNLIKE, _TINY = 1e-2, 1e-30  # of the range of logits, as in half precision batches of other shapes are rounded
_BROKEN = "it should be nearly all; the attack or its gradient is broken"


@dataclass(frozen=True)
class Doubts:
    """Which metrics are too high, and which too low, if the attack was weaker than it seems."""

    inflates: tuple[str, ...]
    deflates: tuple[str, ...] = ()

    def about(self, name: str, ok: bool, message: str, advice: str = "") -> Diagnostic:
        """A diagnostic that voids only what a weak attack would flatter; `advice` is given where it isn't ok."""
        told = message if ok or not advice else f"{message}: {advice}"
        return Diagnostic(name, ok, told, self.inflates, self.deflates)


def challenged_by(won: NDArray[np.bool_], doubts: Doubts, elsewhere: NDArray[np.bool_] = NO_OTHERS) -> Diagnostic:
    """Whether a surrogate, or another rival that asks for no score, broke much of what held: won (n,), which of these.

    A network that has learned the answers alone is a much weaker judge of where to go than a gradient that can be
    believed: two images of a hundred that it breaks are more than honest networks leave to it. One or two are no sign.
    elsewhere: (m,), which of other images of the data it breaks that stand against the attacks.
    """
    every = np.concatenate([won, elsewhere])
    share = float(every.mean()) if every.size else 0.0
    others = f" and of {len(elsewhere)} others of the data that the attacks don't" if len(elsewhere) else ""
    message = f"{_RIVALS} break {percent(share)} of {won.size} images that held{others}"
    advice = "gradients or scores lead attacks astray; what counts is what the model decides"
    return doubts.about(_SURROGATE, share <= _LEFT or every.sum() <= 2, message, advice)


def nearer_by(won: NDArray[np.bool_], doubts: Doubts) -> Diagnostic:
    """Whether a surrogate came much closer than the attacks did: won (n,), for which of the images."""
    share = float(won.mean()) if won.size else 0.0
    where = f"{won.size} images at {percent(CLOSER)} of the distance found"
    message = f"{_RIVALS} break {percent(share)} of {where}"
    return doubts.about(_SURROGATE, share <= _MUCH_CLOSER, message, "the distances are too large")


def within_ball(
    context: Context, threat: ThreatModel, stages: list[Stage], job: Job, broken: NDArray[np.bool_], doubts: Doubts
) -> tuple[Diagnostic, ...]:
    """All tests of attacks within a ball. broken: (N,), what they broke of the job."""
    held = np.flatnonzero(~broken)
    found = [_raw(job, doubts)]
    if not held.size:
        return (*found, doubts.about("attack", True, "nothing held, so there is no robustness to doubt"))
    some = some_of(job, held)
    found += [_lost(stages, broken, doubts), _disputed(stages, len(job.rows))]
    # A model without a gradient can still be attacked; then none of these tests can ask for one.
    sighted = bool(_differentiating(stages))
    if not sighted and not gives_gradient(context.classifier, job.images[:1]):
        return (*found, *_by_searching(context, threat, stages, held, some, doubts))
    found += [_blind(stages, held, doubts), _rising(stages, held, doubts)]
    advice = "the attack was weak, or gradients are masked; add `square` or `autoattack`"
    for attempt, share, message in probed(context, threat, _tried(sighted), some, context.seed, stages):
        found.append(doubts.about(attempt.name, share <= FEW, message, advice))
    if threat.norm != "l0" and sighted:
        found.append(_unbounded(context, threat, stages, some, doubts))
    return tuple(found)


def _tried(sighted: bool) -> tuple[Attempt, ...]:
    """The short attacks that a model can be asked for, which gives gradients or not."""
    return (ONE_STEP, *UNSEEING) if sighted else UNSEEING


def _by_searching(
    context: Context, threat: ThreatModel, stages: list[Stage], held: NDArray[np.int64], some: Job, doubts: Doubts
) -> tuple[Diagnostic, ...]:
    """Tests of attacks on a model that gives no gradient: whether searching longer, or from elsewhere, finds more."""
    told = "the model gives none, so what searches without is tested against itself"
    found = [doubts.about("gradients", True, told), _still_falling(stages, held, doubts)]
    module, params = _searching([stage.choice for stage in stages], threat.norm)
    otherwise = context.seed + 1
    tried = [*probed(context, threat, UNSEEING, some, otherwise, stages)]
    tried += probed(context, threat, (again(module, params),), some, otherwise)
    for attempt, share, message in tried:
        found.append(doubts.about(attempt.name, share <= FEW, message, "the search was too short; take more steps"))
    share, message = _with_the_whole_box(context, threat, module, params, some)
    advice = "it should be nearly all; the search doesn't work on this model"
    return *found, doubts.about("unbounded attack", share >= _MOST, message, advice)


def _still_falling(stages: list[Stage], held: NDArray[np.int64], doubts: Doubts) -> Diagnostic:
    """Whether the last quarter of a search still broke images: then more of it would break more."""
    late = 0
    for stage in stages:
        late += int((stage.result.success & (stage.result.steps > 0.75 * stage.choice.params.steps)).sum())
    share = late / (late + held.size)
    message = (
        f"the last quarter of the steps broke {percent(share)} of the {late + held.size} images that held until then"
    )
    return doubts.about("converged", share <= FEW, message, "the search was too short; take more steps")


def _searching(choices: Sequence[AttackChoice], norm: Norm) -> tuple[ModuleType, Any]:
    """What is tried again where no attack sees a gradient: the last that searches within a ball, or a short search."""
    within = [choice for choice in choices if choice.module.SEEKS == "ball" and choice.module.SEES not in FOLLOWING]
    if within:
        steps = min(within[-1].params.steps, _AGAIN)
        return within[-1].module, within[-1].params.model_copy(update={"steps": steps})
    return (square, _BLIND) if norm in square.NORMS else (pointwise, pointwise.Params(steps=_BLIND.steps))


def widening(
    context: Context, threat: ThreatModel, attacks: list[AttackChoice], job: Job, doubts: Doubts
) -> Diagnostic:
    """Whether images broken within a smaller radius are so within the job's too, as they must: it holds the other."""
    name = "success grows with eps"
    if not len(job.rows):
        return doubts.about(name, True, "no image was broken within less than the widest radius")
    probed = job.only(in_turn(job.labels, _PROBED))
    _, broken, _ = cascade(context, threat, attacks, probed, "first")
    message = f"of {len(broken)} images broken within a smaller radius, {percent(broken.mean())} are within the widest"
    return doubts.about(name, broken.mean() >= _MOST, message, "the attack fails with more budget; take smaller steps")


def closest(
    context: Context, threat: ThreatModel, stages: list[Stage], job: Job, sizes: NDArray[np.float64], doubts: Doubts
) -> tuple[Diagnostic, ...]:
    """Tests of attacks that seek the closest image: sizes (N,) is how close they came, infinite for never."""
    found = [_raw(job, doubts)]
    reached = float(np.isfinite(sizes).mean())
    message = f"with the whole box to move in, the attacks broke {percent(reached)} of {len(sizes)} images"
    found.append(doubts.about("unbounded attack", reached >= _MOST, message, _BROKEN))
    found.append(_disputed(stages, len(job.rows)))
    sighted = bool(_differentiating(stages))
    if sighted:
        found.append(_blind(stages, np.arange(len(sizes)), doubts))
    far = np.flatnonzero(sizes > 0)
    if threat.norm == "l0" or not far.size:
        return tuple(found)
    chosen = far[in_turn(job.labels[far], _PROBED)]
    radii = np.minimum(CLOSER * sizes[chosen], widest(threat.norm, threat.box, job.images[0].size))
    nearer = dataclasses.replace(job.only(chosen), eps=radii)
    try:
        name, broken = "APGD", _broken_by(context, threat, apgd, _LONG, nearer)
    except CheckError:
        if sighted:
            raise
        name, broken = "Square", _broken_by(context, threat, square, _BLIND, nearer)
    share = float(broken.mean())
    message = f"{name} breaks {percent(share)} of {len(radii)} images at {percent(CLOSER)} of the distance found"
    advice = "the distances are too large; add another attack, or steps"
    return *found, doubts.about("closer images", share <= _MUCH_CLOSER, message, advice)


def _furthest(differentiating: Sequence[AttackChoice]) -> tuple[ModuleType, Any]:
    """The attack that is tried without bounds: the last that follows a gradient within a ball, or APGD."""
    ascending = [choice for choice in differentiating if choice.module.SEEKS == "ball"]
    return (ascending[-1].module, ascending[-1].params) if ascending else (apgd, _LONG)


def cost_within_ball(params: Attacked, images: int, class_count: int) -> Passes:
    """What `within_ball` takes at most, after these attacks on so many images."""
    choices = [stage for choice in params.attacks for stage in choice.stages(params.norm)]
    differentiating = [choice for choice in choices if choice.module.SEES in ("gradient", "jacobian")]
    if differentiating:
        short = cost_probed(_tried(sighted=True), params.norm, images, class_count)
        return short + _cost_of([_furthest(differentiating)], images, class_count)
    last = _searching(choices, params.norm)
    short = cost_probed((*UNSEEING, again(*last)), params.norm, images, class_count)
    return short + _cost_of([last], images, class_count) + Passes(gradients=1)


def cost_closest(params: Attacked, images: int, class_count: int) -> Passes:
    """What `closest` takes at most, after these attacks on so many images."""
    return _cost_of([] if params.norm == "l0" else [(apgd, _LONG), (square, _BLIND)], images, class_count)


def cost_widening(params: Attacked, images: int, class_count: int) -> Passes:
    """What `widening` takes at most: what is attacked was compiled before."""
    once = cost_of(params, "first", class_count)
    return Passes(once.gradients, once.predictions) * min(images, _PROBED)


def _cost_of(tried: Sequence[tuple[ModuleType, Any]], images: int, class_count: int) -> Passes:
    total = Passes()
    for module, params in tried:
        total += passes_of_attack(module, params, "first", class_count) * min(images, _PROBED)
    return total


def _name(attack: ModuleType) -> str:
    return attack.__name__.rpartition(".")[2]


def _broken_by(context: Context, threat: ThreatModel, attack: ModuleType, params: Any, job: Job) -> NDArray[np.bool_]:
    return search(_name(attack), params, context.classifier, threat, job, context.seed).success


def _differentiating(stages: list[Stage]) -> list[Stage]:
    return [stage for stage in stages if stage.choice.module.SEES in ("gradient", "jacobian")]


def _raw(job: Job, doubts: Doubts) -> Diagnostic:
    if like_probabilities(job.logits):
        message = "what should be logits are probabilities: attacks follow the gradient of a softmax, which saturates"
        return doubts.about("logits", False, message, "is there a second softmax before the last layer? Take it off")
    return doubts.about("logits", True, "the logits are no probabilities")


def _blind(stages: list[Stage], held: NDArray[np.int64], doubts: Doubts) -> Diagnostic:
    asked = [(stage, np.isin(stage.attacked, held)) for stage in _differentiating(stages)]
    shares = [float(stage.result.blind[those].mean()) for stage, those in asked if those.any()]
    if not shares:
        return doubts.about("gradients", False, "no attack used a gradient; if the model has one, add `apgd`")
    message = f"{percent(max(shares))} of {held.size} images had a gradient that is zero, exploding or not finite"
    advice = "an attack can't follow it; use attacks without gradients as well"
    return doubts.about("gradients", max(shares) <= FEW, message, advice)


def _lost(stages: list[Stage], broken: NDArray[np.bool_], doubts: Doubts) -> Diagnostic:
    lost = np.zeros(len(broken), np.bool_)
    for stage in stages:
        lost[stage.attacked] |= stage.result.lost
    gone = lost & ~broken
    share = float(gone.mean())
    message = f"{percent(share)} of the images were adversarial on the way but not in the final answer"
    advice = "predictions aren't steady, or the last step undoes what the attack found"
    # One alone is no sign: in whole numbers of 8 bits an image may stand on the very edge of a step.
    return doubts.about("no success lost", bool(share <= 0.01 or gone.sum() <= 1 < len(gone)), message, advice)


def _disputed(stages: list[Stage], images: int) -> Diagnostic:
    """Whether the model told the attacks what it tells whoever predicts the same images in a full batch."""
    disputed = np.zeros(images, np.bool_)
    for stage in stages:
        disputed[stage.attacked] |= stage.result.disputed
    return told_otherwise(disputed)


def told_otherwise(disputed: NDArray[np.bool_]) -> Diagnostic:
    """Whether an attack and whoever predicts were answered alike. disputed: (N,), the images of which they weren't."""
    share = float(disputed.mean())
    message = f"of {percent(share)} of the images an attack was told otherwise than whoever predicts them"
    advice = "" if share <= FEW else ": answers depend on the batch they are asked in, or on when"
    return Diagnostic("told alike", share <= FEW, message + advice)


def told_unlike(seen: FloatArray, predicted: FloatArray) -> NDArray[np.bool_]:
    """Which images (N,) got other logits when predicted (N, K) than an ascent had seen (N, K)."""
    unit = max(decisive_range(predicted), _TINY)
    found: NDArray[np.bool_] = (
        np.abs(within_reach(seen, unit) - within_reach(predicted, unit)).max(axis=1) > _UNLIKE * unit
    )
    return found


def _rising(stages: list[Stage], held: NDArray[np.int64], doubts: Doubts) -> Diagnostic:
    """The share of the gradient attack that had converged most: one that did is enough."""
    shares = []
    for stage in _differentiating(stages):
        asked = np.isin(stage.attacked, held)
        if asked.any() and stage.choice.params.steps > 1:
            shares.append(float(stage.result.rising[asked].mean()))
    if not shares:
        return doubts.about("converged", False, "no attack took more than one gradient step; use `apgd`")
    share = min(shares)
    message = f"the loss of {percent(share)} of the images that held still rose in the last quarter of the steps"
    return doubts.about("converged", share <= 0.5, message, "take more steps")


def _unbounded(context: Context, threat: ThreatModel, stages: list[Stage], some: Job, doubts: Doubts) -> Diagnostic:
    """With the whole box to move in, any attack that works reaches its goal."""
    module, params = _furthest([stage.choice for stage in _differentiating(stages)])
    share, message = _with_the_whole_box(context, threat, module, params, some)
    return doubts.about("unbounded attack", share >= _MOST, message, _BROKEN)


def _with_the_whole_box(
    context: Context, threat: ThreatModel, module: ModuleType, params: Any, some: Job
) -> tuple[float, str]:
    """The share of some images that held which an attack breaks, and the same in words; of twice as many where it isn't
    all of the first.
    """
    radii = np.full(len(some.rows), widest(threat.norm, threat.box, some.images[0].size))
    free = dataclasses.replace(some, eps=radii)
    broken = _broken_by(context, threat, module, params, free.only(slice(_PROBED // 2)))
    rest = free.only(slice(_PROBED // 2, _PROBED))
    if not broken.all() and len(rest.rows):
        broken = np.concatenate([broken, _broken_by(context, threat, module, params, rest)])
    share, how = float(broken.mean()), f"with the whole box to move in, `{_name(module)}`"
    return share, f"{how} breaks {percent(share)} of {len(broken)} images that held"
