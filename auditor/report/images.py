"""Float arrays to small PNG images, as data URIs: a page carries its pictures with it."""

import base64
import struct
import zlib

import numpy as np

from auditor.figures import Array, Palette

# Red, white, blue, evenly apart: the ends can be told from each other by colour-blind people too.
_STOPS = np.array([(178, 24, 43), (244, 165, 130), (255, 255, 255), (146, 197, 222), (33, 102, 172)], np.float64)
_LEVELS = 256
# An odd number of entries has one exactly in the middle, so that zero is pure white.
_DIVERGING = np.stack(
    [np.interp(np.linspace(0, 4, _LEVELS + 1), np.arange(5), channel) for channel in _STOPS.T], axis=-1
).round().astype(np.uint8)  # fmt: skip
_NOT_A_NUMBER = (255, 200, 0)
_LARGE = 64
_EFFORT = 3  # takes two thirds of the time that the default does, for files 2% larger


def pixels(image: Array, palette: Palette, limits: tuple[float, float]) -> Array:
    """Colours of one or more images (..., H, W, 1 or 3) as uint8: (..., H, W) for grey, (..., H, W, 3) for colours.

    Values are clipped to `limits`. Pixels that aren't numbers become amber, which no palette has.
    """
    values = np.asarray(image, np.float64)
    low, high = limits
    with np.errstate(all="ignore"):
        share = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    missing = np.isnan(share).any(axis=-1)
    share[np.isnan(share)] = 0.0
    if share.shape[-1] == 3:
        drawn = (share * 255).round().astype(np.uint8)
    elif palette == "diverging":
        drawn = _DIVERGING[(share[..., 0] * _LEVELS).round().astype(np.int64)]
    else:
        drawn = (share[..., 0] * 255).round().astype(np.uint8)
    if missing.any():
        drawn = np.stack([drawn] * 3, axis=-1) if drawn.ndim == missing.ndim else drawn.copy()
        drawn[missing] = _NOT_A_NUMBER
    return drawn


def data_uris(images: Array, palette: Palette, limits: tuple[float, float]) -> list[str]:
    """Encode images (N, H, W, 1 or 3) as PNG data URIs, one pixel a value."""
    if len(images) and not images.size:
        images = np.full((len(images), 1, 1, 1), np.nan)
    return [
        "data:image/png;base64," + base64.b64encode(_png(d)).decode("ascii") for d in pixels(images, palette, limits)
    ]


def _png(drawn: Array) -> bytes:
    """Write a PNG of a byte a channel. Pages have thousands of tiny images; Pillow takes twice as long for one."""
    height, width = drawn.shape[:2]
    rows = drawn.reshape(height, -1)
    # A drawing of few pixels compresses best as it is, a photograph as what each row adds to the one above.
    differences = height > _LARGE
    if differences:
        rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    filtered = np.full((height, 1 + rows.shape[1]), 2 if differences else 0, np.uint8)
    filtered[:, 1:] = rows
    colours = 2 if drawn.ndim == 3 else 0
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(filtered.tobytes(), _EFFORT)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Size on screen as (height, width) in CSS pixels: a whole multiple for small images, so they stay sharp."""
    longest = max(height, width, 1)
    aim, most = (56, 56) if longest <= 8 else (84, 112)
    scale: float = max(1, round(aim / longest))
    if longest * scale > most:
        scale = most / longest
    return max(1, round(height * scale)), max(1, round(width * scale))
