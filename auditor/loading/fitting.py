"""Before anything is measured on a model: does it take the data, is its output what the spec says, and are its logits
those of the checkpoint itself?
"""

import math

import numpy as np

from auditor.classifiers import Loaded, Prepared, other_order, unlike
from auditor.compute import uniform
from auditor.loading.class_names import check_order
from auditor.telling.numbers import percent, times
from auditor.values import Classifier, DataError, FloatArray, ModelError, Samples

_REAL, _RANDOM = 16, 16  # images that are tried
_OUTSIDE = 0.25  # of the values of these images, at most, beyond what a network can be given


def check_fit(name: str, classifier: Classifier, samples: Samples, layout: str = "") -> None:
    """Refuse a model and data of different shapes, classes or orders of them, and a wrongly declared output.

    layout: the order of its input, where its parameters say that.
    """
    check_alike(name, classifier, samples, layout)
    base = classifier.base if isinstance(classifier, Prepared) else classifier
    if isinstance(base, Loaded):
        for named in base.named:
            check_order(name, named, samples)
        _check_levels(name, classifier, base, samples)
    classifier.check_declaration(probes(samples))


def check_alike(name: str, classifier: Classifier, samples: Samples, layout: str = "") -> None:
    """Refuse a model and data of different shapes or numbers of classes, as far as that is told without asking it."""
    shape = samples.images.shape[1:]
    if classifier.input_shape != shape:
        told = f"takes images of {times(classifier.input_shape)}, but {samples.source} has {times(shape)}"
        raise ModelError(f"model {name!r} {told}; {_way(shape, classifier.input_shape, layout)}")
    known = classifier.class_count
    if samples.classes is not None and len(samples.classes) != known:
        message = f"model {name!r} tells {known} classes apart, but {samples.source} has {len(samples.classes)}"
        raise ModelError(f"{message}; name all that the model knows, in its order, also those without images")
    highest = int(samples.labels.max())
    if highest >= known:
        message = f"{samples.source} has labels up to {highest}, but model {name!r} knows classes 0 to {known - 1}"
        from_one = samples.labels.min() == 1 and highest == known
        raise DataError(message + ("; if they are numbered from 1, take 1 off each" if from_one else ""))


def _check_levels(name: str, classifier: Classifier, base: Loaded, samples: Samples) -> None:
    """Refuse to round images to whole numbers where hardly any are left, or many lie beyond all of them."""
    if base.whole is None:
        return
    images = probes(samples)
    given = np.asarray(classifier.prepare(images)) if isinstance(classifier, Prepared) else images
    least, most = float(given.min()), float(given.max())
    low, high = base.whole.span
    step = base.whole.step
    takes = "whole numbers" if step == 1 else f"values from {low:.3g} to {high:.3g}, in steps of {step:.3g}"
    told = f"model {name!r} takes {takes}, but is given values from {least:.2g} to {most:.2g}"
    if base.whole.few(least, most):
        raise ModelError(f"{told}, of which few are left; `preprocessing: {{scale: 255}}` makes 0 to 255 of [0, 1]")
    outside = float(((given < low - step) | (given > high + step)).mean())
    if outside > _OUTSIDE:
        way = "`preprocessing` has to make of them what it was made for: `{scale: 1/255}` makes [0, 1] of 0 to 255"
        raise ModelError(f"{told}, of which {percent(outside)} are cut off; {way}")


def _way(shape: tuple[int, ...], taken: tuple[int, int, int], layout: str) -> str:
    """What to write so that a network that takes images of shape `taken` is given such."""
    height, width, channels = shape
    # What was read as (C, H, W) may be (H, W, C), and the other way round.
    if layout == "NCHW" and taken == (width, channels, height):
        return f"its input is {times(shape)} as it stands, with channels last: write `layout: NHWC`"
    if layout == "NHWC" and taken == (channels, height, width):
        return "its input has channels first: write `layout: NCHW`"
    turned = "" if layout else other_order((height, width, channels), taken, "nhwc")
    if turned:
        return turned.removeprefix(": ")
    if taken[:2] == (height, width):
        if {channels, taken[2]} == {1, 3}:
            return f"`preprocessing: {{channels: {'rgb' if channels == 1 else 'grey'}}}` of the model makes them so"
        return f"no `preprocessing` makes them of {channels} channels, so give it data that has as many as it takes"
    rows = taken == (1, 1, math.prod(shape))
    return f"`preprocessing` of the model {'makes rows of them with `layout: flat`' if rows else 'can resize them'}"


def probes(samples: Samples) -> FloatArray:
    """Images to try a model on: of the data and random ones within its box."""
    real = samples.images[:_REAL]
    noise = uniform(0, "probes", _RANDOM, samples.images.shape[1:], samples.box)
    return np.concatenate([real, noise.astype(np.float32)])


def unfaithful(classifier: Classifier, samples: Samples) -> str:
    """How a classifier's logits differ from what its checkpoint itself answers, or nothing where they don't."""
    images = probes(samples)
    return unlike(classifier.predict(images), classifier.answers(images), classifier.output)
