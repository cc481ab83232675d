"""Damage the files of a dataset in many ways and see what becomes of each, in a process of its own.

`python -m tests.datasets.fuzz COUNT [FORM]...` tries so many in every form, or in these, and counts how they end, as
`tests.models.fuzz` does: refused is what ends in a DataError.
"""

import gzip
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auditor import catalog
from auditor.values import DataError
from tests.models.fuzz import damaged, outcomes, show, try_damages

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 7, 3), dtype=np.uint8)
LABELS = np.arange(6, dtype=np.uint8) % 3


def write_idx(folder: Path) -> dict[str, Any]:
    from tests.datasets.test_idx import packed

    (folder / "images").write_bytes(packed(IMAGES))
    (folder / "labels.gz").write_bytes(gzip.compress(packed(LABELS)))
    return {"images": str(folder / "images"), "labels": str(folder / "labels.gz")}


def write_npz(folder: Path) -> dict[str, Any]:
    np.savez_compressed(folder / "a.npz", images=IMAGES / 255, labels=LABELS, classes=np.array(list("abc")))
    return {"path": str(folder / "a.npz")}


def write_plain_npz(folder: Path) -> dict[str, Any]:
    np.savez(folder / "a.npz", images=IMAGES / 255, labels=LABELS)
    return {"path": str(folder / "a.npz")}


def write_pictures(folder: Path) -> dict[str, Any]:
    from PIL import Image

    for row, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (folder / f"{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{label}" / f"{row}.{'png' if row % 2 else 'jpg'}")
    return {"path": str(folder)}


def write_csv(folder: Path) -> dict[str, Any]:
    write_pictures(folder.parent / "files")
    rows = (f"../files/{label}/{row}.{'png' if row % 2 else 'jpg'},{label}" for row, label in enumerate(LABELS))
    (folder / "a.csv").write_text("path,label\n" + "\n".join(rows))
    return {"path": str(folder / "a.csv")}


def write_parquet(folder: Path) -> dict[str, Any]:
    from tests.datasets import test_parquet

    images = [{"bytes": test_parquet.png(value), "path": None} for value in range(6)]
    test_parquet.write(folder / "a.parquet", images, LABELS.tolist(), list("abc"))
    return {"path": str(folder / "a.parquet")}


def write_tfrecord(folder: Path, compression: str = "") -> dict[str, Any]:
    from tests.datasets import test_tfrecord as records

    examples = [records.example(records.png(value), int(label)) for value, label in enumerate(LABELS)]
    records.write(folder / "a.tfrecord", examples, compression)
    return {"path": str(folder / "a.tfrecord")}


def write_gzipped_tfrecord(folder: Path) -> dict[str, Any]:
    return write_tfrecord(folder, "GZIP")


def write_tfds(folder: Path) -> dict[str, Any]:
    from tests.datasets import prepared

    prepared.pets(folder)
    return {"name": "pets", "data_dir": str(folder)}


# The dataset, and what writes its files.
FORMS = {
    "idx": ("idx", write_idx),
    "npz": ("npz", write_plain_npz),
    "compressed npz": ("npz", write_npz),
    "image_folder": ("image_folder", write_pictures),
    "csv": ("csv", write_csv),
    "parquet": ("parquet", write_parquet),
    "tfrecord": ("tfrecord", write_tfrecord),
    "gzipped tfrecord": ("tfrecord", write_gzipped_tfrecord),
    "tfds": ("tfds", write_tfds),
}


def ends(forms: Sequence[str], folder: Path, count: int) -> dict[str, dict[int, str]]:
    """What became of so many damages to files of these forms, which are written into an empty folder first."""
    written = {}
    for place, form in enumerate(forms):
        whole = folder / str(place)
        whole.mkdir()
        written[form] = FORMS[form][1](whole)
    return outcomes(written, folder, count, "tests.datasets.fuzz")


def damaged_or_cut(content: bytes, number: int) -> bytes:
    """Every fifth is cut off."""
    return damaged(content, number) if number % 5 else content[: len(content) * number // (number + 7) or None]


def child(folder: Path, count: int, first: int, last: int) -> None:
    def attempt(form: str, _: Path, params: dict[str, Any]) -> None:
        dataset = catalog.load("datasets", FORMS[form][0])
        asked = dataset.Params(**params)
        dataset.preview(asked)
        dataset.load(asked)

    try_damages(folder, count, range(first, last), attempt, DataError, lambda _: damaged_or_cut)


if __name__ == "__main__" and sys.argv[1] == "child":
    child(Path(sys.argv[2]), *map(int, sys.argv[3:]))
elif __name__ == "__main__":
    for form in sys.argv[2:] or FORMS:
        with tempfile.TemporaryDirectory() as folder:
            show(form, ends([form], Path(folder), int(sys.argv[1]))[form])
