"""What metrics are called with a target: its own names, as they can't be compared with those for any wrong class."""

from collections.abc import Mapping


def called(name: str, targeted: Mapping[str, str], target: int | str | None) -> str:
    """What a metric is called with this target, if there is one. targeted: names with one, by those without."""
    return name if target is None else targeted.get(name, name)


def instead_of(targeted: Mapping[str, str], target: int | str | None) -> dict[str, str]:
    """Metrics that aren't given with this target, or without one, each with the one that is in its place."""
    return dict(targeted) if target is not None else {name: plain for plain, name in targeted.items()}
