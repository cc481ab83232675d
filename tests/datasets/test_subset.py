"""Subsets: what is taken, that nothing changes where nothing is said, and what can't be taken."""

import hashlib

import numpy as np
import pytest
from pydantic import ValidationError

from auditor import catalog
from auditor.datasets import mnist_5k, npz
from auditor.reading.common import SHADES, Subset, in_turn
from auditor.values import DataError

# 12 cats, 6 dogs and 2 eels, mixed
LABELS = np.array([0, 1, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 1, 0, 0, 1, 2, 0, 1])
ROWS = np.arange(100, 120)
NAMES = ("cat", "dog", "eel")


def taken(**asked) -> list[int]:
    return Subset(**asked).choose(LABELS, ROWS, NAMES, "pets").tolist()


def test_nothing_said_takes_everything_in_order():
    assert taken() == list(range(20))


def test_rows_are_those_of_the_source_in_the_order_asked_for():
    assert taken(indices=[119, 100, 107]) == [19, 0, 7]


def test_classes_are_named_or_numbered():
    assert taken(classes=["eel"]) == taken(classes=[2]) == [7, 17]
    assert taken(classes=["eel", 1]) == [1, 4, 7, 10, 13, 16, 17, 19]


@pytest.mark.parametrize("count", range(1, 21))
def test_every_class_has_its_share(count):
    chosen = taken(count=count)
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen)
    shares = np.bincount(LABELS) * count / 20
    assert np.all(np.abs(np.bincount(LABELS[chosen], minlength=3) - shares) < 1)


def test_a_share_does_not_run_along_a_period_of_its_class():
    """Photographs of one class, from two cameras in turn: half of them aren't all from one."""
    labels, rows = np.zeros(200, np.int64), np.arange(200)
    chosen = Subset(count=100).choose(labels, rows, ("cat",), "pets")
    assert 35 < (chosen % 2).sum() < 65
    assert np.bincount(chosen // 50, minlength=4).min() > 12, "nor are they from one end"


def test_conditions_hold_together():
    asked = [119, 118, 117, 116, 115, 100]
    chosen = taken(indices=asked, classes=["cat", "dog"], count=2)
    assert sorted(LABELS[chosen]) == [0, 1]
    assert [100 + place for place in chosen] == [row for row in asked if row - 100 in chosen], "in the order asked for"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"indices": [100, 99]}, "pets: row 99 of `indices` isn't among its rows (there are 20, up to 119)"),
        ({"indices": [100, 101, 100]}, "pets: `indices` names row 100 twice; an image counts once"),
        ({"classes": ["cta"]}, "pets: unknown class 'cta'; did you mean 'cat'? (known: cat, dog, eel)"),
        ({"classes": [3]}, "pets: no image to take is of class 3, which `classes` names"),
        ({"indices": [100], "classes": [0, 1]}, "pets: no image to take is of class 1, which `classes` names"),
        ({"count": 21}, "pets: `count` asks for 21 images, there are 20"),
        ({"classes": ["eel"], "count": 3}, "pets: `count` asks for 3 images, there are 2"),
    ],
)
def test_what_is_not_there_cannot_be_taken(asked, message):
    with pytest.raises(DataError) as caught:
        taken(**asked)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "asked", [{"count": 0}, {"indices": []}, {"indices": [-1]}, {"classes": []}, {"classes": [-1]}]
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(asked):
    with pytest.raises(ValidationError):
        Subset(**asked)


def test_defaults_change_no_digest_and_no_record(tmp_path):
    """Digests as they were before there were subsets, and parameters as records of that time hold them."""
    before = {
        "validation": "32674af0c8904ac44987442e6c512ae1849e157a2e2247a768aababde49b43db",
        "train": "691b062cd3e78baf1788b978ea3c8fe5f226a285bedab518d0d6102e0f574d86",
        "all": "9e74ebf2ccb266f5749437474360e1d71248ea18a46d7bd5d7410ebaea0436f7",
    }
    assert {split: mnist_5k.load(mnist_5k.Params(split=split)).digest for split in before} == before
    assert mnist_5k.Params().model_dump(mode="json") == {"split": "validation"}
    images, labels = np.random.default_rng(0).random((6, 4, 5, 3)), np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    params = npz.Params(path=str(tmp_path / "data.npz"))
    parts = (repr(images.shape).encode(), images.astype(np.float32).tobytes(), labels.tobytes(), np.arange(6).tobytes())
    assert npz.load(params).digest == hashlib.sha256(b"".join(parts)).hexdigest()
    assert params.model_dump(mode="json") == {"path": params.path, "box": [0.0, 1.0]}


def test_what_is_asked_for_is_on_record():
    asked = mnist_5k.Params(count=50, classes=["3", 7])
    assert asked.model_dump(mode="json") == {"split": "validation", "classes": ["3", 7], "count": 50}
    assert mnist_5k.Params.model_validate_json(asked.model_dump_json()) == asked


def test_real_digits_keep_their_rows_and_the_source_says_how_many():
    whole, part = (mnist_5k.load(mnist_5k.Params(**asked)) for asked in ({}, {"count": 200}))
    assert np.bincount(part.labels).tolist() == [20] * 10
    positions = np.flatnonzero(np.isin(whole.indices, part.indices))
    assert np.array_equal(whole.images[positions], part.images)
    assert part.source == "mnist_5k/validation (200 of 1000)"
    assert part.classes == whole.classes
    assert part.digest != whole.digest


def test_the_articles_digits_alone():
    samples = mnist_5k.load(mnist_5k.Params(indices=[3500, 1502]))
    assert (samples.labels.tolist(), samples.indices.tolist()) == ([7, 3], [3500, 1502])


def test_an_npz_file_is_not_looked_at_beyond_its_subset(tmp_path):
    images = np.zeros((4, 2, 2))
    images[1] = np.nan
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(4), classes=np.array(list("abcd")))
    path = str(tmp_path / "data.npz")
    with pytest.raises(DataError, match="hold NaN"):
        npz.load(npz.Params(path=path))
    samples = npz.load(npz.Params(path=path, classes=["a", "d"]))
    assert samples.indices.tolist() == [0, 3]
    assert samples.source == "npz (2 of 4)"


@pytest.mark.parametrize(
    ("asked", "images"),
    [
        ({}, 1000),
        ({"count": 30}, 30),
        ({"indices": [3500, 1502]}, 2),
        ({"classes": [3]}, 1000),
        ({"count": 2000}, 1000),
    ],
)
def test_the_preview_knows_of_it(asked, images):
    assert catalog.preview("mnist_5k", mnist_5k.Params(**asked)).images == images


def test_the_preview_of_what_cannot_be_read_is_the_subset_at_most(tmp_path):
    assert npz.preview(npz.Params(path=str(tmp_path / "none.npz"), count=7)).images == 7
    assert npz.preview(npz.Params(path=str(tmp_path / "none.npz"))).images is None


def test_in_turn_any_first_images_are_in_proportion():
    labels = np.repeat([0, 1, 2], [12, 6, 2])
    order = in_turn(labels)
    assert sorted(order) == list(range(20))
    for n in range(1, 21):
        assert np.all(np.abs(np.bincount(labels[order[:n]], minlength=3) - np.array([12, 6, 2]) * n / 20) <= 1)
    assert np.all(np.diff(order[labels[order] == 0]) > 0), "within a class the order stays"


def test_shades_are_what_a_division_gives():
    assert np.array_equal(SHADES, (np.arange(256, dtype=np.uint8) / 255.0).astype(np.float32))
    assert (SHADES[0], SHADES[255], SHADES.dtype) == (0.0, 1.0, np.float32)
