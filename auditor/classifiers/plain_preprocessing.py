"""Preprocessing once more, in plain NumPy: what a checkpoint's own call is fed with.

Attacks go through `_preprocessing` in TensorFlow, which has gradients. Two ways that share no code have to agree.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers.preprocessing import Preprocessing
from auditor.values import FloatArray

_BLUE = np.array([0.299, 0.587, 0.114])[::-1]  # ITU-R BT.601, for BGR


def plainly_prepared(images: FloatArray, steps: Preprocessing) -> NDArray[np.float32]:
    """Make of samples (N, H, W, C) what the network takes, float32; (N, 1, 1, n) for rows."""
    made = np.asarray(images, np.float32)
    if steps.resize:
        rows, columns = (_weights(have, want) for have, want in zip(made.shape[1:3], steps.resize, strict=True))
        made = np.einsum("nhwc,rh,qw->nrqc", made, rows, columns, optimize=True)
    if steps.channels == "grey" and made.shape[-1] == 3:
        made = (made[..., ::-1] @ _BLUE)[..., np.newaxis]
    elif steps.channels in ("rgb", "bgr"):
        made = np.broadcast_to(made, (*made.shape[:3], 3))
        made = made[..., ::-1] if steps.channels == "bgr" else made
    made = (made * steps.scale - np.asarray(steps.mean or 0.0)) / np.asarray(steps.std or 1.0)
    if steps.layout == "nchw":
        made = np.moveaxis(made, -1, 1)
    elif steps.layout == "flat":
        made = made.reshape(len(made), 1, 1, -1)
    return np.ascontiguousarray(made, np.float32)


def _weights(have: int, want: int) -> NDArray[np.float64]:
    """How much of each pixel (have,) there is in each new one (want,): bilinear, between the centres of pixels."""
    at = np.clip((np.arange(want) + 0.5) * have / want - 0.5, 0, have - 1)
    distances = np.abs(at[:, np.newaxis] - np.arange(have))
    found: NDArray[np.float64] = np.maximum(0.0, 1.0 - distances)
    return found
