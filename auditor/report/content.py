"""What a page says and shows, whatever its pictures were encoded by: to compare reports of other versions."""

import base64
import hashlib
import io
import re
from collections.abc import Callable

from PIL import Image, UnidentifiedImageError

from auditor.report.layout import PICTURES

_CHART = re.compile(rb'<svg class="chart".*?</svg>', re.DOTALL)
_PICTURE = re.compile(
    rb'(?<= src=")(?:data:image/png;base64,([A-Za-z0-9+/=]+)|(' + PICTURES.encode() + rb'/[0-9a-f]{64}\.png))(?=")'
)


def content(page: bytes, picture: Callable[[str], bytes]) -> bytes:
    """A page with its charts taken out, and the digest of its pixels in the place of every image.

    picture: gives the image file of a name that the page refers to; an OSError or KeyError of it is passed on. A
    chart's numbers stand beside it, in a table that stays. Raises ValueError for what is no image.
    """

    def seen(match: re.Match[bytes]) -> bytes:
        file = base64.b64decode(match[1]) if match[1] else picture(match[2].decode())
        return _pixels(file)

    return _PICTURE.sub(seen, _CHART.sub(b"<svg></svg>", page))


def _pixels(file: bytes) -> bytes:
    try:
        image = Image.open(io.BytesIO(file)).convert("RGB")
    except UnidentifiedImageError as error:
        raise ValueError("one of its pictures is no image") from error
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest().encode()
