"""A set that was prepared in a folder: no code of its own, no network."""

import pytest

from auditor.datasets import tfds
from auditor.values import DataError
from tests.datasets.prepared import pets

pytest.importorskip("tensorflow_datasets")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return pets(tmp_path_factory.mktemp("prepared"))


def load(folder, **asked):
    return tfds.load(tfds.Params(**{"name": "pets", "data_dir": str(folder), **asked}))


def test_a_split_in_order_with_its_names(prepared):
    samples = load(prepared)
    assert samples.images.shape == (6, 4, 5, 3)
    assert (samples.classes, samples.labels.tolist()) == (("cat", "dog"), [0, 1, 0, 1, 0, 1])
    assert (samples.images[:, 0, 0, 0] * 255).round().tolist() == samples.indices.tolist() == list(range(6))
    assert samples.source == "tfds/pets/test"
    part = load(prepared, classes=["dog"], count=2, channels=1, resize=[2, 2])
    assert (part.images.shape, set(part.labels)) == ((2, 2, 2, 1), {1})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"split": "tset"}, "tfds/pets/tset: unknown split 'tset'; did you mean 'test'? (known: test)"),
        ({"label_feature": "image"}, "tfds/pets/test: unknown feature of type ClassLabel 'image' (known: label)"),
        ({"name": "pest"}, "tfds: 'pest' can't be opened or fetched ("),
    ],
)
def test_what_is_not_there_is_named(prepared, asked, message):
    with pytest.raises(DataError) as caught:
        load(prepared, **asked)
    assert str(caught.value).startswith(message)


def test_features_of_other_packages_are_not_imported(tmp_path, monkeypatch):
    mark, module = tmp_path / "mark", tmp_path / "theirs.py"
    module.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()")
    monkeypatch.syspath_prepend(tmp_path)
    folder = pets(tmp_path / "sets")
    [path] = folder.rglob("features.json")
    text = path.read_text()
    for key in ("pythonClassName", "python_class_name"):
        path.write_text(
            text.replace('"pythonClassName": "tensorflow_datasets.core.features.image_feature', f'"{key}": "theirs')
        )
        with pytest.raises(DataError, match=r"features.json names a feature of another package, 'theirs.Image', whose"):
            load(folder)
    assert not mark.exists()
    monkeypatch.setattr(tfds, "_check_features", lambda _: None)
    with pytest.raises(DataError):
        load(folder)
    assert mark.exists(), "else this shows nothing"
