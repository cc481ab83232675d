"""What every corruption makes of an image, as digests: `python -m tests.corruptions.digests` writes them anew.

Of images rounded to 8 bits, so that the last digits, in which processors differ, don't count.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from auditor.corruptions.registry import CORRUPTIONS, corrupt
from tests.corruptions.subjects import photographs

FILE = Path(__file__).with_name("digests.json")
SIZES = ((28, 1, (1, 3, 5)), (32, 3, (1, 3, 5)), (224, 3, (3,)))
LIBRARIES = ("numpy", "scipy", "pillow", "scikit-learn")


def versions() -> dict[str, str]:
    """What digests depend on."""
    return {name: version(name) for name in LIBRARIES}


def digests(side: int, channels: int, severities: tuple[int, ...]) -> dict[str, str]:
    """A digest of every kind that suits such images, over some severities."""
    images, found = photographs(side, channels, 1), {}
    for kind, one in CORRUPTIONS.items():
        if not one.unfit(images.shape[1:]):
            made = [corrupt(images, kind, severity, (0, 1), [7], 1) for severity in severities]
            levels = np.rint(np.stack(made) * 255).astype(np.uint8)
            found[f"{side}x{channels} {kind}"] = hashlib.sha256(levels.tobytes()).hexdigest()[:16]
    return found


if __name__ == "__main__":
    everything = {name: digest for size in SIZES for name, digest in digests(*size).items()}
    FILE.write_text(json.dumps({"versions": versions(), "digests": everything}, indent=1) + "\n")
