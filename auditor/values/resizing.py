"""How images are brought to another size and cut: what specs say of it, and what size comes of it."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter, model_validator

from auditor.values.fields import Count, Parameters, either

Method = Literal["bilinear", "bicubic"]
Pair = Annotated[list[Count], Field(min_length=2, max_length=2)]


class Resize(Parameters):
    """How images are brought to another size; `center_crop` may cut a part out afterwards."""

    size: Annotated[int | list[int], either(Count, Pair)]
    """Height and width; one number for both, or with `keep_aspect` the length of the shorter side."""
    method: Method = "bilinear"
    """Between how many pixels a new one lies: `bilinear` (4) or `bicubic` (16)."""
    antialias: bool = True
    """Whether a smaller image is made of all pixels, as Pillow, torchvision and CLIP do; without, as TensorFlow and
    Keras do unless told otherwise, of those next to each new one."""
    keep_aspect: bool = False
    """Whether the longer side keeps its ratio to the shorter, rounded down, as torchvision's `Resize` has it."""

    @model_validator(mode="after")
    def _one_side(self) -> "Resize":
        if self.keep_aspect and isinstance(self.size, list):
            raise ValueError("with `keep_aspect`, `size` is one number: the length of the shorter side")
        return self

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that an image of this height and width is brought to."""
        if isinstance(self.size, list):
            return self.size[0], self.size[1]
        if not self.keep_aspect:
            return self.size, self.size
        short, long = sorted((height, width))
        other = int(self.size * long / short)
        return (self.size, other) if height <= width else (other, self.size)

    def __str__(self) -> str:
        """In words, for the report."""
        size = " × ".join(map(str, self.size)) if isinstance(self.size, list) else str(self.size)
        side = "on the shorter side" if self.keep_aspect else ""
        how = f"({self.method}, {'with' if self.antialias else 'without'} anti-aliasing)"
        return " ".join(part for part in ("resized to", size, side, how) if part)


def _size_or_way(given: Any) -> Any:
    return (_WAY if isinstance(given, dict | Resize) else _SIZE).validate_python(given, strict=True)


_SIZE: TypeAdapter[list[int]] = TypeAdapter(Pair)
_WAY: TypeAdapter[Resize] = TypeAdapter(Resize)
# A mapping, or height and width alone; which of them is told by what stands there, so that mistakes keep their place.
Resizing = Annotated[
    Resize | list[int],
    PlainValidator(_size_or_way, json_schema_input_type=Pair | Resize),
    PlainSerializer(lambda found: found.model_dump() if isinstance(found, Resize) else found),
]
Cropping = Annotated[int | list[int], either(Count, Pair)]


def centre(size: tuple[int, int], crop: int | list[int]) -> tuple[slice, slice]:
    """Rows and columns of the middle of an image (H, W), as torchvision's `CenterCrop` finds it.

    Raises ValueError where the image is smaller.
    """
    (height, width), (rows, columns) = size, crop if isinstance(crop, list) else (crop, crop)
    if rows > height or columns > width:
        raise ValueError(f"`center_crop` cuts {rows} × {columns} out of {height} × {width}, which is smaller")
    top, left = round((height - rows) / 2), round((width - columns) / 2)
    return slice(top, top + rows), slice(left, left + columns)
