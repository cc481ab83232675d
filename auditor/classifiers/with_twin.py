"""A model that another one's gradients lead attacks on: what counts is what the model itself answers, at every look.

References
    Athalye, Carlini, Wagner, Obfuscated Gradients Give a False Sense of Security, ICML 2018: where a model can't be
    differentiated, a function that resembles it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from auditor.classifiers.common import Loaded
from auditor.classifiers.preprocessing import Prepared
from auditor.values import Classifier, FloatArray, Layer, Lowerable, ModelError, Output, Precision, Tensor


@dataclass(frozen=True, eq=False)
class WithTwin:
    """`base`, and a `twin` of it that is differentiable. See `auditor.values.Classifier` for what each part means.

    name: the twin's, in the spec. Attacks follow `leading`; all else asks `base`.
    """

    base: Classifier
    twin: Classifier
    name: str

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        return self.base.input_shape

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return self.base.class_count

    @property
    def output(self) -> Output:
        """What the checkpoint gives."""
        return self.base.output

    @property
    def logits_from(self) -> str:
        """How its logits are obtained, and whose gradients are followed."""
        return f"{self.base.logits_from}; attacks follow the gradients of {self.name!r}"

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to the model's own logits (N, classes)."""
        return self.base.forward(images)

    def leading(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to the twin's logits (N, classes), differentiably."""
        return self.twin.forward(images)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to the model's own logits (N, classes)."""
        return self.base.predict(images)

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map images (N, H, W, C) to the checkpoint's own output (N, classes)."""
        return self.base.answers(images, batch)

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Answers of the model itself, computed in lower precision."""
        if not isinstance(self.base, Lowerable):
            raise ModelError(f"this model can't be computed in {precision}")
        return self.base.lowered(precision, examples)

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if `output` isn't what the checkpoint gives."""
        self.base.check_declaration(images)

    def layers(self) -> tuple[Layer, ...]:
        """The model's own layers: what the twin looks at isn't what it looks at."""
        return self.base.layers()


def innermost(classifier: Classifier) -> Loaded | None:
    """The checkpoint behind preprocessing and beside a twin; None where there is none."""
    while isinstance(classifier, Prepared | WithTwin):
        classifier = classifier.base
    return classifier if isinstance(classifier, Loaded) else None
