"""Tell-tale tests: can what an attack didn't break be believed?

After Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018; Carlini et al., On
Evaluating Adversarial Robustness, 2019; Pintor et al., Indicators of Attack Failure, NeurIPS 2022. They look at the
images that held, and cost a small part of the attack itself.
"""

import dataclasses
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.attacks import apgd, fgsm, noise_search, square
from auditor.attacks._loop import Threat
from auditor.attacks._norms import widest
from auditor.attacks._search import Job, search
from auditor.checks._attacks import Stage
from auditor.core import Context, Diagnostic
from auditor.figures import spread

_PROBED = 50
_FEW = 0.05
_MOST = 0.95
_TOLERANCE = 1e-4
_CLOSER = 0.9
_MUCH_CLOSER = 0.2


@dataclass(frozen=True)
class Doubts:
    """Which metrics are too high, and which too low, if the attack was weaker than it seems."""

    inflates: tuple[str, ...]
    deflates: tuple[str, ...] = ()

    def about(self, name: str, ok: bool, message: str, advice: str = "") -> Diagnostic:
        """A diagnostic that voids only what a weak attack would flatter; `advice` is given where it isn't ok."""
        told = message if ok or not advice else f"{message}: {advice}"
        return Diagnostic(name, ok, told, self.inflates, self.deflates)


def steady(context: Context, job: Job) -> Diagnostic:
    """Whether the same images get the same logits twice, and in any company."""
    images = job.images[spread(len(job.images), 4 * _PROBED)]
    first, again = context.classifier.predict(images), context.classifier.predict(images)
    turned = context.classifier.predict(images[::-1])[::-1]
    scale = max(float(np.ptp(first)), 1e-12)
    twice, company = float(np.abs(again - first).max()) / scale, float(np.abs(turned - first).max()) / scale
    name = "steady predictions"
    if twice > _TOLERANCE:
        message = f"the same images got other logits the second time (by {twice:.2g} of their range)"
        return Diagnostic(name, False, f"{message}: the model is random or keeps state; fix it before you measure it")
    if company > _TOLERANCE:
        message = f"logits depend on the rest of the batch (by {company:.2g} of their range)"
        return Diagnostic(name, False, f"{message}: is a batch normalisation left in training mode?")
    return Diagnostic(name, True, "the same images get the same logits, twice and in any order")


def within_ball(
    context: Context, threat: Threat, stages: list[Stage], job: Job, broken: NDArray[np.bool_], doubts: Doubts
) -> tuple[Diagnostic, ...]:
    """All tests of attacks within a ball. broken: (N,), what they broke of the job."""
    held = np.flatnonzero(~broken)
    found = [steady(context, job)]
    if not held.size:
        return (*found, doubts.about("attack", True, "nothing held, so there is no robustness to doubt"))
    probed = job.only(held[spread(held.size, _PROBED)])
    found += [_blind(stages, held, doubts), _lost(stages, broken, doubts), _rising(stages, held, doubts)]
    probes: list[tuple[str, str, ModuleType, dict[str, Any]]] = [
        ("one step", "a single gradient step", fgsm, {}),
        ("plain noise", "plain random noise", noise_search, {"steps": 20}),
        ("search without gradients", "a short search without gradients", square, {"steps": 200}),
    ]
    for name, what, module, params in probes:
        if threat.norm in module.NORMS:
            share = _broken_by(context, threat, module, module.Params(**params), probed)
            message = f"{what} breaks {share:.0%} of {len(probed.rows)} images that held"
            advice = "the attack was weak, or gradients are masked; add `square` or `autoattack`"
            found.append(doubts.about(name, share <= _FEW, message, advice))
    if threat.norm != "l0":
        found.append(_unbounded(context, threat, stages, probed, doubts))
    return tuple(found)


def closest(
    context: Context, threat: Threat, job: Job, sizes: NDArray[np.float64], doubts: Doubts
) -> tuple[Diagnostic, ...]:
    """Tests of attacks that seek the closest image: sizes (N,) is how close they came, infinite for never."""
    steadiness = steady(context, job)
    far = np.flatnonzero(sizes > 0)
    if threat.norm == "l0" or not far.size:
        return (steadiness,)
    chosen = far[spread(far.size, _PROBED)]
    radii = np.minimum(_CLOSER * sizes[chosen], widest(threat.norm, threat.box, job.images[0].size))
    nearer = dataclasses.replace(job.only(chosen), eps=radii)
    share = _broken_by(context, threat, apgd, apgd.Params(steps=40), nearer)
    message = f"APGD breaks {share:.0%} of {len(radii)} images at {_CLOSER:.0%} of the distance found"
    advice = "the distances are too large; add another attack, or steps"
    return steadiness, doubts.about("closer images", share <= _MUCH_CLOSER, message, advice)


def _broken_by(context: Context, threat: Threat, module: ModuleType, params: Any, job: Job) -> float:
    found = search(module, params, context.classifier, threat, job, context.seed)
    return float(found.success.mean())


def _differentiating(stages: list[Stage]) -> list[Stage]:
    return [stage for stage in stages if stage.choice.module.SEES in ("gradient", "jacobian")]


def _blind(stages: list[Stage], held: NDArray[np.int64], doubts: Doubts) -> Diagnostic:
    asked = [(stage, np.isin(stage.attacked, held)) for stage in _differentiating(stages)]
    shares = [float(stage.found.blind[those].mean()) for stage, those in asked if those.any()]
    if not shares:
        return doubts.about("gradients", False, "no attack used a gradient; if the model has one, add `apgd`")
    message = f"{max(shares):.0%} of the images that held had a gradient of zero, or none that is finite"
    advice = "an attack can't follow it; use attacks without gradients as well"
    return doubts.about("gradients", max(shares) <= _FEW, message, advice)


def _lost(stages: list[Stage], broken: NDArray[np.bool_], doubts: Doubts) -> Diagnostic:
    lost = np.zeros(len(broken), np.bool_)
    for stage in stages:
        lost[stage.attacked] |= stage.found.lost
    share = float((lost & ~broken).mean())
    message = f"{share:.1%} of the images fell on the way but not in the final answer"
    advice = "predictions aren't steady, or the last step undoes what the attack found"
    return doubts.about("no success lost", share <= 0.01, message, advice)


def _rising(stages: list[Stage], held: NDArray[np.int64], doubts: Doubts) -> Diagnostic:
    """The share of the gradient attack that had converged most: one that did is enough."""
    shares = []
    for stage in _differentiating(stages):
        asked = np.isin(stage.attacked, held)
        if asked.any() and stage.choice.params.steps > 1:
            shares.append(float(stage.found.rising[asked].mean()))
    if not shares:
        return doubts.about("converged", False, "no attack took more than one gradient step; use `apgd`")
    share = min(shares)
    message = f"the loss of {share:.0%} of the images that held still rose in the last quarter of the steps"
    return doubts.about("converged", share <= 0.5, message, "take more steps")


def _unbounded(context: Context, threat: Threat, stages: list[Stage], probed: Job, doubts: Doubts) -> Diagnostic:
    """With the whole box to move in, any attack that works reaches its goal."""
    climbing = [stage.choice for stage in _differentiating(stages) if stage.choice.module.SEEKS == "ball"]
    module, params = (climbing[-1].module, climbing[-1].params) if climbing else (apgd, apgd.Params(steps=40))
    radii = np.full(len(probed.rows), widest(threat.norm, threat.box, probed.images[0].size))
    free = dataclasses.replace(probed, eps=radii)
    share = _broken_by(context, threat, module, params, free)
    name = module.__name__.rpartition(".")[2]
    message = f"with the whole box to move in, `{name}` breaks {share:.0%} of {len(radii)} images that held"
    advice = "it should be nearly all; the attack or its gradient is broken"
    return doubts.about("unbounded attack", share >= _MOST, message, advice)
