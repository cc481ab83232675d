"""Tables as Hugging Face stores them, and with paths; every bad row by its number."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from auditor.datasets import parquet
from auditor.values import DataError
from tests.datasets.grey import bright

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def png(value: int, size: tuple[int, int] = (5, 4)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, value).save(file, format="PNG")
    return file.getvalue()


def embedded(values: range) -> list:
    return [{"bytes": png(value), "path": f"{value}.png"} for value in values]


def write(path: Path, images: list, labels: list, names: list[str] | None = None, **more) -> Path:
    """A table of images and labels, with Hugging Face's description if there are names."""
    table = pa.table({"image": images, "label": labels})
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, **more)
    return path


def load(path: Path, **asked):
    return parquet.load(parquet.Params(path=str(path), channels=1, **asked))


def told(path: Path, **asked) -> str:
    with pytest.raises(DataError) as caught:
        load(path, **asked)
    return str(caught.value)


def test_embedded_images_and_the_names_hugging_face_wrote(tmp_path):
    path = write(tmp_path / "a.parquet", embedded(range(6)), [0, 1, 0, 1, 0, 1], ["cat", "dog"], row_group_size=4)
    samples = load(path)
    assert samples.images.shape == (6, 4, 5, 1)
    assert (samples.classes, samples.labels.tolist()) == (("cat", "dog"), [0, 1, 0, 1, 0, 1])
    assert bright(samples) == samples.indices.tolist() == list(range(6))
    assert load(path, names=["x", "y"]).classes == ("x", "y")
    assert parquet.preview(parquet.Params(path=str(path))).images == 6
    assert parquet.preview(parquet.Params(path=str(path), count=2)).images == 2


@pytest.mark.parametrize("names", [["1", "2", "3"], ["2", "0", "1"], ["5", "5", "cat"]])
def test_numbers_that_hugging_face_wrote_are_of_classes_whatever_these_are_called(tmp_path, names):
    path = write(tmp_path / "a.parquet", embedded(range(4)), [0, 1, 2, 1], names)
    for asked in ({}, {"names": ["2", "3", "1"]}):
        assert load(path, **asked).labels.tolist() == [0, 1, 2, 1]


def test_a_subset_in_any_order_through_the_parts_of_a_folder(tmp_path):
    write(tmp_path / "test-0.parquet", embedded(range(5)), [0] * 5, row_group_size=2)
    write(tmp_path / "test-1.parquet", embedded(range(5, 9)), [1] * 4, row_group_size=3)
    samples = load(tmp_path, indices=[8, 3, 5, 0])
    assert bright(samples) == samples.indices.tolist() == [8, 3, 5, 0]
    assert (samples.labels.tolist(), samples.source) == ([1, 0, 1, 0], "parquet (4 of 9)")
    assert parquet.preview(parquet.Params(path=str(tmp_path))).images == 9


def test_bytes_alone_and_paths_beside_the_file(tmp_path):
    assert bright(load(write(tmp_path / "a.parquet", [png(3), png(7)], ["b", "a"]))) == [3, 7]
    (tmp_path / "7.png").write_bytes(png(7))
    for images in (["7.png"], [{"bytes": None, "path": "7.png"}]):
        assert bright(load(write(tmp_path / "b.parquet", images, ["a"]))) == [7]


def test_whole_numbers_of_any_type_are_class_numbers(tmp_path):
    for labels in ([10.0, 3.0], [10, 3], ["10", "3.0"]):
        samples = load(write(tmp_path / "a.parquet", embedded(range(2)), labels))
        assert (samples.classes, samples.labels.tolist()) == (None, [10, 3])


def test_labels_that_are_words_or_a_dictionary(tmp_path):
    for labels in (["dog", "cat"], pa.array(["dog", "cat"]).dictionary_encode()):
        samples = load(write(tmp_path / "a.parquet", embedded(range(2)), labels))
        assert (samples.classes, samples.labels.tolist()) == (("cat", "dog"), [1, 0])


@pytest.mark.parametrize(
    ("images", "labels", "asked", "message"),
    [
        (embedded(range(2)), [0, 2], {"names": ["a", "b"]}, ", row 1: unknown label '2' (known: a, b)"),
        (embedded(range(2)), [0, -1], {}, ", row 1: the label -1 is no class number (0 and up)"),
        (embedded(range(2)), [0, None], {}, ", row 1: the label is missing; a number or name is needed"),
        (embedded(range(2)), [0.0, float("nan")], {}, ", row 1: the label is missing; a number or name is needed"),
        (embedded(range(2)), [0.0, 1.5], {}, ", row 1: the label 1.5 is no class number (0 and up)"),
        (embedded(range(2)), [0.0, float("inf")], {}, ", row 1: the label inf is no class number (0 and up)"),
        (embedded(range(2)), ["0", "cat"], {}, ", row 1: the label 'cat' is a name, where 0 is a number; list all"),
        (embedded(range(2)), ["0", " "], {}, ", row 1: the label is empty; every image needs one"),
        ([png(1), None], [0, 0], {}, ", row 1: there is no image; bytes, a path, or a struct"),
        ([1.5, 2.5], [0, 0], {}, ", row 0: there is no image; bytes, a path, or a struct"),
        ([png(1), b"text"], [0, 0], {}, ", row 1 can't be read as a PNG or JPEG image: "),
        ([png(1), png(1, (6, 4))], [0, 0], {}, ", row 1 is 4 × 6 pixels, but "),
        (["none.png"], [0], {}, ", row 0: {folder}/none.png is missing"),
        ([png(1)], [0], {"label_column": "y"}, " has no column named 'y' (its columns: image, label)"),
        (pa.array([], pa.binary()), pa.array([], pa.int64()), {}, " has no rows"),
    ],
)
def test_a_bad_row_is_named(tmp_path, images, labels, asked, message):
    path = write(tmp_path / "a.parquet", images, labels)
    assert told(path, **asked).startswith(f"{path}{message.format(folder=tmp_path)}")


def test_what_is_no_parquet_file(tmp_path):
    path = write(tmp_path / "a.parquet", embedded(range(2)), [0, 1])
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], whole[:-8] + b"\xff" * 8):
        path.write_bytes(content)
        assert told(path).startswith(f"{path} can't be read as a Parquet file: ")
        assert parquet.preview(parquet.Params(path=str(path))).images is None
    assert told(tmp_path / "none") == f"{tmp_path}/none can't be read: No such file or directory"
    path.unlink()
    assert told(tmp_path) == f"{tmp_path} is a folder without a file *.parquet"


def test_further_columns_of_plain_values_are_attributes(tmp_path):
    first = {"image": embedded(range(2)), "label": [0, 1], "site": ["oslo", None], "age": [3, 40], "parts": [[1], [2]]}
    other = {"image": embedded(range(2, 4)), "label": [1, 0], "site": ["bergen", "oslo"], "indoors": [True, None]}
    pq.write_table(pa.table(first), tmp_path / "0.parquet")
    table = pa.table(other)
    table = table.set_column(2, "site", table["site"].dictionary_encode())
    pq.write_table(table, tmp_path / "1.parquet", row_group_size=1)
    found = load(tmp_path, indices=[3, 1, 0]).attributes
    assert list(found) == ["site", "age", "indoors"]
    assert found["site"].tolist() == ["oslo", "", "oslo"]
    assert [str(value) for value in found["age"]] == ["nan", "40.0", "3.0"]
    assert parquet.preview(parquet.Params(path=str(tmp_path))).attributes["indoors"].tolist() == ["", "", "true", ""]
