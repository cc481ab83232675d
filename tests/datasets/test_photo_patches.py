"""Patches of two photographs: real colours, split without overlap, the same at every load."""

import sys

import numpy as np
import pytest

from auditor.datasets import photo_patches
from auditor.values import DataError


@pytest.fixture(scope="module")
def parts():
    return {split: photo_patches.load(photo_patches.Params(split=split)) for split in ("validation", "train", "all")}


@pytest.mark.parametrize(("split", "count"), [("validation", 200), ("train", 594), ("all", 794)])
def test_shapes_types_and_counts(parts, split, count):
    samples = parts[split]
    assert samples.images.shape == (count, 16, 16, 3)
    assert (samples.images.dtype, samples.box) == (np.float32, (0.0, 1.0))
    assert samples.classes == ("sky", "water", "pagoda", "tree", "petal", "leaf")
    preview = photo_patches.preview(photo_patches.Params(split=split))
    assert (preview.images, preview.shape) == (count, samples.images.shape[1:])
    assert photo_patches.preview(photo_patches.Params(split=split, count=50)).images == 50


def test_train_and_validation_share_nothing_and_leave_nothing_out(parts):
    rows = np.concatenate([parts["train"].indices, parts["validation"].indices])
    assert sorted(rows) == sorted(parts["all"].indices)
    assert len(set(rows)) == 794


def test_a_patch_lies_where_its_index_says(parts):
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images
    for i in (0, 77, 793):
        photograph, place = divmod(int(parts["all"].indices[i]), 1040)
        row, column = (16 * n for n in divmod(place, 40))
        patch = photographs[photograph][row : row + 16, column : column + 16]
        assert np.array_equal((parts["all"].images[i] * 255).round(), patch)


def test_a_patch_knows_its_photograph_and_which_lie_beside_it(parts):
    """A square's patches lie within 64 pixels of each other; of the sky's and the flower's names the labels tell."""
    samples = parts["all"]
    photograph, square = (samples.attributes[name] for name in ("photograph", "square"))
    assert ((photograph == "flower") == (samples.labels >= 4)).all()
    rows, columns = np.divmod(samples.indices % 1040, 40)
    for name in np.unique(square):
        at = square == name
        assert len(set(photograph[at])) == 1
        assert max(np.ptp(rows[at]), np.ptp(columns[at])) < 4
        assert at.sum() <= 16
    assert (square[samples.indices == 1040 + 40 * 9 + 3] == "flower 2,0").all()
    told = photo_patches.preview(photo_patches.Params(split="all")).attributes
    assert {name: values.tolist() for name, values in told.items()} == {
        name: values.tolist() for name, values in samples.attributes.items()
    }
    few = photo_patches.load(photo_patches.Params(split="all", count=50))
    known = dict(zip(samples.indices.tolist(), square.tolist(), strict=True))
    assert [known[row] for row in few.indices.tolist()] == few.attributes["square"].tolist()


def test_what_is_seen_has_its_colour(parts):
    samples = parts["all"]
    colours = {name: samples.images[samples.labels == i].mean(axis=(0, 1, 2)) for i, name in enumerate(samples.classes)}
    assert colours["sky"].argmax() == 2
    assert colours["sky"].min() > 0.7
    assert colours["petal"].argmax() == 0
    assert colours["leaf"].argmin() == 0


def test_any_first_patches_hold_each_class_in_proportion(parts):
    samples = parts["validation"]
    shares = np.bincount(samples.labels) / len(samples)
    for n in (20, 50, 100):
        assert np.all(np.abs(np.bincount(samples.labels[:n], minlength=6) - shares * n) <= 1)


def test_the_digest_is_stable_and_tells_the_parts_apart(parts):
    assert photo_patches.load(photo_patches.Params()).digest == parts["validation"].digest
    assert len({samples.digest for samples in parts.values()}) == 3


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        photo_patches.load(photo_patches.Params())
