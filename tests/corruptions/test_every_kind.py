"""What holds of every corruption, whatever it does."""

import json

import numpy as np
import pytest

from auditor.corruptions.registry import CORRUPTIONS, FAMILIES, corrupt, of_family
from auditor.corruptions.severity import SEVERITIES, Strengths, listed
from tests.corruptions.digests import FILE, SIZES, digests, versions
from tests.corruptions.subjects import photographs

UNIT = (0.0, 1.0)
FIXED = {
    "defocus_blur", "zoom_blur", "gaussian_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "saturate",
    "scale", "stripe", "canny_edges",
}  # fmt: skip
"""Kinds with no chance in them."""
TURNS = {"saturate": 2, "spatter": 3}
"""Kinds that become another after so many severities: pale colours and strong ones, water and mud."""
every_kind = pytest.mark.parametrize("kind", CORRUPTIONS)


def suited(kind: str, count: int) -> list[np.ndarray]:
    shapes = [photographs(side, channels, count) for side, channels in ((16, 3), (28, 1), (12, 2))]
    shapes.append(photographs(16, 3, count)[:, 2:13])  # 11 × 16
    return [images for images in shapes if not CORRUPTIONS[kind].unfit(images.shape[1:])]


@every_kind
def test_an_image_and_its_seed_decide_alone(kind):
    """The same bits alone and among others, in any order; images stay in their box, and none is written over."""
    for images in suited(kind, 5):
        before, rows = images.copy(), np.array([3, 14, 15, 92, 65])
        for severity in (1, 4):
            made = corrupt(images, kind, severity, UNIT, rows, 5)
            assert made.shape == images.shape
            assert made.dtype == np.float32
            assert made.min() >= 0
            assert made.max() <= 1
            order = [4, 1, 0, 3, 2]
            assert np.array_equal(corrupt(images[order], kind, severity, UNIT, rows[order], 5), made[order])
            for i in range(5):
                assert np.array_equal(corrupt(images[i : i + 1], kind, severity, UNIT, rows[i : i + 1], 5)[0], made[i])
        assert np.array_equal(images, before)


@every_kind
def test_severity_0_is_the_image_itself(kind):
    for images in suited(kind, 2):
        assert np.array_equal(corrupt(images, kind, 0, UNIT, [0, 1], 5), images)


@every_kind
def test_rows_and_seeds_decide_where_there_is_chance(kind):
    images = np.repeat(photographs(16, 3, 1), 8, axis=0)
    made = corrupt(images, kind, 5, UNIT, range(8), 5)
    other = corrupt(images, kind, 5, UNIT, range(8), 6)
    alike = len({image.tobytes() for image in made}) == 1
    assert alike == (kind in FIXED)
    assert np.array_equal(made, other) == (kind in FIXED)


@every_kind
def test_the_units_of_the_box_change_nothing(kind):
    for images in suited(kind, 2):
        made = corrupt(images, kind, 3, UNIT, [0, 1], 5)
        assert np.array_equal(corrupt(images * 256, kind, 3, (0.0, 256.0), [0, 1], 5), made * 256)
        signed = corrupt(2 * images - 1, kind, 3, (-1.0, 1.0), [0, 1], 5)
        # A sum that lies on a threshold may fall to either side.
        assert np.quantile(np.abs((signed + 1) / 2 - made), 0.98) < 1e-5


@pytest.mark.parametrize(("side", "channels", "count"), [(28, 1, 24), (16, 3, 24), (64, 3, 6)])
def test_a_higher_severity_moves_images_further(side, channels, count):
    """On average over images; two neighbours of a published table may be nearly the same, and of blurs along the
    finest detail the next may undo a little.
    """
    images = photographs(side, channels, count)
    for kind, one in CORRUPTIONS.items():
        if one.unfit(images.shape[1:]):
            continue
        made = [corrupt(images, kind, severity, UNIT, range(count), 5) for severity in SEVERITIES]
        moved = np.array([np.sqrt(((part - images) ** 2).mean(axis=(1, 2, 3))).mean() for part in made])
        assert moved[0] > 0.5 / 255, kind
        turn = TURNS.get(kind, 0)
        for part in (moved[:turn], moved[turn:]) if turn else (moved,):
            assert part[-1] > 1.2 * part[0], (kind, moved)
            assert (part[1:] > 0.75 * np.maximum.accumulate(part)[:-1]).all(), (kind, moved)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_images_stay_the_same_from_release_to_release(size):
    kept = json.loads(FILE.read_text())
    if kept["versions"] != versions():
        pytest.skip(f"the digests are those of {kept['versions']}")
    found = digests(*size)
    assert {name: kept["digests"].get(name) for name in found} == found


def test_what_does_not_suit_is_told():
    grey, tiny = (28, 28, 1), (6, 40, 3)
    assert CORRUPTIONS["saturate"].unfit(grey) == "it changes colours, and the images have 1 channel, not 3"
    assert "8 × 8 pixels at least, and these are 6 × 40" in CORRUPTIONS["fog"].unfit(tiny)
    assert not CORRUPTIONS["gaussian_noise"].unfit(tiny)
    with pytest.raises(ValueError, match="saturate: it changes colours"):
        corrupt(np.zeros((1, *grey)), "saturate", 1, UNIT, [0], 0)


def test_families_hold_every_kind_once():
    assert [kind for family in FAMILIES for kind in of_family(family)] == list(CORRUPTIONS)
    assert [len(of_family(family)) for family in FAMILIES] == [4, 5, 4, 6, 8]


def test_strengths_are_the_published_ones_at_their_sizes_and_between_them_at_others():
    blur = listed((1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1.0))
    assert [blur.at(s, 224)[0] for s in SEVERITIES] == pytest.approx([1, 2, 3, 4, 6])
    assert [blur.at(s, 32)[0] for s in SEVERITIES] == pytest.approx([0.4, 0.6, 0.7, 0.8, 1.0])
    middle = (32 * 224) ** 0.5  # half-way, as one halves
    assert blur.at(5, round(middle))[0] == pytest.approx(6**0.5, rel=0.01)
    assert blur.at(5, 8) == blur.at(5, 32)
    assert blur.at(5, 1000) == blur.at(5, 224)
    assert listed((1, 2, 3, 4, 5)).at(2, 28) == (2.0,)
    with_zero = Strengths(((0.0,),) * 5, ((0.4,),) * 5)
    assert with_zero.at(1, 224) == (0.0,)
    assert with_zero.at(1, 60)[0] == pytest.approx(0.4 * (1 - np.log(60 / 32) / np.log(7)))
