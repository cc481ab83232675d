"""Inputs that nobody should get an answer to, or that are images of nothing: what a classifier makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from auditor.telling.numbers import probability
from auditor.telling.reason import reason
from auditor.values import Classifier, FloatArray, Samples, told_probabilities

UNUSABLE = ("nan_pixel", "nan", "infinity", "other_size", "other_channels")
"""Those that are no images of the kind the model takes: to answer one is to make it up."""


@dataclass(frozen=True)
class Tried:
    """What became of one input. told: in words. number: the class that was given; -1 where none was."""

    name: str
    shows: str
    told: str
    number: int

    @property
    def answered(self) -> bool:
        """Whether a class was given."""
        return self.number >= 0


def odd_inputs(samples: Samples) -> Mapping[str, tuple[str, FloatArray]]:
    """Inputs (1, H, W, C) by name, each with what it shows: made of the first image, or of none."""
    low, high = samples.box
    first, middle = samples.images[:1].astype(np.float32), (low + high) / 2
    speck = first.copy()
    speck[0, 0, 0, 0] = np.nan

    def filled(value: float) -> FloatArray:
        return np.full_like(first, value)

    return {
        "black": ("all at the least value of the box", filled(low)),
        "grey": ("all in the middle of the box", filled(middle)),
        "white": ("all at the greatest value of the box", filled(high)),
        "extreme": ("an image, a thousand times as far from the box's middle", (middle + 1000 * (first - middle))),
        "huge": ("all at 1e30", filled(1e30)),
        "nan_pixel": ("an image with NaN in its first pixel", speck),
        "nan": ("all NaN", filled(np.nan)),
        "infinity": ("all infinite", filled(np.inf)),
        "other_size": (
            "an image with a row and a column more",
            np.pad(first, ((0, 0), (0, 1), (0, 1), (0, 0)), "edge"),
        ),
        "other_channels": ("an image with a channel more", np.concatenate([first, first[..., :1]], axis=3)),
    }


def tried(classifier: Classifier, samples: Samples) -> tuple[Tried, ...]:
    """Ask a classifier about each, one at a time, by its format's own call."""
    return tuple(
        _tried(classifier, name, shows, image, samples.class_name)
        for name, (shows, image) in odd_inputs(samples).items()
    )


def _tried(classifier: Classifier, name: str, shows: str, image: FloatArray, class_name: Callable[[int], str]) -> Tried:
    try:
        with np.errstate(all="ignore"):
            given = classifier.answers(image, batch=1)
    except Exception as error:
        return Tried(name, shows, f"refused: {reason(error)}", -1)
    if given.shape != (1, classifier.class_count):
        return Tried(name, shows, f"gave numbers of shape {given.shape}", -1)
    number = int(given[0].argmax())
    sure = (
        ""
        if classifier.output == "scores"
        else f", {probability(told_probabilities(given, classifier.output)[0, number])}"
    )
    return Tried(name, shows, f"answered: {class_name(number)}{sure}", number)
