"""What was attacked, in words: goal, knowledge, capability and budget of a case, and which attacks took part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from auditor import catalog
from auditor.telling.numbers import percent, radius
from auditor.values import AuditError, Record

_SEES = {
    "gradient": "the model itself: it follows the gradient",
    "jacobian": "the model itself: it follows the gradient of every class",
    "features": "the model itself: it follows the gradient of what an inner layer says",
    "score": "the scores that the model gives",
    "decision": "the class that the model names, nothing else",
}
_NORMS = {
    "linf": "every pixel moves by at most",
    "l2": "the change as a whole is at most this long (L2):",
    "l1": "all changes of pixels together come to at most (L1)",
    "l0": "so many values change at most (L0):",
}
_NAMED = ("steps", "restarts", "queries", "step_size")
_STANDARD = "autoattack"


@dataclass(frozen=True)
class Attacker:
    """What an attacker of a case wants, knows and may do; in words, as (what, words) pairs."""

    rows: tuple[tuple[str, str], ...]


def attacker(record: Record) -> Attacker | None:
    """The threat model of a record; None where nothing was attacked."""
    named = [one for one in _listed(record.params.get("attacks")) if isinstance(one, Mapping) and "attack" in one]
    if not named and not {"target", "steps"} <= record.params.keys():
        return None
    return Attacker(tuple(_rows(record, named)))


def _rows(record: Record, named: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    params = record.params
    target = params.get("target")
    aimed = "each class in turn" if target == "all" else f"the class {target}"
    yield "goal", "any wrong class (untargeted)" if target is None else f"{aimed} (targeted)"
    seen = [_sees(str(one["attack"])) for one in named] if named else [_SEES["gradient"]]
    yield "knowledge", "; ".join(dict.fromkeys(filter(None, seen))) or "not recorded"
    radii = [one for one in _listed(params.get("eps")) if isinstance(one, int | float)]
    if radii:
        rule = _NORMS.get(str(params.get("norm")), f"in the norm {params.get('norm')}, the change is at most")
        yield "capability", f"{rule} {', '.join(radius(one) for one in radii)}{_share(record, radii)}"
    elif named:
        yield "capability", f"any change; the smallest in {params.get('norm', 'its norm')} is sought"
    elif isinstance(params.get("step_size"), int | float):
        yield "capability", f"no ball: each step moves by {radius(params['step_size'])} (times the deviation's inverse)"
    yield "budget", "; ".join(_told(one) for one in named) if named else _budget(params)
    if named:
        standard = any(one["attack"] == _STANDARD for one in named)
        told = "the standard ensemble (AutoAttack)" if standard else "weaker than the standard ensemble (AutoAttack)"
        yield "strength", told if standard else f"{told}, or not held against it: that one may break more"
    made = record.provenance.get("versions", {}).get("auditor") if named else None
    for one in named:
        told = ", ".join(f"{name} {_plain(value)}" for name, value in one.items() if name != "attack")
        yield f"{one['attack']}, in full", f"auditor {made or 'of a version not recorded'}: {told or 'no parameters'}"
    yield "pixels", "all of an image, within the box of valid values"


def _share(record: Record, radii: list[float]) -> str:
    made = record.evidence.adversarial if record.evidence else None
    if made is None or made.proof is None or made.proof.box is None or record.params.get("norm") != "linf":
        return ""
    low, high = made.proof.box
    return f", of a range of {high - low:g}: {percent(max(radii) / (high - low))} of it" if high > low else ""


def _sees(name: str) -> str:
    try:
        return _SEES.get(catalog.load("attacks", name).SEES, "")
    except (AuditError, AttributeError):
        return ""  # a record may be of an attack that isn't installed here


def _told(attack: Mapping[str, Any]) -> str:
    said = _budget(attack)
    return f"{attack['attack']} ({said})" if said else str(attack["attack"])


def _budget(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {given[name]:g}" for name in _NAMED if _is_number(given.get(name)))


def _plain(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
