"""What every kind of corruption is given: images as numbers, and random numbers that belong to each of them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Generators = Sequence[np.random.Generator]


def each(
    images: Floats, randoms: Generators, draw: Callable[[Floats, np.random.Generator], NDArray[Any]]
) -> NDArray[Any]:
    """Stack what is drawn for every image by its own generator."""
    return np.stack([draw(image, random) for image, random in zip(images, randoms, strict=True)])
