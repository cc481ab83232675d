"""Peak memory of loading the same number of images out of a small set and of a large one.

`python -m tests.benchmarks.memory` prints both and their ratio, which is to be 1: a set's size costs nothing.
"""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_COUNT = 500
_SMALL, _LARGE = 2000, 20_000
_SIDE = 128  # so that 20 000 grey images as plain bytes are 330 MB


def images(n: int) -> Any:
    """So many grey images, made one by one."""
    random = np.random.default_rng(0)
    return (random.integers(0, 256, (_SIDE, _SIDE), dtype=np.uint8) for _ in range(n))


def pngs(n: int) -> Any:
    """So many small PNG files' bytes."""
    from PIL import Image

    for image in images(n):
        file = io.BytesIO()
        Image.fromarray(image[:32, :32]).save(file, format="PNG", compress_level=1)
        yield file.getvalue()


def write_idx(folder: Path, n: int) -> dict[str, Any]:
    header = bytes([0, 0, 8]) + b"\3" + b"".join(size.to_bytes(4, "big") for size in (n, _SIDE, _SIDE))
    with (folder / "images").open("wb") as file:
        file.write(header)
        file.writelines(image.tobytes() for image in images(n))
    labels = (np.arange(n) % 10).astype(np.uint8).tobytes()
    (folder / "labels").write_bytes(bytes([0, 0, 8, 1]) + n.to_bytes(4, "big") + labels)
    return {"images": str(folder / "images"), "labels": str(folder / "labels")}


def write_npz(folder: Path, n: int) -> dict[str, Any]:
    values = np.stack(list(images(n)))
    np.savez(folder / "a.npz", images=values, labels=np.arange(n) % 10)
    return {"path": str(folder / "a.npz"), "box": [0, 255]}


def write_image_folder(folder: Path, n: int) -> dict[str, Any]:
    for label in range(10):
        (folder / str(label)).mkdir()
    for i, content in enumerate(pngs(n)):
        (folder / str(i % 10) / f"{i}.png").write_bytes(content)
    return {"path": str(folder), "channels": 1}


def write_csv(folder: Path, n: int) -> dict[str, Any]:
    for i, content in enumerate(pngs(n)):
        (folder / f"{i}.png").write_bytes(content)
    (folder / "a.csv").write_text("path,label\n" + "".join(f"{i}.png,{i % 10}\n" for i in range(n)))
    return {"path": str(folder / "a.csv"), "channels": 1}


def write_parquet(folder: Path, n: int) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"image": [{"bytes": png, "path": None} for png in pngs(n)], "label": np.arange(n) % 10})
    pq.write_table(table, folder / "a.parquet", row_group_size=1000)
    return {"path": str(folder / "a.parquet"), "channels": 1}


def write_tfrecord(folder: Path, n: int) -> dict[str, Any]:
    from tests.datasets import test_tfrecord as records

    records.write(folder / "a.tfrecord", (records.example(png, i % 10) for i, png in enumerate(pngs(n))))
    return {"path": str(folder / "a.tfrecord"), "channels": 1}


WRITERS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "idx": write_idx,
    "npz": write_npz,
    "image_folder": write_image_folder,
    "csv": write_csv,
    "parquet": write_parquet,
    "tfrecord": write_tfrecord,
}


def peak(dataset: str, params: dict[str, Any]) -> float:
    """Peak memory in MB of a process of its own that loads the images."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", dataset, repr(params)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def main() -> None:
    for dataset, write in WRITERS.items():
        peaks = []
        for n in (_SMALL, _LARGE):
            with tempfile.TemporaryDirectory() as folder:
                peaks.append(peak(dataset, {**write(Path(folder), n), "count": _COUNT}))
        small, large = peaks
        sizes = f"{_SMALL}: {small:.0f} MB, of {_LARGE}: {large:.0f} MB"
        print(f"{dataset:13} {_COUNT} images of {sizes}, ratio {large / small:.3f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:]:
        from ast import literal_eval

        from auditor import catalog

        extension = catalog.load("datasets", sys.argv[1])
        extension.load(extension.Params(**literal_eval(sys.argv[2])))
        # Linux's own account: `getrusage` begins with the peak of the process that started this one.
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        print(int(status["VmHWM"].split()[0]) / 1024)  # noqa: T201
    else:
        main()
