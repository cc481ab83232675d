"""A classifier of samples: what a spec says of preprocessing, then a network; differentiable, for any format.

Attacks, `eps` and the box stay in the units of the samples; gradients and layers go through.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

from auditor.classifiers.common import BATCH, in_batches
from auditor.classifiers.inputs import sized
from auditor.classifiers.plain_preprocessing import plainly_prepared
from auditor.classifiers.preprocessing import DEPTH, Box, Preprocessing, Shape
from auditor.compute import tensorflow
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import (
    Classifier,
    FloatArray,
    Layer,
    Lowerable,
    ModelError,
    Output,
    Precision,
    Resize,
    Tensor,
    centre,
)

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and OpenCV have it


def prepared(
    name: str, base: Classifier, steps: Preprocessing | None, shape: Shape, box: Box, ordered: bool = False
) -> Classifier:
    """Put `steps` in front of a classifier, so that it takes samples of `shape` (H, W, C); without any, return it.

    Where nobody says a layout and the shapes leave only one, that is put in front as well. box: of the samples.
    ordered: whether at which end the network has its channels was said. Raises ModelError, with the shapes, where
    samples or what becomes of them don't fit.
    """
    if steps is None:
        base = sized(base, shape)
        layout = _layout_told(shape, base.input_shape, ordered)
        return Prepared(name, base, Preprocessing(layout=layout), shape, box, told=True) if layout else base
    steps = steps.within(box, name)
    depth = shape[2]
    if steps.channels and depth not in (1, 3):
        told = f"`channels: {steps.channels}` takes images of 1 or 3 channels"
        raise ModelError(f"model {name!r}: {told}, but the data has {times(shape)}")
    taken = DEPTH[steps.channels] if steps.channels else depth
    for what, values in steps.by_channel().items():
        if len(values) != taken:
            message = f"`{what}` holds {len(values)} numbers, one a channel, but its images have {taken}"
            raise ModelError(f"model {name!r}: {message} (the data: {times(shape)})")
    found = Prepared(name, base, steps, shape, box)
    try:
        steps.check_crop(shape)
    except ValueError as error:
        raise ModelError(f"model {name!r}: {reason(error)} (the data: {times(shape)})") from error
    given = tuple(found.prepare(tensorflow().zeros((1, *shape))).shape[1:])
    base = sized(base, given)
    found = replace(found, base=base)
    layout = None if "layout" in steps.model_fields_set else _layout_told(given, base.input_shape, ordered)
    if layout:
        return replace(found, steps=steps.model_copy(update={"layout": layout}), told=True)
    if given != base.input_shape:
        before = f"preprocessing ({steps}) makes {times(given)} of the data's {times(shape)}"
        way = other_order(given, base.input_shape, steps.layout)
        raise ModelError(f"model {name!r}: {before}, but the checkpoint takes {times(base.input_shape)}{way}")
    return found


def _layout_told(given: Shape, taken: Shape, ordered: bool) -> Literal["nchw", "flat"] | None:
    """The layout that makes of images (H, W, C) what a network takes, where some does and it can't be another one.

    Of colours, rows may be made in two orders that no shape tells apart.
    """
    height, width, channels = given
    if given == taken:
        return None
    if taken == (channels, height, width) and not ordered:
        return "nchw"
    return "flat" if taken == (1, 1, prod(given)) and channels == 1 else None


def other_order(given: Shape, taken: Shape, layout: str) -> str:
    """What to do where a network takes what it is given with its channels at the other end, or nothing.

    given, taken: (H, W, C) as this package counts them. layout: that of the preprocessing there is.
    """
    height, width, channels = given
    if layout == "nhwc" and taken == (channels, height, width):
        return ": its channels come first, which `preprocessing: {layout: nchw}` sees to"
    if layout == "nchw" and taken == (width, channels, height):
        return ": its channels come last, so `layout: nchw` is too much"
    return ""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A classifier of samples: `steps`, then `base`. See `auditor.values.Classifier` for what each part means.

    told: whether it was shapes that told the layout, and nobody else.
    """

    name: str
    base: Classifier
    steps: Preprocessing
    input_shape: Shape
    box: Box
    told: bool = False

    @property
    def class_count(self) -> int:
        """How many classes the classifier tells apart."""
        return self.base.class_count

    @property
    def output(self) -> Output:
        """What the checkpoint gives."""
        return self.base.output

    @property
    def logits_from(self) -> str:
        """How logits are obtained, and from what."""
        return f"{self.base.logits_from}; images {self.steps}{', as shapes tell' if self.told else ''}"

    def prepare(self, images: Tensor) -> Tensor:
        """Make of samples (N, H, W, C) what the network takes, differentiably."""
        tf, steps = tensorflow(), self.steps
        images = tf.cast(images, tf.float32)
        if steps.resizing:
            images = _resized(images, steps.resizing, self.box)
        if steps.center_crop:
            rows, columns = centre(images.shape[1:3], steps.center_crop)
            images = images[:, rows, columns]
        images = _with_channels(images, steps.channels) * steps.scale
        images = images - tf.constant(steps.mean or 0.0, tf.float32)
        images = images / tf.constant(steps.std or 1.0, tf.float32)
        if steps.layout == "nchw":
            return tf.transpose(images, (0, 3, 1, 2))
        return tf.reshape(images, (-1, 1, 1, prod(images.shape[1:]))) if steps.layout == "flat" else images

    def forward(self, images: Tensor) -> Tensor:
        """Map samples (N, H, W, C) float32 to logits (N, classes) float32, differentiably."""
        return self.base.forward(self.prepare(images))

    @cached_property
    def _compiled(self) -> Any:
        return tensorflow().function(self.forward, autograph=False)

    def predict(self, images: FloatArray) -> FloatArray:
        """Map samples (N, H, W, C) to logits (N, classes) float32, the same whatever N is."""
        batch = getattr(self.base, "batch", BATCH)
        return in_batches(self._compiled, images, self.class_count, batch, f"model {self.name!r}")

    def answers(self, images: FloatArray, batch: int | None = None) -> FloatArray:
        """Map samples (N, H, W, C) to the checkpoint's own output (N, classes), preprocessed without TensorFlow."""
        return self.base.answers(plainly_prepared(images, self.steps, self.box), batch)

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Answers of the same network computed in lower precision, to samples preprocessed in float32."""
        if not isinstance(self.base, Lowerable):
            raise ModelError(f"model {self.name!r} can't be computed in {precision}")
        answers = self.base.lowered(precision, plainly_prepared(examples, self.steps, self.box))
        return lambda images: answers(plainly_prepared(images, self.steps, self.box))

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if the spec's `output` isn't what the checkpoint gives for samples (N, H, W, C)."""
        self.base.check_declaration(plainly_prepared(images, self.steps, self.box))

    def layers(self) -> tuple[Layer, ...]:
        """Return the network's layers, which are shown samples too."""
        return tuple(replace(layer, activations=self._shown(layer)) for layer in self.base.layers())

    def _shown(self, layer: Layer) -> Any:
        return lambda images: layer.activations(self.prepare(images))


def _resized(images: Tensor, way: Resize, box: Box) -> Tensor:
    """Images (N, H, W, C) in another size, within their box, which bicubic ones would leave at edges."""
    tf = tensorflow()
    height, width = way.target(images.shape[1], images.shape[2])
    if way.method == "bilinear":
        return tf.image.resize(images, (height, width), antialias=way.antialias)
    # Pillow keeps each side by itself within the box, the width first.
    for size in ((images.shape[1], width), (height, width)) if way.antialias else ((height, width),):
        # What `tf.image.resize` is with anti-aliasing; without, that rounds weights to a table.
        images = tf.raw_ops.ScaleAndTranslate(
            images=images,
            size=size,
            scale=[new / old for new, old in zip(size, images.shape[1:3], strict=True)],
            translation=[0.0, 0.0],
            kernel_type="keyscubic",
            antialias=way.antialias,
        )
        images = tf.clip_by_value(images, *box)
    return images


def _with_channels(images: Tensor, channels: str | None) -> Tensor:
    """Images (N, H, W, 1 or 3), RGB, with the channels a network takes."""
    tf = tensorflow()
    if channels is None or DEPTH[channels] == 1 == images.shape[-1]:
        return images
    if channels == "grey":
        return tf.tensordot(images, tf.constant(_LUMINANCE), 1)[..., None]
    if images.shape[-1] == 1:
        return tf.repeat(images, 3, axis=-1)
    return tf.reverse(images, [-1]) if channels == "bgr" else images
