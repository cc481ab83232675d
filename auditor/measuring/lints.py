"""What makes a claim of robustness weak before anything runs: remarks on a threat model, with their place.

After Carlini et al., On Evaluating Adversarial Robustness, 2019, and Tramèr et al., On Adaptive Attacks to
Adversarial Example Defenses, NeurIPS 2020. A place is a location within the check's parameters.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.measuring.cascade import AttackChoice, Attacked
from auditor.search import FOLLOWING, Ascending, Norm
from auditor.values import Expectation, NoGradient, Remark

Blind = Mapping[str, NoGradient]  # by the model's name

_GREYS = 255
# Least and greatest radius of a box of width 1 that looks meant. L∞: half a grey level, and the box. L2, L1: five and
# 25 grey levels of one pixel, in all, and more than is asked of the largest images.
_PLAUSIBLE = {"linf": (0.5 / _GREYS, 1.0), "l2": (5 / _GREYS, 100.0), "l1": (25 / _GREYS, 5000.0)}
_COMMON = 8  # radii of up to so many 255ths are the ones that papers write so
# What benchmarks ask for of images in [0, 1]: RobustBench (Croce et al., 2021) of CIFAR-10, and of ImageNet; Croce and
# Hein, Mind the Box, 2021. In a wider box the same number is another radius.
_BENCHMARKS = {"l2": (0.5, 128 / _GREYS, 3.0), "l1": (12.0,)}
_WHOLE = 1e-6
# Steps vary with their number and with the objective: of those that were meant none is so many times another.
_FAR = 50


def claims(expectations: Sequence[Expectation], high: Sequence[str], low: Sequence[str] = ()) -> bool:
    """Whether a gate rests on the attack: a `min` on a metric in `high`, a `max` on one in `low`."""
    return any(
        (e.min is not None and e.metric.split(".", 1)[0] in high)
        or (e.max is not None and e.metric.split(".", 1)[0] in low)
        for e in expectations
    )


def of_nothing(at: tuple[str | int, ...], metrics: Sequence[str]) -> Remark:
    """That gates on these metrics claim nothing: the radius, which stands there, is 0."""
    return Remark(at, "at `eps` 0 nothing may change, so this is accuracy and no robustness", hollow=tuple(metrics))


def of_target(
    target: int | str | None, expectations: Sequence[Expectation], high: Sequence[str], low: Sequence[str]
) -> Iterator[Remark]:
    """That resisting the way to one class is no robustness; high, low: as for `claims`."""
    if target is not None and claims(expectations, high, low):
        message = f"only class {target} was aimed at (`target`): whether images reach other wrong ones wasn't asked"
        yield Remark(("target",), message, caveat=True)


def of_attacks(params: Attacked, blind: str) -> Iterator[Remark]:
    """Whether the attacks together can carry a claim of robustness; blind: one that works without gradients."""
    whole = [stage for choice in params.attacks for stage in choice.stages(params.norm)]
    ascending = [stage for stage in whole if _differentiates(stage)]
    single = [stage for stage in ascending if stage.params.steps == 1]
    if ascending and len(single) == len(ascending):
        name = single[0].name
        message = f"`{name}` alone, a single gradient step, is no evidence of robustness; add {{attack: apgd}}"
        yield Remark(("attacks", _position(params, name)), message)
    if ascending and len(ascending) == len(whole):
        message = "no attack works without gradients, so masked gradients would pass for robustness"
        yield Remark(("attacks",), f"{message}; add {{attack: {blind}}}")
    if ascending and sum(stage.params.starts * max(1, stage.params.rival_classes) for stage in ascending) == 1:
        message = "one attack from one start: an unlucky start passes for robustness; set `restarts` or add an attack"
        yield Remark(("attacks", _position(params, ascending[0].name)), message)


def gradient_free(norm: Norm) -> str:
    """The strongest attack within a ball that needs no gradient."""
    return "square" if norm in ("linf", "l2") else "pointwise"


def of_radius(
    params: Attacked, radii: Sequence[float], box: tuple[float, float], resists: bool = False
) -> Iterator[Remark]:
    """Whether radii and steps are in the units of the box, and the steps long enough to cross them.

    resists: whether a gate claims that these radii are withstood.
    """
    many = len(radii) > 1
    for i, eps in enumerate(radii):
        told = _odd_radius(params.norm, eps, box)
        if told:
            yield Remark(("eps", i) if many else ("eps",), told, caveat=resists and _tiny(params.norm, max(radii), box))
    for i, choice in enumerate(params.attacks):
        step = getattr(choice.params, "step_size", None)
        if step is None or choice.module.SEEKS != "ball":
            continue
        at, reach = ("attacks", i, "step_size"), choice.params.steps * step
        if reach < max(radii):
            message = f"{choice.params.steps} steps of {step:g} reach {reach:g}, short of `eps` {max(radii):g}"
            yield Remark(at, f"{message} even in a straight line; take more or longer steps")
        elif step > 2 * max(radii) > 0:
            message = f"a step of {step:g} is longer than the ball of `eps` {max(radii):g} is wide"
            yield Remark(at, f"{message}, so it only jumps from edge to edge; take shorter steps")


def of_closest(params: Attacked, box: tuple[float, float]) -> Iterator[Remark]:
    """Whether first steps and radii of attacks that seek the closest image are in the units of the box."""
    for i, choice in enumerate(params.attacks):
        for name in ("step_size", "first_radius"):
            value = getattr(choice.params, name, None)
            if value is not None and choice.module.SEEKS != "ball":
                told = _odd_share(name, value, 1.0, box)
                if told:
                    yield Remark(("attacks", i, name), told)


def of_pace(params: Ascending, box: tuple[float, float]) -> Iterator[Remark]:
    """Whether the steps of an ascent are in the units of the box."""
    told = params.step_size and _odd_share("step_size", params.step_size, params.SHARE, box)
    if told:
        yield Remark(("step_size",), told)


def of_distances(
    norms: Mapping[str, Norm], expectations: Sequence[Expectation], box: tuple[float, float]
) -> Iterator[Remark]:
    """Whether bounds on metrics that are distances, or radii, are in the units of the box; norms: in which each is."""
    for expectation in expectations:
        norm = None if expectation.versus_baseline else norms.get(expectation.metric)
        for bound in (expectation.min, expectation.max):
            told = norm and bound and _odd_radius(norm, bound, box, expectation.metric)
            if told:
                yield Remark((), told)


def _odd_radius(norm: Norm, eps: float, box: tuple[float, float], name: str = "eps") -> str | None:
    """What makes a radius look as if it were in other units than the box's, or None."""
    given = f"`{name}` {eps:g}"
    if norm == "l0":
        changes = "so a radius below 1 changes nothing"
        return f"{given} counts the values that may change, {changes}" if 0 < eps < 1 else None
    width = box[1] - box[0]
    least, most = _PLAUSIBLE[norm]
    units = f"`{name}` is in the units of the box"
    levels = eps * _GREYS
    if eps > most * width:
        hint = f"; for {eps:g} of {_GREYS} grey levels write {eps * width:g}/{_GREYS}" if eps <= most * _GREYS else ""
        too = f"is wider than the {_named(box)}" if norm == "linf" else f"is very large, and {units}"
        return f"{given} {too}{hint}"
    if 0 < eps < least * width:
        small = "is less than half a grey level" if norm == "linf" else f"is next to nothing in {norm}"
        hint = "" if width == 1 else f": did you mean {eps * width:g}?"
        return f"{given} {small} of the {_named(box)}; {units}{hint}"
    if norm == "linf" and width > 1 and eps <= _COMMON / _GREYS and abs(levels - round(levels)) < _WHOLE:
        known = f"`{name}` {round(levels)}/{_GREYS} is {levels / width:g} grey levels of the {_named(box)}"
        return f"{known}: what is {round(levels)}/{_GREYS} in a box of width 1 is {eps * width:g} in this one"
    if width > 1 and any(abs(eps - one) < _WHOLE for one in _BENCHMARKS.get(norm, ())):
        known = f"{given} is what benchmarks ask for in a box of width 1, in {norm}"
        return f"{known}: the same is {eps * width:g} in the {_named(box)}"
    return None


def _tiny(norm: Norm, eps: float, box: tuple[float, float]) -> bool:
    """Whether nobody would call it a change."""
    return eps < (1.0 if norm == "l0" else _PLAUSIBLE[norm][0] * (box[1] - box[0]))


def _odd_share(name: str, value: float, usual: float, box: tuple[float, float]) -> str | None:
    """What makes a length look as if it were in other units than the box's, where it usually is a share of it."""
    width = box[1] - box[0]
    if usual / _FAR <= value / width <= usual * _FAR:
        if width > 1 >= value and value / width <= min(1 / _GREYS, usual):  # where a share of the box is more than that
            small = f"`{name}` {value:g} is one grey level of {_GREYS} at most in the {_named(box)}"
            there = f"in whose units it is, and {usual * width:g} if left out"
            return f"{small}, {there}; what is {value:g} in a box of width 1 is {value * width:g} in this one"
        return None
    size = "far less" if value < usual * width else "far more"
    there = f"`{name}` {value:g} is {size} than the {usual * width:g} that it is if left out"
    hint = f": did you mean {value * width:g}?" if value < usual * width and width > 1 else ""
    return f"{there}; it is in the units of the {_named(box)}{hint}"


def _named(box: tuple[float, float]) -> str:
    return f"box [{box[0]:g}, {box[1]:g}]"


def of_objective(objective: str, metric: str, expectations: Sequence[Expectation]) -> Iterator[Remark]:
    """Whether a low success rate could come from a gradient that vanished."""
    if objective == "probability" and claims(expectations, (), (metric,)):
        message = f"a probability saturates and its gradient vanishes, so a low `{metric}` may only mean that"
        yield Remark(("objective",), f"{message}; the objective of a gate should be `log_probability`")


def without_gradients(models: Sequence[str], blind: Blind) -> Iterator[Remark]:
    """That a check which follows models' own gradients ends in an error on those that give none."""
    for name in (name for name in dict.fromkeys(models) if name in blind):
        lent = blind[name].lender is not None
        attacks = "whose attacks follow those that are lent" if lent else "with attacks that need none, such as"
        way = f"`robust_accuracy` {attacks}{'' if lent else ' {attack: square}'}"
        yield Remark((), f"{_none(name, blind)} What it can be measured by: `accuracy`, `transfer` onto it, and {way}")


def attacks_without_gradients(params: Attacked, models: Sequence[str], blind: Blind, instead: str) -> Iterator[Remark]:
    """The same of every attack that follows gradients, where none are lent; instead: one that works without."""
    for name in (name for name in dict.fromkeys(models) if name in blind and blind[name].lender is None):
        for i, choice in enumerate(params.attacks):
            if any(_differentiates(stage) for stage in choice.stages(params.norm)):
                message = f"`{choice.name}` follows a gradient: {_none(name, blind)}"
                yield Remark(("attacks", i), f"{message} Take {{attack: {instead}}}")


def _none(name: str, blind: Blind) -> str:
    why, lender = blind[name].why, blind[name].lender
    lent = f", and those of {lender!r} lead attacks alone" if lender is not None else ""
    return f"model {name!r} gives no gradient ({why}){lent}, so the case will end in an error."


def _differentiates(choice: AttackChoice) -> bool:
    return choice.module.SEES in FOLLOWING


def _position(params: Attacked, name: str) -> int:
    return next((i for i, choice in enumerate(params.attacks) if choice.name == name), 0)
