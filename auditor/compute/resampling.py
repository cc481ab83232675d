"""Images in another size, in plain NumPy: as TensorFlow has it without anti-aliasing, as Pillow with it."""

import numpy as np
from numpy.typing import NDArray

_REACH = {"bilinear": 1.0, "bicubic": 2.0}  # pixels that a new one is made of, to each side


def resampled(
    images: NDArray[np.floating], size: tuple[int, int], method: str, antialias: bool, box: tuple[float, float]
) -> NDArray[np.float64]:
    """Images (N, H, W, C) as (N, *size, C): `bilinear` or `bicubic` (Keys, a = -0.5), between the centres of pixels.

    box: within which values stay; with anti-aliasing each side by itself, the width first, as Pillow has it.
    """
    columns = _weights(images.shape[2], size[1], method, antialias)
    rows = _weights(images.shape[1], size[0], method, antialias)
    wide = np.einsum("nhwc,qw->nhqc", images, columns, optimize=True)
    made: NDArray[np.float64] = np.einsum("nhqc,rh->nrqc", wide.clip(*box) if antialias else wide, rows, optimize=True)
    return made.clip(*box)


def _weights(have: int, want: int, method: str, antialias: bool) -> NDArray[np.float64]:
    """How much of each pixel (have,) there is in each new one (want,), all of which sum to 1."""
    step = have / want
    wide = max(step, 1.0) if antialias else 1.0
    distances = np.abs((np.arange(want)[:, np.newaxis] + 0.5) * step - (np.arange(have) + 0.5)) / wide
    if method == "bilinear":
        found = 1.0 - distances
    else:
        near = (1.5 * distances - 2.5) * distances**2 + 1.0
        far = ((-0.5 * distances + 2.5) * distances - 4.0) * distances + 2.0
        found = np.where(distances < 1.0, near, far)
    found[distances >= _REACH[method]] = 0.0
    shares: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
    return shares
