"""Images to corrupt: parts of photographs in any size and number of channels, and digits."""

from functools import cache

import numpy as np


@cache
def photographs(side: int, channels: int, count: int) -> np.ndarray:
    """Parts of two photographs (count, side, side, channels) in [0, 1], the whole height of one shrunk to `side`."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    made = []
    for i in range(count):
        whole = Image.fromarray(load_sample_images().images[i % 2])
        left = 40 * (i // 2)
        part = whole.crop((left, 0, left + 427, 427)).resize((side, side), Image.Resampling.BOX)
        made.append(np.asarray(part, np.float32) / 255)
    images = np.stack(made)
    return images if channels == 3 else images[..., :1].repeat(channels, axis=-1)
