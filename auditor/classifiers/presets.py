"""What well-known families of networks take pixels as: their channels, range, mean and deviation, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PresetName = Literal["imagenet-torch", "imagenet-caffe", "imagenet-tf", "clip", "mobilenet"]


@dataclass(frozen=True)
class Preset:
    """channels: their order. full: what white is before `mean` is subtracted and `std` divided by; black is 0."""

    channels: Literal["rgb", "bgr"]
    full: float
    mean: list[float] | float
    std: list[float] | float | None = None


_SYMMETRIC = Preset("rgb", 1.0, 0.5, 0.5)
PRESETS: Mapping[PresetName, Preset] = {
    "imagenet-torch": Preset("rgb", 1.0, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "imagenet-caffe": Preset("bgr", 255.0, [103.939, 116.779, 123.68]),
    "imagenet-tf": _SYMMETRIC,
    "clip": Preset("rgb", 1.0, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    "mobilenet": _SYMMETRIC,
}
# In which boxes black and white are known to be the ends.
BOXES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
