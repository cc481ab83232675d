"""Where things stand in a chart, in CSS pixels: what labels take, where ticks are, how far axes reach."""

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from auditor.drawing import words
from auditor.telling.escaping import visible
from auditor.values import Array

WIDTH = 360
"""A chart's width. It is shown a third larger where there is room, and a fifth smaller on a phone."""
SIZE = 11.5
"""Of its text."""


def spoken(text: str, most: int = 60) -> str:
    """A label on one line, whatever it is made of, cut after so many letters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def length(text: str, size: float = SIZE) -> float:
    """About how long a text is, by its letters: no font has to be there to know it."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (0.62 * (len(text) - wide) + 1.05 * wide)


def longest(labels: Sequence[str], size: float = SIZE) -> float:
    """How long the longest of them is."""
    return max((length(label, size) for label in labels), default=0.0)


def reach(limits: tuple[float, float], *values: Array | None) -> tuple[float, float]:
    """The ends of an axis that holds its limits and every finite value: nothing that was measured is cut off."""
    found = [np.asarray(v, np.float64).ravel() for v in values if v is not None]
    together = np.concatenate([np.asarray(limits, np.float64), *found])
    finite = together[np.isfinite(together)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if not np.isfinite(high - low):
        return 0.0, 1.0
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-290):
        apart = 0.5 if abs(low) < 1e6 else abs(low) / 2
        return low - apart, high + apart
    return low, high


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within an axis, at most so many and one."""
    places = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = 1e-6 * (high - low)
    return [float(t) for t in places if low - slack <= t <= high + slack]


def measured(
    points: Array, low: float, high: float, room: float, say: Callable[[float], str] = words.tick
) -> list[float]:
    """Where an x axis has ticks: at the points measured if they are few and apart, else at round numbers."""
    at = np.unique(np.asarray(points, np.float64))
    if at.size and np.isfinite(at).all():
        needed = longest([say(float(t)) for t in at]) + 8
        if len(at) == 1 or np.diff(at).min() / (high - low) * room >= needed:
            return [float(t) for t in at]
    for most in range(7, 1, -1):
        places = ticks(low, high, most)
        if (longest([say(t) for t in places]) + 10) * len(places) <= room * 1.15:
            return places
    return [low, high]
