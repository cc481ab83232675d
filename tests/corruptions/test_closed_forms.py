"""Single corruptions, beside what they have to be."""

import colorsys
import io
import math

import numpy as np
import pytest
from PIL import Image

from auditor.corruptions.registry import CORRUPTIONS, corrupt
from auditor.corruptions.severity import SEVERITIES
from auditor.corruptions.warping import sampled, warped
from tests.corruptions.subjects import photographs

UNIT = (0.0, 1.0)
IDENTITY, NOWHERE = np.eye(2), (0, 0)


def level(kind, severity, side):
    return CORRUPTIONS[kind].strengths.at(severity, side)


def flat(value, side=64, channels=1, count=4):
    return np.full((count, side, side, channels), value, np.float32)


def point(side, channels=1):
    """A white pixel in the middle of black."""
    image = np.zeros((1, side, side, channels), np.float32)
    image[0, side // 2, side // 2] = 1
    return image


def moments(image):
    """Sum, mean place and variance along rows and columns of a grey image (H, W)."""
    total = image.sum()
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    middle = [(image * at).sum() / total for at in (rows, columns)]
    spread = [(image * (at - m) ** 2).sum() / total for at, m in zip((rows, columns), middle, strict=True)]
    return total, middle, spread


@pytest.mark.parametrize("severity", [1, 5])
def test_noise_has_the_spread_it_says(severity):
    grey = flat(0.5, count=8)
    for kind, expected in (
        ("gaussian_noise", level("gaussian_noise", severity, 64)[0]),
        ("speckle_noise", 0.5 * level("speckle_noise", severity, 64)[0]),
        ("shot_noise", math.sqrt(0.5 / level("shot_noise", severity, 64)[0])),
    ):
        made = corrupt(grey, kind, severity, UNIT, range(8), 0)
        if severity == 1:  # later, what leaves the box is cut off
            assert made.std() == pytest.approx(expected, rel=0.02)
        assert made.mean() == pytest.approx(0.5, abs=0.01)
    share = level("impulse_noise", severity, 64)[0]
    salted = corrupt(grey, "impulse_noise", severity, UNIT, range(8), 0)
    assert (salted == 1).mean() == pytest.approx(share / 2, rel=0.1)
    assert (salted == 0).mean() == pytest.approx(share / 2, rel=0.1)
    assert ((salted == 0.5) | (salted == 1) | (salted == 0)).all()


def test_blurs_spread_a_point_as_they_say():
    side = 96
    soft = corrupt(point(side), "gaussian_blur", 5, UNIT, [0], 0)[0, ..., 0]
    sigma = level("gaussian_blur", 5, side)[0]
    total, middle, spread = moments(soft)
    assert total == pytest.approx(1, abs=1e-5)
    assert middle == pytest.approx([side // 2] * 2, abs=1e-4)
    assert spread == pytest.approx([sigma**2] * 2, rel=0.01)

    disc = corrupt(point(side), "defocus_blur", 5, UNIT, [0], 0)[0, ..., 0]
    (radius,) = level("defocus_blur", 5, side)
    total, middle, spread = moments(disc)
    assert total == pytest.approx(1, abs=1e-5)
    # A disc's variance is a quarter of its squared radius; that of a point shared between two pixels is a sixth.
    assert spread == pytest.approx([radius**2 / 4 + 1 / 6] * 2, rel=0.02)

    for row in range(3):
        trace = corrupt(point(side), "motion_blur", 5, UNIT, [row], 0)[0, ..., 0]
        total, middle, spread = moments(trace)
        assert total == pytest.approx(1, abs=1e-3)
        assert middle[1] < side // 2  # to one side alone
        assert abs(middle[0] - side // 2) <= abs(middle[1] - side // 2) + 1  # at 45 degrees at most


def test_what_has_no_structure_stays_flat():
    """Blurs, warps and averages of a constant image are that image."""
    for kind in (
        "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur", "contrast", "elastic_transform",
        "pixelate", "shear", "scale", "rotate", "translate",
    ):  # fmt: skip
        for side in (20, 224):
            made = corrupt(flat(0.3, side, 3, 1), kind, 4, UNIT, [0], 0)
            assert made == pytest.approx(np.float32(0.3), abs=1e-5), (kind, side)


def test_glass_shows_pixels_from_nearby_and_none_from_nowhere():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))[None, ..., None]
    made = corrupt(ramp, "glass_blur", 1, UNIT, [0], 0)
    reach = max(1, round(level("glass_blur", 1, 64)[1])) * max(1, round(level("glass_blur", 1, 64)[2]))
    assert np.abs(made - ramp).max() < (8 * reach + 3) / 63  # chains of moves have a length, too
    assert np.abs(made - ramp)[0, 8:-8, 8:-8].mean() > 0.3 / 63


def test_colours_are_changed_as_the_standard_library_would():
    image = photographs(16, 3, 1)
    bright = corrupt(image, "brightness", 3, UNIT, [0], 0)[0]
    pale = corrupt(image, "saturate", 2, UNIT, [0], 0)[0]
    strong = corrupt(image, "saturate", 4, UNIT, [0], 0)[0]
    (plus,), pales, strongs = level("brightness", 3, 16), level("saturate", 2, 16), level("saturate", 4, 16)
    for row in range(16):
        for column in range(16):
            h, s, v = colorsys.rgb_to_hsv(*map(float, image[0, row, column]))
            assert bright[row, column] == pytest.approx(colorsys.hsv_to_rgb(h, s, min(1, v + plus)), abs=1e-5)
            for made, (times, more) in ((pale, pales), (strong, strongs)):
                expected = colorsys.hsv_to_rgb(h, min(1, s * times + more), v)
                assert made[row, column] == pytest.approx(expected, abs=1e-5)
    grey = flat(0.25)
    assert corrupt(grey, "brightness", 3, UNIT, range(4), 0) == pytest.approx(0.25 + level("brightness", 3, 64)[0])


def test_contrast_draws_towards_the_mean():
    image = photographs(32, 3, 1)
    means = image.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    for severity in SEVERITIES:
        expected = np.clip(means + level("contrast", severity, 32)[0] * (image - means), 0, 1)
        assert corrupt(image, "contrast", severity, UNIT, [0], 0) == pytest.approx(expected, abs=1e-6)


def test_coarse_pixels_are_means_of_what_they_cover():
    """At 224 pixels severity 5 leaves a quarter along each side, so that every pixel covers 4 × 4."""
    image = photographs(224, 3, 1)
    blocks = image.reshape(1, 56, 4, 56, 4, 3).mean(axis=(2, 4)).repeat(4, axis=1).repeat(4, axis=2)
    assert corrupt(image, "pixelate", 5, UNIT, [0], 0) == pytest.approx(blocks, abs=1e-5)
    other = corrupt(image, "pixelate", 4, UNIT, [0], 0)  # 67 for 224: parts of pixels count for as much as is covered
    assert other.mean(axis=(1, 2)) == pytest.approx(image.mean(axis=(1, 2)), abs=0.01)
    assert len(np.unique(other[0, :, 0, 0])) <= 67


def test_compression_is_that_of_the_library():
    for image in (photographs(48, 3, 1), photographs(48, 1, 1)):
        levels = np.rint(image[0] * 255).astype(np.uint8)
        held = io.BytesIO()
        quality = round(level("jpeg_compression", 5, 48)[0])
        Image.fromarray(levels if image.shape[-1] == 3 else levels[..., 0]).save(held, "JPEG", quality=quality)
        expected = np.asarray(Image.open(held), np.float32).reshape(image.shape[1:]) / 255
        assert corrupt(image, "jpeg_compression", 5, UNIT, [0], 0)[0] == pytest.approx(expected, abs=1e-6)


def test_fog_keeps_the_brightest_value_and_brightens_the_dark():
    image = photographs(28, 1, 1)
    made = corrupt(image, "fog", 3, UNIT, [0], 0)
    assert made.max() <= image.max() + 1e-6
    assert made.min() > image.min()


def test_shapes_move_pixels_where_they_should():
    side = 29
    image = point(side)
    moved = {tuple(np.argwhere(corrupt(image, "translate", 3, UNIT, [r], 0)[0, ..., 0] == 1)[0]) for r in range(30)}
    far = round(level("translate", 3, side)[0] * side)
    assert moved == {(14 + a * far, 14 + b * far) for a in (-1, 1) for b in (-1, 1)}
    digit = photographs(28, 1, 1)
    wide = round(level("stripe", 5, 28)[0] * 28)
    striped = corrupt(digit, "stripe", 5, UNIT, [0], 0)
    assert np.array_equal(striped[:, :, wide:-wide], digit[:, :, wide:-wide])
    assert striped[:, :, :wide] == pytest.approx(1 - digit[:, :, :wide])
    square = np.zeros((1, 41, 41, 1), np.float32)
    square[:, 10:31, 10:31] = 1
    half = corrupt(square, "scale", 5, UNIT, [0], 0)
    assert half.sum() == pytest.approx(square.sum() / 4, rel=0.1)


def test_lines_are_drawn_so_that_they_show():
    for value, ink in ((0.1, 1.0), (0.9, 0.0)):
        for kind in ("dotted_line", "zigzag"):
            covered = [
                (np.abs(corrupt(flat(value, 28, 1, 16), kind, s, UNIT, range(16), 0) - value) > 0.3).mean()
                for s in SEVERITIES
            ]
            assert covered == sorted(covered)
            assert covered[0] > 0.01
            made = corrupt(flat(value, 28, 1, 16), kind, 5, UNIT, range(16), 0)
            assert (np.abs(made - ink) < 0.1).any(axis=(1, 2, 3)).all(), kind


def test_edges_of_a_square_are_its_outline():
    square = np.zeros((1, 28, 28, 1), np.float32)
    square[:, 8:20, 8:20] = 1
    edges = corrupt(square, "canny_edges", 5, UNIT, [0], 0)[0, ..., 0]
    rows, columns = np.nonzero(edges)
    assert set(np.unique(edges)) == {0.0, 1.0}
    outside = np.maximum(np.abs(rows - 13.5), np.abs(columns - 13.5))
    assert ((outside > 4) & (outside < 8)).all()
    assert 36 <= len(rows) <= 60
    assert not corrupt(flat(0.5, 28), "canny_edges", 5, UNIT, range(4), 0).any()


def test_turns_and_borders():
    image = photographs(16, 3, 2).astype(np.float64)
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    for interpolation in ("bilinear", "nearest"):
        turned = warped(image, [quarter] * 2, [NOWHERE] * 2, "black", interpolation)
        assert turned == pytest.approx(np.rot90(image, axes=(1, 2)), abs=1e-9)
        assert np.array_equal(warped(image, [IDENTITY] * 2, [NOWHERE] * 2, "black", interpolation), image)
    right = [(0, 3)] * 2
    assert (warped(image, [IDENTITY] * 2, right, "black")[:, :, :3] == 0).all()
    assert np.array_equal(warped(image, [IDENTITY] * 2, right, "edge")[:, :, :3], image[:, :, :1].repeat(3, axis=2))
    assert np.array_equal(warped(image, [IDENTITY] * 2, right, "mirror")[:, :, :3], image[:, :, 3:0:-1])
    rows, columns = np.mgrid[:16, :16]
    between = sampled(image, rows[None] + 0.25, columns[None] * 1.0, "edge")
    assert between[:, :15] == pytest.approx(0.75 * image[:, :15] + 0.25 * image[:, 1:])
