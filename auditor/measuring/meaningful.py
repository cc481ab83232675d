"""Could a network that learned nothing have done as well: one that always answers the same, or that only guesses?

A model that calls everything a 7 is right about data that holds nothing but 7s, never flips to a 3, and reads no
message. Labels that were taken from the model's own answers are all right, whatever it answers. An image that counts
300 times is one observation.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from auditor.compute import uniform
from auditor.measuring.words import several
from auditor.values import Classifier, Diagnostic, FloatArray, IntArray, Metric, ModelError, Samples

CONSTANT, ONE_CLASS, UNTRAINED = "more than one answer", "more than one class", "others that know the data"
PROBES = 50
_OF_EACH = 16
_MANY = 100  # of so many labels some are wrong, unless the data is easy, or they are the model's own
_ACCURACIES = ("accuracy", "clean_accuracy")


def answers_vary(
    classifier: Classifier, images: FloatArray, predicted: IntArray, box: tuple[float, float], called: str = ""
) -> Diagnostic:
    """Whether a model ever names another class: of images (N, H, W, C), predicted (N,), or of what is no image at all.

    called: the model's name, where there are several.
    """
    who = f"{called!r} calls" if called else "it calls"
    if classifier.class_count < 2 or len(np.unique(predicted)) > 1:
        return Diagnostic(CONSTANT, True, f"{who} images by more than one class")
    few, (low, high) = images[:_OF_EACH], box
    noise = uniform(0, "probe", _OF_EACH, images.shape[1:], box)
    blank = np.stack([np.full(images.shape[1:], shade, np.float32) for shade in box])
    probes = np.concatenate([noise, low + high - few, few[:, ::-1, ::-1], blank]).astype(np.float32)
    everywhere = f"all {several(len(images), 'image')} looked at class {int(predicted[0])}"
    try:
        same = bool((classifier.predict(probes).argmax(axis=1) == predicted[0]).all())
    except ModelError:  # what isn't finite is another answer
        same = False
    if not same:
        return Diagnostic(CONSTANT, True, f"{who} {everywhere}, and other things otherwise")
    told = f"{who} {everywhere}, and so it does noise, negatives and blank images"
    return Diagnostic(CONSTANT, False, f"{told}: a network that learned nothing does the same")


def one_class(samples: Samples, metrics: Mapping[str, Metric]) -> Iterator[Diagnostic]:
    """Where all images are of one class, that who always names it has an accuracy of 1."""
    known = [name for name in metrics if name.split(".")[0] in _ACCURACIES]
    if known and _only_class(samples) is not None:
        told = f"{_only_class(samples)}, which one who always says so gets right; add images of others"
        yield Diagnostic(ONE_CLASS, False, told, inflates=(*_ACCURACIES, "worst_class_accuracy"), deflates=("errors",))


def caveats(samples: Samples, metrics: Mapping[str, Metric]) -> Iterator[str]:
    """What metrics of images of the data don't show, though they seem to."""
    if not any(metric.rows is not None and (metric.rows >= 0).any() for metric in metrics.values()):
        return  # of noise, or of what another case made
    only = _only_class(samples)
    if only is not None:
        yield f"{only}: nothing is said of others"
    right = next((metrics[name] for name in _ACCURACIES if name in metrics), None)
    if right is not None and right.successes == right.n >= _MANY:
        yield f"all {right.n} labels are the model's own answers, as they would be had they been taken from it"
    again = len(set(samples.repeats) & set(samples.indices.tolist()))
    if again:
        yield f"{again} of {several(len(samples), 'image')} repeat others, and count all the same (`duplicates: count`)"


def _only_class(samples: Samples) -> str | None:
    """In words, where all images are of one class."""
    there = np.unique(samples.labels)
    if len(there) > 1:
        return None
    return f"all {several(len(samples), 'image')} are of one class ({samples.class_name(int(there[0]))})"
