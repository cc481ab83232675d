"""Float arrays to small PNG images, as data URIs: a page carries its pictures with it."""

import base64
import io

import numpy as np
from PIL import Image

from auditor.figures import Array, Palette

# Red, white, blue, evenly apart: the ends can be told from each other by colour-blind people too.
_STOPS = np.array([(178, 24, 43), (244, 165, 130), (255, 255, 255), (146, 197, 222), (33, 102, 172)], np.float64)
_LEVELS = 256
# An odd number of entries has one exactly in the middle, so that zero is pure white.
_DIVERGING = np.stack(
    [np.interp(np.linspace(0, 4, _LEVELS + 1), np.arange(5), channel) for channel in _STOPS.T], axis=-1
).round().astype(np.uint8)  # fmt: skip
_NOT_A_NUMBER = (255, 200, 0)


def pixels(image: Array, palette: Palette, limits: tuple[float, float]) -> Array:
    """Colours of an image (H, W, 1 or 3) as uint8: (H, W) for grey, (H, W, 3) for colours.

    Values are clipped to `limits`. Pixels that aren't numbers become amber, which no palette has.
    """
    values = np.asarray(image, np.float64)
    low, high = limits
    with np.errstate(all="ignore"):
        share = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    missing = np.isnan(share).any(axis=2)
    share = np.nan_to_num(share)
    if share.shape[2] == 3:
        drawn = (share * 255).round().astype(np.uint8)
    elif palette == "diverging":
        drawn = _DIVERGING[(share[:, :, 0] * _LEVELS).round().astype(np.int64)]
    else:
        drawn = (share[:, :, 0] * 255).round().astype(np.uint8)
    if missing.any():
        drawn = np.stack([drawn] * 3, axis=-1) if drawn.ndim == 2 else drawn.copy()
        drawn[missing] = _NOT_A_NUMBER
    return drawn


def data_uri(image: Array, palette: Palette, limits: tuple[float, float]) -> str:
    """Encode one image (H, W, 1 or 3) as a PNG data URI, one pixel a value."""
    if not image.size:
        image = np.full((1, 1, 1), np.nan)
    buffer = io.BytesIO()
    Image.fromarray(pixels(image, palette, limits)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Size on screen as (height, width) in CSS pixels: a whole multiple for small images, so they stay sharp."""
    longest = max(height, width, 1)
    aim, most = (56, 56) if longest <= 8 else (84, 112)
    scale: float = max(1, round(aim / longest))
    if longest * scale > most:
        scale = most / longest
    return max(1, round(height * scale)), max(1, round(width * scale))
