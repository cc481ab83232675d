"""Images of any number of channels as images that can be seen: three of the channels as colours, or all as bands."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from auditor.values import Array, ImageGrid, Panel, Strip, evenly

Figured = TypeVar("Figured")

_MOST = 16
"""Bands of one image that are shown side by side."""


def seen(figure: Figured, channels: Sequence[int] = ()) -> Figured:
    """The figure with images of one or three channels, and a caption that says what stands for what.

    channels: those that the spec shows as red, green and blue, if it says so (`show_channels`).
    """
    if isinstance(figure, ImageGrid):
        panel, told = _panel(figure.panel, channels)
        return dataclasses.replace(figure, panel=panel, caption=_caption(figure.caption, [told]))
    if isinstance(figure, Strip):
        drawn = [_panel(panel, channels) for panel in figure.panels]
        caption = _caption(figure.caption, [told for _, told in drawn])
        return dataclasses.replace(figure, panels=tuple(panel for panel, _ in drawn), caption=caption)
    return figure


def _caption(caption: str, told: Sequence[str]) -> str:
    return " ".join(dict.fromkeys([caption, *filter(None, told)]))


def _panel(panel: Panel, channels: Sequence[int]) -> tuple[Panel, str]:
    """A panel that can be drawn, and what to say of it."""
    count = panel.images.shape[3]
    if channels and max(channels) < count:
        shown = ", ".join(map(str, channels))
        told = f"Channels {shown} of {count} are shown as red, green and blue."
        return dataclasses.replace(panel, images=panel.images[..., list(channels)]), told
    if count in (1, 3):
        return panel, ""
    chosen = evenly(count, _MOST)
    gap = panel.limits[1] if panel.palette == "grey" else sum(panel.limits) / 2
    if not count:
        return dataclasses.replace(panel, images=np.full((*panel.images.shape[:3], 1), np.nan)), "There is no channel."
    few = "" if len(chosen) == count else f"{len(chosen)} of "
    told = f"Each image is shown as {few}its {count} channels, one grey picture each, row by row from channel 0"
    told += f"; there is no channel {max(channels)}, which `show_channels` names." if channels else "."
    return dataclasses.replace(panel, images=_mosaic(panel.images[..., chosen], gap)), told


def _mosaic(images: Array, gap: float) -> Array:
    """Images (N, H, W, C) as one grey image each (N, h, w, 1): a near-square of bands, a pixel apart."""
    n, height, width, count = images.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    made = np.full((n, down * (height + 1) - 1, across * (width + 1) - 1, 1), gap, images.dtype)
    for band in range(count):
        top, left = band // across * (height + 1), band % across * (width + 1)
        made[:, top : top + height, left : left + width, 0] = images[..., band]
    return made
