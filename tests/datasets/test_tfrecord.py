"""Records as TensorFlow writes them; a bad one is named by its number."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from auditor.compute.backend import tensorflow
from auditor.datasets import tfrecord
from auditor.values import DataError
from tests.datasets.grey import bright


def png(value: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("L", (5, 4), value).save(file, format=kind)
    return file.getvalue()


def example(image: bytes | None, *labels: int) -> bytes:
    train = tensorflow().train
    features = {"label": train.Feature(int64_list=train.Int64List(value=labels))}
    if image is not None:
        features["image"] = train.Feature(bytes_list=train.BytesList(value=[image]))
    return train.Example(features=train.Features(feature=features)).SerializeToString()


def write(path: Path, records: list[bytes], compression: str = "") -> Path:
    with tensorflow().io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return path


def load(path: Path, **asked):
    return tfrecord.load(tfrecord.Params(path=str(path), **asked))


def told(path: Path, **asked) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **asked)
    return str(caught.value)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_what_was_written_is_read(tmp_path, compression):
    path = write(tmp_path / "a.tfrecord", [example(png(i), i % 2) for i in range(6)], compression)
    samples = load(path, channels=1, names=["cat", "dog"])
    assert samples.images.shape == (6, 4, 5, 1)
    assert (samples.classes, samples.labels.tolist()) == (("cat", "dog"), [0, 1, 0, 1, 0, 1])
    assert bright(samples) == samples.indices.tolist() == list(range(6))
    assert tfrecord.preview(tfrecord.Params(path=str(path), count=2)).images == 2
    assert load(path).images.shape == (6, 4, 5, 3)


def test_a_subset_in_any_order_through_the_parts_of_a_folder(tmp_path):
    write(tmp_path / "a.tfrecord-00000-of-00002", [example(png(i), 0) for i in range(4)])
    write(tmp_path / "a.tfrecord-00001-of-00002", [example(png(i, "JPEG"), 1) for i in range(4, 8)])
    (tmp_path / "README.md").write_text("records")
    samples = load(tmp_path, indices=[7, 1, 4])
    assert (bright(samples), samples.labels.tolist()) == ([7, 1, 4], [1, 0, 1])
    assert samples.source == "tfrecord (3 of 8)"


def test_plain_bytes_have_a_shape(tmp_path):
    pixels = np.arange(120, dtype=np.uint8).reshape(2, 4, 5, 3)
    path = write(tmp_path / "a.tfrecord", [example(image.tobytes(), 0) for image in pixels])
    samples = load(path, shape=[4, 5, 3])
    assert np.array_equal(samples.images, (pixels / 255.0).astype(np.float32))
    assert told(path, shape=[4, 5, 1]) == f"{path}, record 0: 'image' has 60 bytes; 4 × 5 × 1 are needed"
    with pytest.raises(ValidationError, match="with `shape` leave them out"):
        tfrecord.Params(path="x", shape=[4, 5, 3], resize=[2, 2])


@pytest.mark.parametrize(
    ("record", "asked", "message"),
    [
        (lambda: example(png(0), 0), {"label_feature": "lable"}, "unknown feature 'lable'; did you mean 'label'?"),
        (lambda: example(None, 0), {}, "unknown feature 'image' (known: label)"),
        (lambda: example(png(0)), {}, "'label' holds 0 int64 or float values; one is needed"),
        (lambda: example(png(0), 1, 2), {}, "'label' holds 2 int64 or float values; one is needed"),
        (lambda: example(png(0), 0), {"image_feature": "label"}, "'label' holds 0 values of bytes; one is needed"),
    ],
)
def test_a_record_of_another_kind_is_named(tmp_path, record, asked, message):
    path = write(tmp_path / "a.tfrecord", [record()])
    assert told(path, **asked).startswith(f"{path}, record 0: {message}")


def test_what_is_damaged_is_named_by_its_record(tmp_path):
    records = [example(png(i), i) for i in range(3)]
    path = write(tmp_path / "a.tfrecord", records)
    whole = path.read_bytes()
    second = 16 + len(records[0])
    flipped = bytearray(whole)
    flipped[second + 40] ^= 1
    for content, number in ((whole[:-3], 2), (bytes(flipped), 1), (b"I am a text" * 9, 0)):
        path.write_bytes(content)
        assert told(path).startswith(f"{path}: record {number} is damaged or cut off, or this is no TFRecord file (")
    path.write_bytes(whole[: second + 5])
    assert told(path) == f"{path}: record 1 is cut off"
    path.write_bytes(gzip.compress(whole)[:-4])
    assert told(path) == f"{path} is cut off: its gzip data ends too early"
    write(path, [records[0], b"\xff\xff\xff"])
    assert told(path) == f"{path}: record 1 is no tf.train.Example"
    write(path, [records[0], example(b"text", 1)])
    assert told(path).startswith(f"{path}, record 1 can't be read as a PNG or JPEG image: ")
    write(path, [])
    assert told(path) == f"{path} has no records"


def test_labels_out_of_range_and_no_file(tmp_path):
    path = write(tmp_path / "a.tfrecord", [example(png(0), 0), example(png(1), 2), example(png(1), -1)])
    assert "2 of 3 images (rows 1, 2) have labels out of range (allowed: 0 to 1)" in told(path, names=["a", "b"])
    assert told(tmp_path / "none") == f"{tmp_path}/none can't be read: No such file or directory"
