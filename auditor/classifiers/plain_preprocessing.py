"""Preprocessing once more, in plain NumPy: what a checkpoint's own call is fed with.

Attacks go through `preparing` in TensorFlow, which has gradients. Two ways that share no code have to agree.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers.preprocessing import Preprocessing
from auditor.compute import resampled
from auditor.values import FloatArray, centre

_BLUE = np.array([0.299, 0.587, 0.114])[::-1]  # ITU-R BT.601, for BGR


def plainly_prepared(images: FloatArray, steps: Preprocessing, box: tuple[float, float]) -> NDArray[np.float32]:
    """Make of samples (N, H, W, C) what the network takes, float32; (N, 1, 1, n) for rows. box: of the samples."""
    made: NDArray[np.floating] = np.asarray(images, np.float32)
    way = steps.resizing
    if way:
        made = resampled(made, way.target(*made.shape[1:3]), way.method, way.antialias, box)
    if steps.center_crop:
        rows, columns = centre((made.shape[1], made.shape[2]), steps.center_crop)
        made = made[:, rows, columns]
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
