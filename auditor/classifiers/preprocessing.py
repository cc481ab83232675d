"""What stands between samples and a network: one contract for all formats, differentiable, in front of any classifier.

Attacks, `eps` and the box stay in the units of the samples; gradients and layers go through.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from auditor.classifiers.common import BATCH, in_batches
from auditor.classifiers.inputs import sized
from auditor.classifiers.presets import BOXES, PRESETS, PresetName
from auditor.compute import tensorflow
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import (
    Classifier,
    Cropping,
    FloatArray,
    Layer,
    Lowerable,
    ModelError,
    ModelName,
    Output,
    Parameters,
    PositiveReal,
    Precision,
    Real,
    Resize,
    Resizing,
    Tensor,
    centre,
    either,
)

_DEPTH = {"grey": 1, "rgb": 3, "bgr": 3}
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and OpenCV have it

Shape = tuple[int, int, int]
Box = tuple[float, float]


_Numbers = Annotated[list[Real], Field(min_length=1)]
_Positive = Annotated[list[PositiveReal], Field(min_length=1)]


class Preprocessing(Parameters):
    """What to do to samples before the network sees them, in the order of these parameters."""

    preset: PresetName | None = None
    """What pixels are made into, by a name in place of `channels`, `scale`, `mean` and `std`: that of the mode `torch`,
    `caffe` or `tf` of Keras' `preprocess_input`, where torchvision's networks take `imagenet-torch`; `clip`; or
    `mobilenet`, which is -1 to 1. It says nothing of sizes."""
    resize: Resizing | None = None
    """Height and width the network takes, bilinear without anti-aliasing; or a mapping that says how."""
    center_crop: Cropping | None = None
    """Height and width of the middle that is cut out afterwards, or one number for both."""
    channels: Literal["rgb", "bgr", "grey"] | None = None
    """The channels the network takes. Samples of three are RGB; grey ones are repeated, colours become luminance."""
    scale: PositiveReal = 1.0
    """What pixels are multiplied by: 255 where samples lie in [0, 1] and the network takes 0 to 255."""
    mean: Annotated[list[float] | float, either(Real, _Numbers)] | None = None
    """What is then subtracted: one number for all channels, or one a channel, in the order of the network's."""
    std: Annotated[list[float] | float, either(PositiveReal, _Positive)] | None = None
    """What is then divided by: one number for all channels, or one a channel."""
    layout: Literal["nhwc", "nchw", "flat"] = "nhwc"
    """The order of the network's input: channels last, channels first, or one row of H · W · C numbers."""

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What isn't asked for isn't written down, so that it reads like a record made before it could be asked for.
        written: dict[str, Any] = handler(self)
        unasked = {name for name in ("preset", "center_crop") if written[name] is None}
        return {name: value for name, value in written.items() if name not in unasked}

    @model_validator(mode="after")
    def _said_once(self) -> "Preprocessing":
        twice = [name for name in ("channels", "scale", "mean", "std") if getattr(self, name) not in (None, 1.0)]
        if self.preset and twice:
            told = " and ".join(f"`{name}`" for name in twice)
            raise ValueError(f"`preset: {self.preset}` says what pixels are made into already; leave out {told}, or it")
        return self

    @model_validator(mode="after")
    def _lengths(self) -> "Preprocessing":
        lengths = {name: len(values) for name, values in _listed(self)}
        if self.channels:
            lengths[f"channels: {self.channels}"] = _DEPTH[self.channels]
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"`{name}` {length}" for name, length in lengths.items())
            raise ValueError(f"there is one number a channel, but of channels {told}")
        return self

    def __str__(self) -> str:
        """In words, for the report."""
        steps = [f"pixels as `{self.preset}` has them"] if self.preset else []
        steps += [str(self.resizing)] if self.resizing else []
        steps += [f"cut to the middle {_size(self.center_crop)}"] if self.center_crop else []
        steps += [f"made {self.channels}"] if self.channels else []
        steps += [f"multiplied by {self.scale:g}"] if self.scale != 1 else []
        steps += [f"less {_numbers(self.mean)}"] if self.mean else []
        steps += [f"divided by {_numbers(self.std)}"] if self.std else []
        steps += [f"laid out {self.layout}"] if self.layout != "nhwc" else []
        return ", ".join(steps) or "as they are"

    @property
    def resizing(self) -> Resize | None:
        """How images are resized, if they are."""
        return Resize(size=self.resize, antialias=False) if isinstance(self.resize, list) else self.resize

    def check_crop(self, shape: Shape) -> None:
        """Raise ValueError where more is to be cut out of images of a shape (H, W, C) than there is."""
        if self.center_crop:
            size = self.resizing.target(*shape[:2]) if self.resizing else shape[:2]
            centre(size, self.center_crop)

    def within(self, box: tuple[float, float], name: str) -> "Preprocessing":
        """The same in numbers, for samples in a box; raise ModelError where a preset says nothing of such samples."""
        if self.preset is None:
            return self
        low, high = box
        if box not in BOXES:
            known = ", ".join(f"[{a:g}, {b:g}]" for a, b in BOXES)
            told = f"`preset: {self.preset}` is known for samples in {known}, but these are in [{low:g}, {high:g}]"
            raise ModelError(f"model {name!r}: {told}; write `scale`, `mean` and `std` yourself")
        preset = PRESETS[self.preset]
        scale = preset.full / (high - low)
        mean = [m + scale * low for m in preset.mean] if isinstance(preset.mean, list) else preset.mean + scale * low
        said = {"channels": preset.channels, "scale": scale, "mean": mean, "std": preset.std, "preset": None}
        return self.model_copy(update=said)


def _size(crop: int | list[int]) -> str:
    return times((crop, crop) if isinstance(crop, int) else tuple(crop))


def _listed(steps: Preprocessing) -> list[tuple[str, list[float]]]:
    """Which of mean and std are given channel by channel, and their numbers."""
    given = (("mean", steps.mean), ("std", steps.std))
    return [(what, values) for what, values in given if isinstance(values, list)]


def _numbers(values: list[float] | float) -> str:
    return ", ".join(f"{value:g}" for value in (values if isinstance(values, list) else [values]))


class ModelParameters(Parameters):
    """Base of the `Params` of every model format."""

    preprocessing: Preprocessing | None = None
    """What stands between samples and network: scale, mean and std, channels, size and layout. `eps` stays in units of
    the samples."""
    gradients: ModelName | None = None
    """Another model of the spec that lends its gradients, where this one has none: the network in floats that it was
    made from. Attacks follow them; whether an image fools is asked of this model alone, at every step. How often both
    name the same class is told, and no pass stands where they don't resemble each other."""


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
    taken = _DEPTH[steps.channels] if steps.channels else depth
    for what, values in _listed(steps):
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
        from auditor.classifiers.plain_preprocessing import plainly_prepared

        return self.base.answers(plainly_prepared(images, self.steps, self.box), batch)

    def lowered(self, precision: Precision, examples: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Answers of the same network computed in lower precision, to samples preprocessed in float32."""
        from auditor.classifiers.plain_preprocessing import plainly_prepared

        if not isinstance(self.base, Lowerable):
            raise ModelError(f"model {self.name!r} can't be computed in {precision}")
        answers = self.base.lowered(precision, plainly_prepared(examples, self.steps, self.box))
        return lambda images: answers(plainly_prepared(images, self.steps, self.box))

    def check_declaration(self, images: FloatArray) -> None:
        """Raise ModelError if the spec's `output` isn't what the checkpoint gives for samples (N, H, W, C)."""
        from auditor.classifiers.plain_preprocessing import plainly_prepared

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
    if channels is None or _DEPTH[channels] == 1 == images.shape[-1]:
        return images
    if channels == "grey":
        return tf.tensordot(images, tf.constant(_LUMINANCE), 1)[..., None]
    if images.shape[-1] == 1:
        return tf.repeat(images, 3, axis=-1)
    return tf.reverse(images, [-1]) if channels == "bgr" else images
