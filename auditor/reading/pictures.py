"""PNG and JPEG images, wherever they are stored, decoded one by one to the same shape."""

import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.compute import resampled
from auditor.reading.common import SHADES, Subset, make_samples, printable
from auditor.telling.reason import reason
from auditor.values import Attribute, Cropping, DataError, FloatArray, IntArray, Resize, Resizing, Samples, centre

SUFFIXES = (".png", ".jpg", ".jpeg")
# Pillow would squeeze these into 8 bits, each in its own way.
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_PNG, _DEPTH_AT, _MOST_BITS = b"\x89PNG\r\n\x1a\n", 24, 8
_ORIENTATION = 0x0112
SIZE = "size"  # the attribute of images that are resized: how many pixels each had before


class Pictures(Subset):
    """What images are turned into."""

    channels: Literal[1, 3] = 3
    """1 for grey, 3 for RGB; images of the other kind are converted, and transparency is dropped."""
    resize: Resizing | None = None
    """Height and width to resize every image to, bilinear with anti-aliasing, or a mapping that says how; without it
    all must be of one size."""
    center_crop: Cropping | None = None
    """Height and width of the middle that is cut out afterwards, or one number for both."""
    exif: Literal["apply", "ignore"] = "apply"
    """Whether images are turned as the orientation tag of a camera says. Viewers do; `image_dataset_from_directory` of
    Keras and `ImageFolder` of torchvision don't."""


# The file of an image, the bytes of one, or its pixels (H, W, C).
Content = Path | bytes | NDArray[np.uint8]
# Where each image at positions (n,), which ascend, is found, in words, and what is there.
Fetch = Callable[[IntArray], Iterable[tuple[str, Content]]]


def load_pictures(
    fetch: Fetch,
    labels: IntArray,
    rows: IntArray,
    source: str,
    classes: Sequence[str] | None,
    params: Pictures,
    remarks: Sequence[str] = (),
    attributes: Mapping[str, Attribute] | None = None,
) -> Samples:
    """Choose, and decode what was chosen: labels (N,) and rows (N,) to images (n, H, W, C) in [0, 1].

    Only what was chosen is fetched, one after the other. attributes: what else is known of each image, (N,) by name;
    where images are resized, how many pixels each had before is one more, `size`, unless one is called so. Raises
    DataError for what is no 8-bit PNG or JPEG image of a sensible size, and for sizes that differ.
    """
    taken, source = params.take(labels, rows, classes, source)
    order = np.argsort(taken)
    images = np.empty((0, 0, 0, 0), np.float32)
    first, turned, stored = "", 0, np.empty(len(taken))
    for place, (shown, content) in zip(order, fetch(taken[order]), strict=True):
        pixels, was_turned, stored[place] = _decoded(shown, content, params)
        turned += was_turned
        if not images.size:
            images, first = np.empty((len(taken), *pixels.shape), np.float32), shown
        if pixels.shape != images.shape[1:]:
            sizes = [" × ".join(map(str, shape[:2])) for shape in (pixels.shape, images.shape[1:])]
            message = f"{shown} is {sizes[0]} pixels, but {first} is {sizes[1]}"
            cut = " and `center_crop`" if params.resize is not None else ""
            raise DataError(f"{message}; set `resize: [height, width]`{cut}")
        images[place] = pixels
    if turned:
        way = "`exif: ignore` takes them as they are stored, as Keras and torchvision do in training"
        remarks = (*remarks, f"{turned} of {len(taken)} images were turned as their orientation tag says; {way}")
    known = {} if params.resize is None else {SIZE: stored}
    known |= {name: values[taken] for name, values in (attributes or {}).items()}
    return make_samples(images, labels[taken], rows[taken], source, classes, remarks=remarks, attributes=known)


def _decoded(shown: str, content: Content, params: Pictures) -> tuple[FloatArray, bool, int]:
    """One image as (H, W, C) in [0, 1], whether its tag said to turn it, and how many pixels were stored of it."""
    from PIL import Image

    if isinstance(content, np.ndarray):
        return SHADES[content], False, content.shape[0] * content.shape[1]
    turned = False
    try:
        with warnings.catch_warnings():
            # What Pillow warns of at twenty times the pixels of a screen, and refuses at forty, is refused.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            file = content if isinstance(content, Path) else io.BytesIO(content)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if image.mode in _DEEP or _bits(content) > _MOST_BITS:
                    raise DataError(f"{shown} has more than 8 bits a channel; convert it, or use 'npz'")
                picture: Any = image
                if params.exif == "apply":
                    picture, turned = _upright(image, shown)
                picture = picture.convert("L" if params.channels == 1 else "RGB")
    except FileNotFoundError as error:
        raise DataError(f"{shown} is missing") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        message = f"more than the {Image.MAX_IMAGE_PIXELS} pixels that an image may have"
        raise DataError(f"{shown} has {message}; scale it down") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{shown} can't be read as a PNG or JPEG image: {printable(reason(error))}") from error
    stored = picture.width * picture.height
    return _of_size(picture, shown, params), turned, stored


def _of_size(picture: Any, shown: str, params: Pictures) -> FloatArray:
    """A picture as (H, W, C) in [0, 1], resized and cut as is asked for."""
    from PIL import Image

    way = Resize(size=params.resize) if isinstance(params.resize, list) else params.resize
    size = picture.height, picture.width
    if way is not None:
        size = way.target(*size)
        if way.antialias:
            filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
            picture = picture.resize(size[::-1], filters[way.method])
    made: FloatArray = SHADES[np.asarray(picture)].reshape(picture.height, picture.width, params.channels)
    if way is not None and not way.antialias:  # which Pillow can't; as in Keras, this isn't rounded to 8 bits
        made = resampled(made[np.newaxis], size, way.method, False, (0.0, 1.0))[0].astype(np.float32)
    if params.center_crop is None:
        return made
    try:
        rows, columns = centre(size, params.center_crop)
    except ValueError as error:
        raise DataError(f"{shown}: {reason(error)}; resize it first, or cut out less") from error
    return made[rows, columns]


def _bits(content: Path | bytes) -> int:
    """Bits a channel, as a PNG file's header says: Pillow drops half of 16 in colour images; 8 for other files."""
    if isinstance(content, bytes):
        header = content[: _DEPTH_AT + 1]
    else:
        with content.open("rb") as file:
            header = file.read(_DEPTH_AT + 1)
    return header[_DEPTH_AT] if header.startswith(_PNG) and len(header) > _DEPTH_AT else 8


def _upright(image: Any, shown: str) -> tuple[Any, bool]:
    """The image turned as its orientation tag says, and whether there was anything to turn."""
    from PIL import ImageOps

    try:
        turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
        return (ImageOps.exif_transpose(image), True) if turned else (image, False)
    except (OSError, SyntaxError):
        raise  # it's the image that can't be read
    except Exception as error:  # tags are bytes that anybody wrote, and readers of them raise whatever they meet
        said = printable(reason(error))
        raise DataError(f"{shown} has tags that can't be read ({said}); `exif: ignore` leaves them unread") from error
