"""Do the gradients that another model lends lead anywhere? How often both name the same class, before and after."""

import numpy as np
from numpy.typing import NDArray

from auditor.telling.numbers import percent
from auditor.values import Classifier, Diagnostic, Evidence, FloatArray, Led

NAME = "lent gradients"
_LIKE, _APART, _SOME = 0.9, 0.1, 3


def lent(classifier: Classifier, shown: FloatArray, evidence: Evidence) -> Diagnostic | None:
    """Whether a model and the one whose gradients it takes resemble each other; None where it takes none.

    shown: images (N, H, W, C) of the data. evidence: what attacks on it left. Where many images that hold are of
    another class to the other model, attacks found what fools that one alone, and went no further. It doubts what the
    check's own tests of its attacks do.
    """
    if not isinstance(classifier, Led):
        return None
    alike = _alike(classifier, classifier.twin, shown)
    told = f"the model and {classifier.name!r}, whose gradients attacks followed, name the same class for "
    told += f"{percent(float(alike.mean()))} of {len(alike)} images"
    ok = bool(alike.mean() >= _LIKE)
    made = evidence.adversarial
    held = ~made.fooled if made is not None else np.zeros(0, np.bool_)
    if made is not None and held.any():
        apart = ~_alike(classifier, classifier.twin, made.images[held])
        ok &= bool(apart.mean() <= _APART or apart.sum() < _SOME)
        share = percent(float(apart.mean()))
        told += f", and another one for {share} of the {len(apart)} where attacks ended in vain"
    way = "" if ok else ": attacks were led astray, so what held may not hold; add `square`, or lend closer gradients"
    high, low = (
        tuple(dict.fromkeys(name for test in evidence.diagnostics for name in getattr(test, side)))
        for side in ("inflates", "deflates")
    )
    return Diagnostic(NAME, ok, told + way, high, low)


def _alike(classifier: Classifier, other: Classifier, images: FloatArray) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = classifier.predict(images).argmax(axis=1) == other.predict(images).argmax(axis=1)
    return found
