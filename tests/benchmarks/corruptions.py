"""Corruptions beside a reference implementation, and what they take: `python -m tests.benchmarks.corruptions`.

    python -m tests.benchmarks.corruptions [--repeats 3] [--only accuracy,speed]

`accuracy`: both corrupt the same 224 × 224 parts of the two photographs of `photo_patches`, whose patches the colour
network then classifies; what is told is the mean over the five severities of a kind. The reference is
imagecorruptions-imaug (`pip install imagecorruptions-imaug`). `speed`: 1000 images of 28 × 28 at five severities, in
processor time of forward passes of the tutorial network over the same images.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from auditor.corruptions.registry import CORRUPTIONS, corrupt
from auditor.corruptions.severity import SEVERITIES
from auditor.datasets import mnist_5k, photo_patches
from auditor.models import keras as format_keras
from fixtures.examples import FOLDER
from tests.benchmarks._report import run_parts, say, show

_PATCH, _SIDE, _COLUMNS, _GRID = 16, 224, 40, 1040
_TOPS, _LEFTS = (0, 192), (0, 208, 416)
_BLOCK = 64


def _network(name: str) -> format_keras.Classifier:
    return format_keras.load(format_keras.Params(path=str(FOLDER / f"{name}.keras"), output="probabilities"))


def _tiles() -> tuple[np.ndarray, list[np.ndarray]]:
    """Parts of the photographs (N, 224, 224, 3) in bytes, and the labels of each one's patches, -1 for none."""
    from sklearn.datasets import load_sample_images

    patches = photo_patches.load(photo_patches.Params(split="all"))
    known = dict(zip(patches.indices.tolist(), patches.labels.tolist(), strict=True))
    images, labels = [], []
    for which, photograph in enumerate(load_sample_images().images):
        for top in _TOPS:
            for left in _LEFTS:
                images.append(photograph[top : top + _SIDE, left : left + _SIDE])
                places = [
                    which * _GRID + (top // _PATCH + row) * _COLUMNS + left // _PATCH + column
                    for row in range(_SIDE // _PATCH)
                    for column in range(_SIDE // _PATCH)
                ]
                labels.append(np.array([known.get(place, -1) for place in places]))
    return np.stack(images), labels


def _patches(tiles: np.ndarray) -> np.ndarray:
    few = _SIDE // _PATCH
    return tiles.reshape(-1, few, _PATCH, few, _PATCH, 3).swapaxes(2, 3).reshape(-1, _PATCH, _PATCH, 3)


def accuracy(repeats: int) -> None:
    """Print the accuracy of the colour network under every kind, by both implementations."""
    import imagecorruptions

    network, (tiles, labels) = _network("photo_cnn"), _tiles()
    truth = np.concatenate(labels)
    known = truth >= 0

    def right(images: np.ndarray) -> float:
        said = network.predict(_patches(images)[known].astype(np.float32)).argmax(axis=1)
        return float((said == truth[known]).mean())

    def ours(kind: str, severity: int, turn: int) -> float:
        first = 1000 * turn
        made = [corrupt(one[None] / 255, kind, severity, (0, 1), [first + i], 0) for i, one in enumerate(tiles)]
        return right(np.concatenate(made))

    def theirs(kind: str, severity: int, turn: int) -> float:
        np.random.seed(turn * 100 + severity)
        made = [imagecorruptions.corrupt(tile, severity, kind) for tile in tiles]
        return right(np.stack(made) / 255)

    say(f"Clean accuracy {right(tiles / 255):.3f} on {int(known.sum())} patches")
    rows = []
    for kind in imagecorruptions.get_corruption_names("all"):
        found = np.array(
            [[[who(kind, s, turn) for s in SEVERITIES] for turn in range(repeats)] for who in (ours, theirs)]
        )
        means = found.mean(axis=2)  # of the five severities, in every turn
        off = means[0].mean() - means[1].mean()
        error = float(np.hypot(*(means.std(axis=1, ddof=1) / repeats**0.5))) if repeats > 1 else float("nan")
        by_severity = " ".join(f"{v:+.1%}" for v in found[0].mean(axis=0) - found[1].mean(axis=0))
        rows.append(
            (kind, f"{means[0].mean():.1%}", f"{means[1].mean():.1%}", f"{off:+.1%}", f"{error:.1%}", by_severity)
        )
        say(" ".join(rows[-1]))
    heads = ("kind", "ours", "reference", "difference", "standard error", "by severity")
    show(f"Accuracy under corruption, {repeats} turns", heads, rows)


def _seconds(function: Callable[[], object], runs: int) -> float:
    """Processor seconds of the quickest of several runs."""

    def each() -> Iterator[float]:
        for _ in range(runs):
            began = time.process_time()
            function()
            yield time.process_time() - began

    return min(each())


def speed(repeats: int) -> None:
    """Print what every kind takes, in forward passes."""
    images = mnist_5k.load(mnist_5k.Params()).images
    network = _network("mnist_cnn")
    network.predict(images)
    rows = []
    for kind, one in CORRUPTIONS.items():
        if one.unfit(images.shape[1:]):
            continue

        def corrupted(kind: str = kind) -> None:
            for severity in SEVERITIES:
                for first in range(0, len(images), _BLOCK):
                    block = images[first : first + _BLOCK]
                    corrupt(block, kind, severity, (0, 1), range(first, first + len(block)), 0)

        forward, taken = _seconds(lambda: network.predict(images), repeats), _seconds(corrupted, repeats)
        rows.append((kind, f"{taken:.2f}", f"{taken / forward:.1f}"))
    show("1000 images of 28 × 28 at five severities", ("kind", "seconds", "forward passes"), rows)


if __name__ == "__main__":
    run_parts(__doc__, {"accuracy": accuracy, "speed": speed}, "--repeats", 3, "how often, each time with other noise")
