"""What is drawn is kept under the digest of what it shows and of what drew it, so nothing is drawn twice.

    <folder>/CACHEDIR.TAG
    <folder>/<2 digits of the digest>/<digest>    the SHA-256 of what follows, in hex; lengths; the picture's parts

Entries appear in one move, and one that is damaged is drawn again. Digests find damage, not malice: whoever may write
to the folder can put pictures there. `auditor verify` uses none.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from auditor.compute import cores
from auditor.drawing.interval import Interval
from auditor.drawing.pixels import pngs
from auditor.records.store import write
from auditor.values import Bars, Curve, Heatmap, ImageGrid, Shown, Strip

Drawable = ImageGrid | Strip | Curve | Bars | Heatmap | Interval
Parts = tuple[bytes, ...]

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Drawings of robustness reports: safe to delete.\n"
_ENOUGH = 120  # charts, before it pays to start processes that import Matplotlib themselves
_AT_ONCE = 25
_WIDER = 4 / 3


class _Shelf:
    """Where a block of drawing puts what it has drawn."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.drawn: dict[str, Parts] = {}
        self.settings = ExitStack()
        self.is_set = False

    def ready(self) -> None:
        """Enter the settings under which everything is drawn, once for all of it."""
        if not self.is_set:
            from auditor.drawing.theme import settings

            self.settings.enter_context(settings())
            self.is_set = True


_shelf: ContextVar[_Shelf | None] = ContextVar("shelf", default=None)


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Keep what this block draws in a folder, and take from there what is; None: for this block only."""
    shelf = _Shelf(folder)
    token = _shelf.set(shelf)
    try:
        with shelf.settings:
            yield
    finally:
        _shelf.reset(token)


def draw(drawable: Drawable) -> Parts:
    """A drawable's picture: the `<svg>` element of a chart, or the PNG of every image, panel by panel."""

    def made(shelf: _Shelf) -> Parts:
        shelf.ready()
        return _picture(drawable)

    return _once(digest(drawable), made)


def png(figure: Shown, dpi: int) -> bytes:
    """A figure of any kind as one picture for a page that isn't ours, on white."""

    def made(_: _Shelf) -> Parts:
        from auditor.drawing.files import encoded

        return (encoded(figure, "png", dpi),)

    return _once(hashlib.sha256(f"{digest(figure)} png {dpi}".encode()).hexdigest(), made)[0]


def _once(name: str, make: Callable[[_Shelf], Parts]) -> Parts:
    """What is kept under a name, or is made and kept from now on; without a block that keeps, it is made."""
    shelf = _shelf.get()
    if shelf is None:
        with kept_in(None):
            return _once(name, make)
    found = shelf.drawn.get(name) or _read(shelf.folder, name)
    if found is None:
        found = make(shelf)
        _keep(shelf, name, found)
    return found


def prepare(drawables: Sequence[Drawable]) -> None:
    """Draw what isn't kept, in several processes where there is much of it; to be called within `kept_in`."""
    shelf = _shelf.get()
    if shelf is None:
        raise RuntimeError("nothing would be kept: call this within `kept_in`")
    charts = {digest(d): d for d in drawables if not isinstance(d, ImageGrid | Strip)}
    missing = {n: d for n, d in charts.items() if n not in shelf.drawn and _read(shelf.folder, n) is None}
    if len(missing) < _ENOUGH or cores() < 2:
        return  # drawn when their turn comes
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    names, work = list(missing), list(missing.values())
    portions = [work[start : start + _AT_ONCE] for start in range(0, len(work), _AT_ONCE)]
    # Never forked: this process may have imported TensorFlow.
    with ProcessPoolExecutor(min(cores(), len(portions)), get_context("spawn")) as pool:
        drawn = (parts for portion in pool.map(_portion, portions) for parts in portion)
        for name, parts in zip(names, drawn, strict=True):
            _keep(shelf, name, parts)


def _portion(drawables: list[Drawable]) -> list[Parts]:
    import gc

    from auditor.drawing.theme import settings

    gc.disable()  # each chart leaves thousands of objects in circles: looking for them once a portion is enough
    with settings():
        made = [_picture(drawable) for drawable in drawables]
    gc.enable()
    gc.collect()
    return made


def _picture(drawable: Drawable) -> Parts:
    match drawable:
        case ImageGrid():
            return tuple(pngs(drawable.panel))
        case Strip():
            return tuple(png for panel in drawable.panels for png in pngs(panel))
        case Curve() | Bars() | Heatmap() | Interval():
            return (_chart(drawable).encode(),)


def _chart(drawable: Curve | Bars | Heatmap | Interval) -> str:
    from auditor.drawing.canvas import DOTS
    from auditor.drawing.charts import chart
    from auditor.drawing.layout import WIDTH
    from auditor.drawing.svg import inlined
    from auditor.drawing.theme import stand_ins

    colours = stand_ins()
    canvas = chart(drawable, colours)
    width = canvas.get_size_inches()[0] * DOTS
    wide = width > WIDTH + 1
    shown = max(width, WIDTH * _WIDER) if wide else width * _WIDER
    return inlined(canvas, {colour: role for role, colour in colours.items()}, shown, wide)


# --- the digest, and what is on disk


def drawn_by() -> dict[str, str]:
    """The versions of what draws, which may change its bytes."""
    return {name: version(name) for name in ("matplotlib", "pillow")}


def digest(drawable: Drawable) -> str:
    """SHA-256, in hex, of what is shown and of what draws it."""
    found = hashlib.sha256(_drawer())
    _feed(found, drawable)
    return found.hexdigest()


@cache
def _drawer() -> bytes:
    code = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"\0".join([json.dumps(drawn_by()).encode(), *code])).digest()


def _feed(found: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        found.update(f"{value.dtype.str}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, tuple):
        found.update(f"({len(value)}".encode())
        for part in value:
            _feed(found, part)
    elif names := _fields(kind := value.__class__):
        found.update(kind.__name__.encode())
        for name in names:
            _feed(found, getattr(value, name))
    else:
        found.update(f"{value!r}\0".encode())


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def _keep(shelf: _Shelf, name: str, parts: Parts) -> None:
    if shelf.folder is None:
        shelf.drawn[name] = parts
        return
    body = json.dumps([len(part) for part in parts]).encode() + b"\n" + b"".join(parts)
    content = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    try:
        place = _place(shelf.folder, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not (shelf.folder / "CACHEDIR.TAG").exists():
            write(shelf.folder / "CACHEDIR.TAG", _TAG.encode())
        write(place, content)
    except OSError:
        # A folder that can't be written to costs time, no picture.
        shelf.folder = None
        shelf.drawn[name] = parts


def _read(folder: Path | None, name: str) -> Parts | None:
    if folder is None:
        return None
    place = _place(folder, name)
    try:
        whole, _, body = place.read_bytes().partition(b"\n")
    except OSError:
        return None
    with suppress(OSError):  # that it was of use decides what `auditor cache prune` takes first, no more
        os.utime(place)
    if hashlib.sha256(body).hexdigest().encode() != whole:
        return None
    lengths, _, rest = body.partition(b"\n")
    parts, start = [], 0
    for length in json.loads(lengths):
        parts.append(rest[start : start + length])
        start += length
    return tuple(parts)


def _place(folder: Path, name: str) -> Path:
    return folder / name[:2] / name
