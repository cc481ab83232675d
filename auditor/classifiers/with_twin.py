"""A model that another one's gradients lead attacks on: what counts is what the model itself answers, at every look.

References
    Athalye, Carlini, Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018: where a model can't be
    differentiated, a function that resembles it is.
"""

from dataclasses import dataclass

from auditor.classifiers.common import Loaded
from auditor.classifiers.onward import Onward
from auditor.classifiers.preparing import Prepared
from auditor.values import Classifier, Tensor


@dataclass(frozen=True, eq=False)
class WithTwin(Onward):
    """`base`, and a `twin` of it that is differentiable.

    name: the twin's, in the spec. Attacks follow `leading`; all else asks `base`.
    """

    base: Classifier
    twin: Classifier
    name: str

    @property
    def logits_from(self) -> str:
        """How its logits are obtained, and whose gradients are followed."""
        return f"{self.base.logits_from}; attacks follow the gradients of {self.name!r}"

    def leading(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to the twin's logits (N, classes), differentiably."""
        return self.twin.forward(images)


def innermost(classifier: Classifier) -> Loaded | None:
    """The checkpoint behind preprocessing and beside a twin; None where there is none."""
    while isinstance(classifier, Prepared | WithTwin):
        classifier = classifier.base
    return classifier if isinstance(classifier, Loaded) else None
