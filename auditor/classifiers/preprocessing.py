"""What a spec may say of preprocessing: one contract for all formats. `preparing` puts it in front of a classifier."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from auditor.classifiers.presets import BOXES, PRESETS, PresetName
from auditor.telling.numbers import times
from auditor.values import (
    Cropping,
    ModelError,
    ModelName,
    Parameters,
    PositiveReal,
    Real,
    Resize,
    Resizing,
    centre,
    either,
)

DEPTH = {"grey": 1, "rgb": 3, "bgr": 3}
"""How many channels there are, by what they are called."""
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
        lengths = {name: len(values) for name, values in self.by_channel().items()}
        if self.channels:
            lengths[f"channels: {self.channels}"] = DEPTH[self.channels]
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

    def by_channel(self) -> dict[str, list[float]]:
        """Which of mean and std are given channel by channel, and their numbers."""
        given = {"mean": self.mean, "std": self.std}
        return {what: values for what, values in given.items() if isinstance(values, list)}

    def taken(self, shape: Shape) -> Shape:
        """The shape (H, W, C) of what the network is given of images of a shape."""
        height, width = self.resizing.target(*shape[:2]) if self.resizing else shape[:2]
        if self.center_crop:
            cut = self.center_crop
            height, width = (cut, cut) if isinstance(cut, int) else (cut[0], cut[1])
        channels = self.channels or (PRESETS[self.preset].channels if self.preset else None)
        depth = DEPTH[channels] if channels else shape[2]
        if self.layout == "flat":
            return 1, 1, height * width * depth
        return (depth, height, width) if self.layout == "nchw" else (height, width, depth)

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
