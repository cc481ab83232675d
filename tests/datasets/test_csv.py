"""A table of files and labels: rows in order, names to numbers, and every bad row by its line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.datasets import csv
from auditor.values import DataError

ROWS = "path,label\nimages/0.png,dog\nimages/1.png,cat\n\nimages/2.png,dog\n"


@pytest.fixture
def table(tmp_path) -> Path:
    """Three images whose brightness is their row, and where their table will be."""
    (tmp_path / "images").mkdir()
    for row in range(3):
        Image.new("L", (5, 4), row).save(tmp_path / "images" / f"{row}.png")
    return tmp_path / "test.csv"


def load(table: Path, text: str | bytes = ROWS, **asked):
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return csv.load(csv.Params(path=str(table), channels=1, **asked))


def told(table: Path, text: str | bytes = ROWS, **asked) -> str:
    with pytest.raises(DataError) as caught:
        load(table, text, **asked)
    return str(caught.value)


def test_rows_in_order_and_names_in_sorted_order(table):
    samples = load(table)
    assert samples.images.shape == (3, 4, 5, 1)
    assert np.array_equal(samples.images[:, 0, 0, 0], (np.arange(3) / 255.0).astype(np.float32))
    assert (samples.classes, samples.labels.tolist()) == (("cat", "dog"), [1, 0, 1])
    assert samples.indices.tolist() == [0, 1, 2]
    assert csv.preview(csv.Params(path=str(table))).images == 3
    assert csv.preview(csv.Params(path=str(table), count=2)).images == 2


def test_names_give_the_order(table):
    samples = load(table, names=["eel", "dog", "cat"])
    assert (samples.classes, samples.labels.tolist()) == (("eel", "dog", "cat"), [1, 2, 1])


def test_numbers_are_class_numbers(table):
    text = ROWS.replace("dog", "7").replace("cat", " 3")
    samples = load(table, text)
    assert (samples.classes, samples.labels.tolist()) == (None, [7, 3, 7])
    assert load(table, ROWS.replace("cat", "0"), names=["cat", "dog"]).labels.tolist() == [1, 0, 1]


def test_numbers_with_a_point_are_class_numbers_as_pandas_writes_them(table):
    """As text, 3.0 came before 7.0 and was class 0; ten classes came in the order 0, 1, 10, 2."""
    samples = load(table, ROWS.replace("dog", "10.0").replace("cat", "3.0"))
    assert (samples.classes, samples.labels.tolist()) == (None, [10, 3, 10])
    names = [str(number) for number in range(11)]
    assert load(table, ROWS.replace("dog", "10.0").replace("cat", "3"), names=names).labels.tolist() == [10, 3, 10]
    years = ["1", "2", "3"]
    assert load(table, ROWS.replace("dog", "2.0").replace("cat", "3"), names=years).labels.tolist() == [1, 2, 1]


def test_numbers_that_are_names_are_those_or_class_numbers_but_never_both(table):
    """Labels 0 and 1 were one class, where the first class is called 1."""
    turned, later = {"names": ["2", "0", "1"]}, {"names": ["10", "20", "30"]}
    assert load(table, ROWS.replace("dog", "2").replace("cat", "1.0"), **turned).labels.tolist() == [0, 2, 0]
    assert load(table, ROWS.replace("dog", "2").replace("cat", "1"), **later).labels.tolist() == [2, 1, 2]


def test_names_are_numbered_in_natural_order(table):
    samples = load(table, ROWS.replace("dog", "b10").replace("cat", "b2"))
    assert (samples.classes, samples.labels.tolist()) == (("b2", "b10"), [1, 0, 1])


@pytest.mark.parametrize(
    ("dog", "cat", "asked", "message"),
    [
        ("1.0", "", {}, "{table}:3: the label is empty; every image needs one, or leave its row out"),
        ("dog", "", {}, "{table}:3: the label is empty"),
        ("dog", "", {"names": ["cat", "dog"]}, "{table}:3: the label is empty"),
        ("1.0", "nan", {}, "{table}:3: the label 'nan' is a name, where 1.0 is a number; list all names in the order"),
        ("cat", "1", {}, "{table}:2: the label 'cat' is a name, where 1 is a number"),
        ("0", "1.5", {}, "{table}:3: the label 1.5 is no class number (0, 1, 2 and so on)"),
        ("0", "-1", {}, "{table}:3: the label -1 is no class number"),
        (
            "0",
            "1",
            {"names": ["1", "2", "3"]},
            "{table}:3: the label 1 is the name of class 0, where 0 (",
        ),
        ("crane", "cat", {"names": ["crane", "crane", "cat"]}, "{table}:2: several classes are called 'crane'; write"),
    ],
)
def test_labels_that_leave_the_class_open_are_refused(table, dog, cat, asked, message):
    text = "path,label\n" + f"images/0.png,{dog}\nimages/1.png,{cat}\n"
    assert told(table, text, **asked).startswith(message.format(table=table))


def test_columns_delimiter_quotes_and_a_byte_order_mark(table):
    text = '\ufeff"the; label";file;more\r\ndog;images/0.png;x\r\ncat;"images/1.png";\r\n'
    samples = load(table, text, image_column="file", label_column="the; label", delimiter=";")
    assert samples.labels.tolist() == [1, 0]


def test_paths_may_leave_the_folder_be_absolute_and_have_odd_names(table, tmp_path_factory):
    odd = tmp_path_factory.mktemp("else") / 'a, "b" #ü.png'
    Image.new("L", (5, 4), 9).save(odd)
    (table.parent / "link.png").symlink_to(odd)
    quoted = '"' + str(odd).replace('"', '""') + '"'
    above = f"../{table.parent.name}/images/0.png"
    samples = load(table, f"path,label\n{quoted},0\nlink.png,1\n{above},0\n")
    assert np.array_equal(samples.images[:, 0, 0, 0] * 255, [9, 9, 0])


def test_a_subset(table):
    assert load(table, classes=["dog"]).indices.tolist() == [0, 2]
    assert load(table, indices=[1]).source == "csv (1 of 3)"


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        (ROWS.replace("1.png", "9.png"), {}, "{table}:3: there is no file {folder}/images/9.png"),
        (ROWS.replace("images/1.png", "images"), {}, "{table}:3: there is no file {folder}/images"),
        (ROWS.replace("images/1.png", "a\0b"), {}, "{table}:3: there is no file {folder}/a\0b"),
        (ROWS.replace("images/1.png", "x" * 5000), {}, "{table}:3: there is no file {folder}/xxx"),
        (ROWS, {"names": ["cat", "dgo"]}, "{table}:2: unknown label 'dog'; did you mean 'dgo'? (known: cat, dgo)"),
        (ROWS.replace("cat", "2"), {"names": ["cat", "dog"]}, "{table}:3: unknown label '2' (known: cat, dog)"),
        (ROWS.replace(",cat", ""), {}, "{table}:3: 1 values, the header has 2"),
        (ROWS.replace("cat", "cat,x"), {}, "{table}:3: 3 values, the header has 2"),
        ("file,label\n", {}, "{table} has no column named 'path' (its columns: file, label)"),
        ("", {}, "{table} has no column named 'path' (its columns: none)"),
        ("path,label,label\n", {}, "{table} has two columns named 'label' (its columns: path, label, label)"),
        ("path,label\n", {}, "{table} has no rows below its header"),
        (ROWS.replace("cat", '"cat'), {}, "{table} is no table in UTF-8 with ',' between columns: unexpected end"),
        (b"path,label\n\xff,0\n", {}, "{table} is no table in UTF-8 with ',' between columns: 'utf-8' codec"),
    ],
)
def test_a_bad_row_is_named_by_its_line(table, text, asked, message):
    assert told(table, text, **asked).startswith(message.format(table=table, folder=table.parent))


def test_an_unreadable_image_and_another_size(table):
    (table.parent / "images" / "2.png").write_bytes(b"")
    assert told(table).startswith(f"{table.parent}/images/2.png can't be read as a PNG or JPEG image: ")
    Image.new("L", (5, 5)).save(table.parent / "images" / "2.png")
    assert "images/2.png is 5 × 5 pixels, but" in told(table)


def test_a_folder_or_nothing_in_place_of_the_table(tmp_path):
    for path, message in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file or directory")):
        with pytest.raises(DataError) as caught:
            csv.load(csv.Params(path=str(path)))
        assert str(caught.value) == f"{path} can't be read: {message}"
        assert csv.preview(csv.Params(path=str(path))).images is None


def test_further_columns_are_attributes(table):
    header, rows = (
        "path,age,label,site,,site2",
        ("0.png,31,dog, oslo,x,", "1.png,,cat,bergen,y,007", "2.png,4.0,dog,,z,7"),
    )
    text = "\n".join((header, *(f"images/{row}" for row in rows)))
    found = load(table, text, indices=[2, 0]).attributes
    assert list(found) == ["age", "site", "site2"]
    np.testing.assert_array_equal(found["age"], [4.0, 31.0])
    assert (found["site"].tolist(), found["site2"].tolist()) == (["", "oslo"], ["7", ""])
    seen = csv.preview(csv.Params(path=str(table))).attributes
    np.testing.assert_array_equal(seen["age"], [31.0, np.nan, 4.0])
    assert seen["site"].tolist() == ["oslo", "bergen", ""]


def test_how_large_images_were_before_they_were_resized(table):
    assert load(table).attributes == {}
    Image.new("L", (10, 8)).save(table.parent / "images" / "1.png")
    assert load(table, resize=[4, 4]).attributes["size"].tolist() == [20.0, 80.0, 20.0]
    named = ROWS.replace("label\n", "label,size\n").replace("dog\n", "dog,small\n").replace("cat\n", "cat,large\n")
    assert load(table, named, resize=[4, 4]).attributes["size"].tolist() == ["small", "large", "small"]
