"""What a classifier that stands before another one hands on to it."""

from collections.abc import Callable

from auditor.values import Classifier, FloatArray, Layer, Lowerable, ModelError, Output, Precision, Tensor


class Onward:
    """Asks `base` for everything, about the very images that it is given itself; whoever inherits changes a part.

    It isn't for what changes images or answers: what such a classifier forgot to change would go round it, unseen.
    """

    base: Classifier

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
        """How its logits are obtained."""
        return self.base.logits_from

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, H, W, C) to the model's own logits (N, classes)."""
        return self.base.forward(images)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) to the model's own logits (N, classes)."""
        return self.base.predict(images)

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map images (N, H, W, C) to the checkpoint's own output (N, classes)."""
        return self.base.answers(images, batch)

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Answers of the model itself, computed in lower precision; raise ModelError where it can't be."""
        if not isinstance(self.base, Lowerable):
            raise ModelError(f"this model can't be computed in {precision}")
        return self.base.lowered(precision, examples)

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if `output` isn't what the checkpoint gives."""
        self.base.check_declaration(images)

    def layers(self) -> tuple[Layer, ...]:
        """The model's own layers."""
        return self.base.layers()
