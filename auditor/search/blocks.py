"""How many images move together, and how many gradients each takes at a step."""

from types import ModuleType
from typing import Any

# 255 MNIST images: more in a batch gain next to nothing, 128 take 3% more time, 64 take 10%. Large images are 16: one
# at a time, ResNet-50 takes 1.4 times as long for each, and 32 gain 2%.
_BATCH_PIXELS, _FEWEST = 200_000, 16
# Few images are cut in four blocks, to keep several cores busy, as long as each has an eighth of the full size.
_SHARES, _LEAST = 4, 8


def block_size(pixels: int, gradients: int = 1) -> int:
    """How many images of so many values move together at most, of which each takes so many gradients at a step."""
    return max(_FEWEST, _BATCH_PIXELS // pixels // max(1, gradients))


def block_count(images: int, size: int) -> int:
    """In how many blocks so many images are cut: as even as can be, and by nothing but their number."""
    least = max(_FEWEST, size // _LEAST)
    return max(1, -(-images // size), min(_SHARES, -(-images // least)))


def width(attack: ModuleType, params: Any, class_count: int) -> int:
    """How many gradients an image takes at each step; none of a model that is only asked."""
    if attack.SEES in ("decision", "score"):
        return 0
    if attack.SEES != "jacobian" or params.rival_classes:
        return 1
    return int(min(params.candidates, class_count - 1))
