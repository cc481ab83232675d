"""Does a model treat images that a file of 8 bits can hold as it treats those beside them?

Attacks move freely between the 256 levels, and what is deployed is shown levels. A model that looks at which of both it
is shown can be one network for the audit and another for the world.
"""

import numpy as np

from auditor.compute import generator
from auditor.telling.numbers import number
from auditor.values import Classifier, Context, Diagnostic, FloatArray, Passes, decisive_range, within_reach

NAME = "8-bit images"
_MOST, _LEVELS = 48, 255
# Answers to images half a level off, at most, beside those to images a whole level off: half as much, if anything.
_MUCH, _ROUNDING = 3.0, 1e-3


def alike_off_the_grid(classifier: Classifier, images: FloatArray, context: Context, called: str = "") -> Diagnostic:
    """Whether answers to images (N, H, W, C) change less by half a level of 8 bits than by a whole one.

    called: the model's name, where there are several. A network that is steep, or that rounds its input, changes little
    by half a level or as much as by a whole one; one that changes much more looks at the number format.
    """
    (low, high), drawn = context.samples.box, generator(context.spec_seed, "levels")
    levels = np.round((images[:_MOST].astype(np.float64) - low) / (high - low) * _LEVELS)
    whole = drawn.choice((-1.0, 1.0), levels.shape)
    # Inwards, where the box ends.
    whole = np.where((levels + whole < 0) | (levels + whole > _LEVELS), -whole, whole)
    half = np.abs(drawn.uniform(0, 0.5, levels.shape)) * np.sign(whole)
    asked = (levels, levels + whole, levels + half)
    # One after the other: together, a model that looks at whole batches would never see one that lies between levels.
    on, beside, off = (classifier.predict((low + at / _LEVELS * (high - low)).astype(np.float32)) for at in asked)
    scale = max(decisive_range(on), 1e-30)
    one, other = (float(np.median(_apart(on, moved, scale))) for moved in (beside, off))
    ok = other <= max(_MUCH * one, _ROUNDING)
    who = f"{called!r}" if called else "the model"
    message = (
        f"{who} changes its answers by {number(other)} of their range where images move by half a level of 8 bits at"
    )
    message += f" most, and by {number(one)} where they move by a whole one"
    advice = "" if ok else ": it looks at the number format, and isn't what images in files are shown to"
    return Diagnostic(NAME, ok, message + advice)


def cost_alike(images: int) -> Passes:
    """What `alike_off_the_grid` takes of a model."""
    return Passes(predictions=3 * min(images, _MOST))


def _apart(one: FloatArray, other: FloatArray, scale: float) -> FloatArray:
    found: FloatArray = np.abs(within_reach(one, scale) - within_reach(other, scale)).max(axis=1) / scale
    return found
