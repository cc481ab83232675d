"""Names that several things have, told apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ClassNames:
    """The names of a model's classes, in order, as one list has them; where: which, in words."""

    where: str
    names: tuple[str, ...]


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, those that several classes have with the class's number behind them: `crane (134)`, `crane (517)`."""
    found = list(names)
    while len(set(found)) < len(found):
        times = Counter(found)
        found = [f"{name} ({number})" if times[name] > 1 else name for number, name in enumerate(found)]
    return tuple(found)


def same_name(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Those of known names that `distinct_names` would have made of `name`."""
    return tuple(other for other in known if other.startswith(f"{name} (") and other[len(name) + 2 : -1].isdigit())
