"""The format of the MNIST files: read as written, and every way to break one is explained."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from auditor.datasets import idx
from auditor.values import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def packed(array: np.ndarray, kind: int = 0x08) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


IMAGE_BYTES, LABEL_BYTES = packed(PIXELS), packed(LABELS)


def params(folder: Path, images: bytes = IMAGE_BYTES, labels: bytes = LABEL_BYTES, **more) -> idx.Params:
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)
    return idx.Params(images=str(folder / "images"), labels=str(folder / "labels"), **more)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_what_was_written_is_read(tmp_path, pack):
    asked = params(tmp_path, pack(IMAGE_BYTES), pack(LABEL_BYTES), names=["cat", "dog", "eel"])
    samples = idx.load(asked)
    assert samples.images.shape == (6, 4, 5, 1)
    assert np.array_equal(samples.images[..., 0], (PIXELS / 255.0).astype(np.float32))
    assert np.array_equal(samples.labels, LABELS)
    assert (samples.box, samples.classes) == ((0.0, 1.0), ("cat", "dog", "eel"))
    preview = idx.preview(asked)
    assert (preview.images, preview.majority) == (6, max(LABELS.tolist().count(one) for one in set(LABELS)) / 6)


def test_colour_has_a_fourth_dimension(tmp_path):
    pixels = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(6, 2, 2, 3)
    samples = idx.load(params(tmp_path, packed(pixels)))
    assert np.array_equal(samples.images, (pixels / 255.0).astype(np.float32))
    assert samples.classes is None


def test_a_subset(tmp_path):
    asked = params(tmp_path, classes=[1], count=1)
    assert idx.load(asked).labels.tolist() == [1]
    assert idx.preview(asked).images == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (b"", "is no IDX file: it begins with nothing, not with 00 00 08"),
        (b"\x89PNG\r\n", "is no IDX file: it begins with 89 50 4e 47, not with 00 00 08"),
        (packed(PIXELS, 0x0D), "holds values of type 0x0d; only unsigned bytes (0x08) are read"),
        (LABEL_BYTES, "has 1 dimensions where 3 or 4 are needed; are images and labels swapped?"),
        (IMAGE_BYTES[:9], "is cut off in its header"),
        (IMAGE_BYTES[:-1], "is cut off: its header announces 120 bytes of values, 119 follow"),
        (IMAGE_BYTES + b"!", "is longer than it says: its header announces 120 bytes of values, 121 follow"),
        (
            struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1),
            f"is cut off: its header announces {(2**32 - 1) ** 3} bytes of values, 0 follow",
        ),
    ],
)
def test_a_broken_file_is_named_and_explained(tmp_path, pack, broken, message):
    with pytest.raises(DataError) as caught:
        idx.load(params(tmp_path, pack(broken)))
    assert str(caught.value) == f"{tmp_path / 'images'} {message}"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:-12], "is cut off: its gzip data ends too early"),
        (lambda raw: raw[:-8] + b"\0" * 8, "is damaged: the header or the checksum of its gzip data is wrong"),
        (lambda raw: raw[:10] + b"\xff" * 20, "is damaged: its gzip data can't be inflated"),
        (lambda raw: raw[:2] + b"\x07" + raw[3:], "is damaged: the header or the checksum of its gzip data is wrong"),
    ],
    ids=["cut off", "checksum", "data", "method"],
)
def test_damaged_gzip_data(tmp_path, damage, message):
    with pytest.raises(DataError) as caught:
        idx.load(params(tmp_path, labels=damage(gzip.compress(LABEL_BYTES))))
    assert str(caught.value).startswith(f"{tmp_path / 'labels'} {message}")


def test_files_that_do_not_belong_together(tmp_path):
    with pytest.raises(DataError) as caught:
        idx.load(params(tmp_path, labels=packed(LABELS[:5])))
    there = f"{tmp_path / 'images'} holds 6 images, but {tmp_path / 'labels'} 5 labels"
    assert str(caught.value) == f"{there}; they don't belong together"


def test_more_classes_than_names(tmp_path):
    with pytest.raises(DataError, match=r"idx: 2 of 6 images \(rows 2, 5\) have labels out of range"):
        idx.load(params(tmp_path, names=["cat", "dog"]))


def test_a_folder_or_nothing_in_place_of_a_file(tmp_path):
    asked = params(tmp_path)
    for path, message in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file or directory")):
        wrong = asked.model_copy(update={"labels": str(path)})
        with pytest.raises(DataError) as caught:
            idx.load(wrong)
        assert str(caught.value) == f"{path} can't be read: {message}"
        assert idx.preview(wrong).images is None


def test_the_preview_of_a_broken_file_leaves_the_explaining_to_loading(tmp_path):
    for labels in (b"", LABEL_BYTES[:6], gzip.compress(LABEL_BYTES)[:12], b"\x1f\x8b"):
        assert idx.preview(params(tmp_path, labels=labels)).images is None
