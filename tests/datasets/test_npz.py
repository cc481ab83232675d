"""Images from a file: what is usable comes out unchanged, what is not is refused with the reason."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from auditor.datasets import npz
from auditor.reading.common import make_samples
from auditor.values import DataError, Samples

IMAGES = np.random.default_rng(0).random((6, 4, 5, 3))
LABELS = np.array([0, 1, 2, 0, 1, 2])
ROWS = np.arange(6)


def load(folder: Path, box: list[float] | None = None, **arrays) -> Samples:
    np.savez(folder / "data.npz", **arrays)
    return npz.load(npz.Params(path=str(folder / "data.npz"), box=box or [0.0, 1.0]))


def with_value(value: float, *rows: int) -> np.ndarray:
    images = IMAGES.copy()
    images[list(rows), 1, 2, 0] = value
    return images


def test_a_good_file(tmp_path):
    samples = load(tmp_path, images=IMAGES, labels=LABELS, classes=np.array(["cat", "dog", "eel"]))
    assert np.array_equal(samples.images, IMAGES.astype(np.float32))
    assert np.array_equal(samples.labels, LABELS)
    assert np.array_equal(samples.indices, range(6))
    assert (samples.images.dtype, samples.labels.dtype) == (np.float32, np.int64)
    assert samples.classes == ("cat", "dog", "eel")
    assert samples.class_name(1) == "dog"
    assert samples.class_name(9) == "9"


def test_grey_images_get_a_channel(tmp_path):
    samples = load(tmp_path, images=IMAGES[..., 0], labels=LABELS.astype(np.uint8))
    assert samples.images.shape == (6, 4, 5, 1)
    assert samples.classes is None


def test_nothing_is_rescaled(tmp_path):
    pixels = np.arange(120, dtype=np.uint8).reshape(6, 4, 5)
    samples = load(tmp_path, box=[0.0, 255.0], images=pixels, labels=LABELS)
    assert samples.images.max() == 119
    assert samples.box == (0.0, 255.0)


def test_values_on_the_edge_of_the_box_are_within_it(tmp_path):
    images = np.where(IMAGES > 0.5, 0.3, 0.1)
    assert len(load(tmp_path, box=[0.1, 0.3], images=images, labels=LABELS)) == 6


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "lacks labels; it holds images"),
        ({"x": IMAGES, "y": LABELS}, "lacks images and labels; it holds x, y"),
        ({}, "lacks images and labels; it holds nothing"),
        ({"images": IMAGES[0, 0], "labels": LABELS}, r"images have shape (5, 3); (N, H, W) or (N, H, W, C) is needed"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "there are no images (shape (0, 4, 5, 3))"),
        ({"images": IMAGES[:, :0], "labels": LABELS}, "there are no images (shape (6, 0, 5, 3))"),
        ({"images": IMAGES, "labels": LABELS[:5]}, "6 images need as many labels, got shape (5,)"),
        ({"images": IMAGES, "labels": np.int64(3)}, "6 images need as many labels, got shape ()"),
        ({"images": IMAGES, "labels": LABELS.reshape(3, 2)}, "6 images need as many labels, got shape (3, 2)"),
        ({"images": IMAGES, "labels": LABELS + 0.5}, "6 of 6 labels are no whole numbers, the first at place 0, which"),
        ({"images": IMAGES, "labels": np.where(LABELS > 1, np.nan, LABELS)}, "at place 2, which is missing (NaN)"),
        ({"images": IMAGES, "labels": LABELS * 1e10}, "the label 10000000000.0 at place 1 is no class number"),
        ({"images": IMAGES, "labels": np.eye(3)[LABELS]}, "got shape (6, 3); of one-hot rows take the argmax"),
        ({"images": IMAGES, "labels": LABELS > 0}, "labels must be whole numbers, got bool"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "b\0c", "d"])}, "the character U+0000"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "", "d"])}, "the name of class 1 is empty"),
        ({"images": IMAGES > 0.5, "labels": LABELS}, "images must be numbers"),
        ({"images": with_value(np.nan, 1, 4), "labels": LABELS}, "2 of 6 images (rows 1, 4) hold NaN or infinity"),
        ({"images": with_value(np.inf, 5), "labels": LABELS}, "1 of 6 images (rows 5) hold NaN or infinity"),
        (
            {"images": with_value(2.5, 0, 1, 2, 3), "labels": LABELS},
            "4 of 6 images (rows 0, 1, 2 and 1 more) leave the box [0, 1] (values run from",
        ),
        ({"images": with_value(-0.01, 3), "labels": LABELS}, "1 of 6 images (rows 3) leave the box [0, 1]"),
        (
            {"images": IMAGES, "labels": LABELS - 1},
            "2 of 6 images (rows 0, 3) have labels out of range (allowed: 0 and up)",
        ),
        (
            {"images": IMAGES, "labels": LABELS, "classes": np.array(["a", "b"])},
            "2 of 6 images (rows 2, 5) have labels out of range (allowed: 0 to 1)",
        ),
        ({"images": IMAGES, "labels": LABELS.astype(object)}, "object arrays are refused"),
        ({"images": np.array([{}], object), "labels": LABELS}, "object arrays are refused"),
    ],
)  # fmt: skip
def test_unusable_arrays_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError) as caught:
        load(tmp_path, **arrays)
    assert message in str(caught.value)


@pytest.mark.parametrize("labels", [LABELS * 1.0, LABELS[:, None], LABELS[:, None].astype(np.float32)])
def test_labels_of_any_type_and_in_a_column_are_whole_numbers(tmp_path, labels):
    samples = load(tmp_path, images=IMAGES, labels=labels)
    assert samples.labels.tolist() == LABELS.tolist()
    assert samples.labels.dtype == np.int64


def corrupt(path: Path) -> None:
    """Damage compressed data in the middle of the file."""
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    raw = bytearray(path.read_bytes())
    raw[200:300] = b"\xff" * 100
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("not an archive"), "is no .npz file of plain arrays"),
        (lambda path: path.write_bytes(b""), "is no .npz file of plain arrays"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and then nothing"), "is no .npz file of plain arrays"),
        (corrupt, "is no .npz file of plain arrays"),
        (lambda path: np.save(path.open("wb"), IMAGES), "is a single array; save it with numpy.savez, with its labels"),
        (lambda path: path.mkdir(), "can't be read: Is a directory"),
        (lambda _: None, "can't be read: No such file or directory"),
    ],
    ids=["text", "empty", "cut off", "corrupt", "npy", "folder", "missing"],
)
def test_what_is_no_npz_file_is_refused(tmp_path, write, message):
    path = tmp_path / "data.npz"
    write(path)
    with pytest.raises(DataError) as caught:
        npz.load(npz.Params(path=str(path)))
    assert str(caught.value).startswith(f"{path} {message}")


def test_the_digest_is_of_images_labels_and_rows():
    def digest(images=IMAGES, labels=LABELS, rows=ROWS):
        return make_samples(images, labels, rows, "test").digest

    first = digest()
    assert first == digest(IMAGES.astype(np.float32), LABELS.astype(np.uint8))
    assert len(first) == hashlib.sha256().digest_size * 2
    others = [digest(with_value(0.5, 0)), digest(labels=LABELS[::-1]), digest(rows=ROWS + 1)]
    assert len({first, digest(IMAGES.reshape(6, 5, 4, 3)), *others}) == 5


def test_further_arrays_are_attributes_where_they_are_asked_for(tmp_path):
    path = tmp_path / "data.npz"
    site, age = np.array([*"uuvvw", ""]), np.arange(6)
    np.savez(path, images=IMAGES, labels=LABELS, site=site, age=age, of_two=np.zeros((6, 2)))
    params = npz.Params(path=str(path), attributes=["site", "age"], indices=[4, 0])
    found = npz.load(params).attributes
    assert (found["site"].tolist(), found["age"].tolist()) == (["w", "u"], [4.0, 0.0])
    assert npz.preview(params).attributes["site"].tolist() == site.tolist()
    assert npz.preview(params).shape == npz.load(params).images.shape[1:]
    assert npz.load(npz.Params(path=str(path))).attributes == {}
    with pytest.raises(DataError, match="`attributes`: unknown array 'sit'; did you mean 'site'"):
        npz.load(npz.Params(path=str(path), attributes=["sit"]))
    with pytest.raises(DataError, match=r"the array 'of_two' is float64 \(6, 2\); it needs one number"):
        npz.load(npz.Params(path=str(path), attributes=["of_two"]))
