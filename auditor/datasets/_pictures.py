"""Images in files of their own: PNG and JPEG, decoded one by one to the same shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auditor.core import IntArray, Samples
from auditor.datasets._common import SHADES, Subset, make_samples, printable
from auditor.errors import DataError
from auditor.fields import Count

SUFFIXES = (".png", ".jpg", ".jpeg")
# Pillow would squeeze these into 8 bits, each in its own way.
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


class Pictures(Subset):
    """What images are turned into."""

    channels: Literal[1, 3] = 3
    """1 for grey, 3 for RGB; images of the other kind are converted, and transparency is dropped."""
    resize: Annotated[list[Count], Field(min_length=2, max_length=2)] | None = None
    """Height and width to resize every image to; without it all must be of one size."""


def load_pictures(
    paths: Sequence[Path],
    labels: IntArray,
    rows: IntArray,
    source: str,
    classes: Sequence[str] | None,
    params: Pictures,
) -> Samples:
    """Choose, and decode what was chosen: N paths, labels (N,) and rows (N,) to images (n, H, W, C) in [0, 1].

    Raises DataError for a file that is no 8-bit PNG or JPEG, and for sizes that differ.
    """
    taken = params.choose(labels, rows, classes, source)
    if len(taken) < len(labels):
        source = f"{source} ({len(taken)} of {len(labels)})"
    chosen = [paths[position] for position in taken]
    pixels: list[NDArray[np.uint8]] = []
    for path in chosen:
        pixels.append(_decoded(path, params))
        if pixels[-1].shape != pixels[0].shape:
            sizes = [" × ".join(map(str, image.shape[:2])) for image in (pixels[-1], pixels[0])]
            message = f"{printable(path)} is {sizes[0]} pixels, but {printable(chosen[0])} is {sizes[1]}"
            raise DataError(f"{message}; set `resize: [height, width]`")
    return make_samples(SHADES[np.stack(pixels)], labels[taken], rows[taken], source, classes)


def _decoded(path: Path, params: Pictures) -> NDArray[np.uint8]:
    """One image as (H, W, C) bytes."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.mode in _DEEP:
                raise DataError(f"{printable(path)} has more than 8 bits a channel; convert it, or use 'npz'")
            picture: Any = image.convert("L" if params.channels == 1 else "RGB")
    except FileNotFoundError as error:
        raise DataError(f"{printable(path)} is missing") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{printable(path)} can't be read as a PNG or JPEG image: {printable(str(error))}") from error
    if params.resize is not None:
        height, width = params.resize
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(picture.height, picture.width, params.channels)
