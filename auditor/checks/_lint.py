"""What makes a claim of robustness weak before anything runs: remarks on a threat model, with their place.

After Carlini et al., On Evaluating Adversarial Robustness, 2019, and Tramèr et al., On Adaptive Attacks to
Adversarial Example Defenses, NeurIPS 2020. A place is a location within the check's parameters.
"""

from collections.abc import Collection, Iterator, Sequence

from auditor.attacks._norms import Norm
from auditor.checks._attacks import AttackChoice, Attacked
from auditor.record import Expectation, Remark

_GREYS = 255
_GIVES_NONE = "the format of model {!r} gives no gradient, so the case will end in an error."


def claims(expectations: Sequence[Expectation], high: Sequence[str], low: Sequence[str] = ()) -> bool:
    """Whether a gate rests on the attack: a `min` on a metric in `high`, a `max` on one in `low`."""
    return any(
        (e.min is not None and e.metric.split(".", 1)[0] in high)
        or (e.max is not None and e.metric.split(".", 1)[0] in low)
        for e in expectations
    )


def of_attacks(params: Attacked, blind: str | None) -> Iterator[Remark]:
    """Whether the attacks together can carry a claim of robustness; blind: one that works without gradients."""
    whole = [stage for choice in params.attacks for stage in choice.stages(params.norm)]
    climbing = [stage for stage in whole if _differentiates(stage)]
    single = [stage for stage in climbing if stage.params.steps == 1]
    if climbing and len(single) == len(climbing):
        name = single[0].name
        message = f"`{name}` alone, a single gradient step, is no evidence of robustness; add {{attack: apgd}}"
        yield Remark(("attacks", _position(params, name)), message)
    if climbing and len(climbing) == len(whole):
        message = "no attack works without gradients, so masked gradients would pass for robustness"
        yield Remark(("attacks",), message + (f"; add {{attack: {blind}}}" if blind else ""))
    if climbing and sum(stage.params.starts * max(1, stage.params.rival_classes) for stage in climbing) == 1:
        message = "one attack from one start: an unlucky start passes for robustness; set `restarts` or add an attack"
        yield Remark(("attacks", _position(params, climbing[0].name)), message)


def gradient_free(norm: Norm) -> str:
    """The strongest attack within a ball that needs no gradient."""
    return "square" if norm in ("linf", "l2") else "noise_search"


def of_radius(params: Attacked, radii: Sequence[float], box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the radii are in the units of the box, and the steps long enough to cross them."""
    low, high = box
    many = len(radii) > 1
    for i, eps in enumerate(radii):
        at = ("eps", i) if many else ("eps",)
        if params.norm == "linf" and eps > high - low:
            message = f"`eps` {eps:g} is wider than the box [{low:g}, {high:g}]"
            hint = f"; for {eps:g} of {_GREYS} grey levels write {eps:g}/{_GREYS}" if eps <= _GREYS else ""
            yield Remark(at, message + hint)
        elif params.norm == "linf" and 0 < eps < (high - low) / _GREYS / 2:
            message = f"`eps` {eps:g} is less than half a grey level of the box [{low:g}, {high:g}]"
            yield Remark(at, f"{message}; `eps` is in the units of the box: did you mean {eps * (high - low):g}?")
    for i, choice in enumerate(params.attacks):
        step = getattr(choice.params, "step_size", None)
        reach = choice.params.steps * step if step is not None else None
        if reach is not None and reach < max(radii):
            message = f"{choice.params.steps} steps of {step:g} reach {reach:g}, short of `eps` {max(radii):g}"
            yield Remark(("attacks", i, "step_size"), f"{message} even in a straight line; take more or longer steps")


def of_objective(objective: str, metric: str, expectations: Sequence[Expectation]) -> Iterator[Remark]:
    """Whether a low success rate could come from a gradient that vanished."""
    if objective == "probability" and claims(expectations, (), (metric,)):
        message = "a probability saturates and its gradient vanishes, so a low"
        yield Remark(("objective",), f"{message} `{metric}` may only mean that; a gate should climb `log_probability`")


def without_gradients(models: Sequence[str], blind: Collection[str]) -> Iterator[Remark]:
    """That a check which follows gradients ends in an error on models whose format gives none: those named in blind."""
    for name in (name for name in dict.fromkeys(models) if name in blind):
        message = f"{_GIVES_NONE.format(name)} What it can be measured by: `accuracy`, `transfer` onto it, and"
        yield Remark((), f"{message} `robust_accuracy` with attacks that need none, such as {{attack: square}}")


def attacks_without_gradients(
    params: Attacked, models: Sequence[str], blind: Collection[str], instead: str | None
) -> Iterator[Remark]:
    """The same of every attack that follows gradients; instead: one that works without."""
    for name in (name for name in dict.fromkeys(models) if name in blind):
        for i, choice in enumerate(params.attacks):
            if any(_differentiates(stage) for stage in choice.stages(params.norm)):
                message = f"`{choice.name}` follows a gradient: {_GIVES_NONE.format(name)}"
                yield Remark(("attacks", i), message + (f" Take {{attack: {instead}}}" if instead else ""))


def _differentiates(choice: AttackChoice) -> bool:
    return choice.module.SEES in ("gradient", "jacobian")


def _position(params: Attacked, name: str) -> int:
    return next((i for i, choice in enumerate(params.attacks) if choice.name == name), 0)
