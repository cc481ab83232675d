"""The sets that Keras fetches, with its download replaced: tests use no network."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from auditor import catalog
from auditor.compute.backend import tensorflow
from auditor.datasets import cifar10, fashion_mnist, mnist
from auditor.loading.resources import Resources
from auditor.reading import keras_archives
from auditor.run.case_key import source_identity
from auditor.spec.resolving import Source
from auditor.values import DataError

SETS = {"mnist": (mnist, (28, 28)), "fashion_mnist": (fashion_mnist, (28, 28)), "cifar10": (cifar10, (32, 32, 3))}
each_set = pytest.mark.parametrize("name", SETS)


@pytest.fixture
def keras_gives(monkeypatch: pytest.MonkeyPatch):
    """Let `load_data` of every set be a given function."""
    monkeypatch.setattr(keras_archives, "tensorflow", lambda: None)

    def use(load_data):
        monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
        monkeypatch.setitem(sys.modules, "keras.datasets", ModuleType("keras.datasets"))
        for name in SETS:
            dataset = ModuleType(f"keras.datasets.{name}")
            dataset.load_data = load_data
            monkeypatch.setitem(sys.modules, f"keras.datasets.{name}", dataset)

    return use


@each_set
@pytest.mark.parametrize(("split", "label", "grey"), [("train", 3, 255), ("validation", 7, 51)])
def test_bytes_become_shares_of_white(keras_gives, name, split, label, grey):
    module, shape = SETS[name]

    def part(count, value, digit):
        labels = np.full((count, 1) if name == "cifar10" else count, digit, np.uint8)  # as Keras has them
        return np.full((count, *shape), value, np.uint8), labels

    keras_gives(lambda: (part(3, 255, 3), part(2, 51, 7)))
    samples = module.load(module.Params(split=split))
    assert samples.images.shape == ({"train": 3, "validation": 2}[split], *shape, 1)[:4]
    assert np.all(samples.images == np.float32(grey / 255))
    assert set(samples.labels) == {label}
    assert len(set(samples.classes)) == 10
    assert samples.source == f"{name}/{split}"


@each_set
def test_a_subset_is_taken(keras_gives, name):
    module, shape = SETS[name]
    labels = np.arange(30, dtype=np.uint8) % 10
    pixels = np.broadcast_to(labels.reshape(-1, *[1] * len(shape)), (30, *shape))
    keras_gives(lambda: ((pixels[:1], labels[:1]), (pixels, labels)))
    samples = module.load(module.Params(classes=[3, module.load(module.Params()).classes[5]], count=4))
    assert samples.labels.tolist() == [3, 5, 3, 5]
    assert np.array_equal(samples.images[:, 0, 0, 0] * 255, samples.labels)


@each_set
def test_how_many_there_are_is_known_before(name):
    module, shape = SETS[name]
    assert catalog.preview(name, module.Params()).images == 10_000
    assert catalog.preview(name, module.Params()).shape == (*shape, 1)[:3]
    images = 50_000 if name == "cifar10" else 60_000
    assert catalog.preview(name, module.Params(split="train")).images == images
    assert catalog.preview(name, module.Params(count=500)).images == 500
    # As each set's authors count them; MNIST alone isn't balanced.
    of_each = {split: catalog.preview(name, module.Params(split=split)).sizes for split in ("train", "validation")}
    most = {split: (min(each), max(each), len(each)) for split, each in of_each.items()}
    even = {"train": (images // 10,) * 2 + (10,), "validation": (1000, 1000, 10)}
    assert most == ({"train": (5421, 6742, 10), "validation": (892, 1135, 10)} if name == "mnist" else even)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("mnist", "use 'mnist_5k' or 'npz'"),
        ("fashion_mnist", "use 'idx' on the set's own files, or 'npz'"),
        ("cifar10", "bring Keras's cached copy from another machine, or use 'image_folder'"),
    ],
)
def test_without_a_network_it_says_what_else_there_is(keras_gives, name, instead):
    def load_data():
        raise Exception("URL fetch failure: no route to host")

    keras_gives(load_data)
    module, _ = SETS[name]
    with pytest.raises(DataError) as caught:
        module.load(module.Params())
    message = f"dataset '{name}' can't be fetched (URL fetch failure: no route to host); without a network {instead}"
    assert str(caught.value).startswith(message)


FILES = {
    "mnist": ["mnist.npz"],
    "fashion_mnist": [f"fashion-mnist/{part}-ubyte.gz" for part in ("train-labels-idx1", "t10k-images-idx3")],
    "cifar10": [f"cifar-10-batches-py-target/cifar-10-batches-py/{part}" for part in ("data_batch_5", "test_batch")],
}


@each_set
def test_what_keras_keeps_is_what_results_depend_on(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    module, _ = SETS[name]
    params = module.Params()
    paths = module.own_files(params)
    assert {tmp_path / "datasets" / file for file in FILES[name]} <= set(paths)
    source, found = Source(name, params, params), []
    for content in (None, "one", "two", "two"):
        for path in paths if content else ():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        found.append(source_identity(source, "datasets", Resources()))
    assert found[0] is None, "what isn't there yet can't be known"
    assert found[1] != found[2] == found[3]
    assert len(found[1]["files"]) == len(paths)


def test_keras_keeps_it_there():
    """It says so only once it is imported."""
    tensorflow()
    from keras.src.backend.config import keras_home

    assert keras_archives.kept("fashion-mnist", "a") == (Path(keras_home()) / "datasets" / "fashion-mnist" / "a",)
