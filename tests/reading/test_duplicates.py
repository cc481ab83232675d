"""Which images are one: exactly, but for faint noise, never more; whatever the box, and quickly."""

import time

import numpy as np
import pytest

from auditor.reading.duplicates import first_alike

BOXES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0), (0.0, 65535.0))
RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.random((20, 9, 7, 3))


def first(images: np.ndarray, box: tuple[float, float] = (0.0, 1.0)) -> list[int]:
    low, high = box
    return first_alike((low + (high - low) * images).astype(np.float32), box).tolist()


def by_hand(images: np.ndarray, near: float) -> list[int]:
    """The same by comparing each image with every one that is kept."""
    found: list[int] = []
    for i, image in enumerate(images):
        kept = [j for j in range(i) if found[j] == j]
        found.append(next((j for j in kept if np.abs(images[j] - image).max() <= near), i))
    return found


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("noise", [0, 1], ids=["exact", "a grey level of noise"])
def test_copies_are_one_wherever_they_stand(box, noise):
    levels = np.round(PHOTOS[np.arange(60) % 20] * 255) + RANDOM.integers(-noise, noise + 1, (60, 9, 7, 3))
    order = RANDOM.permutation(60)
    original = (order % 20).tolist()
    wanted = [original.index(number) for number in original]
    assert first(np.clip(levels / 255, 0, 1)[order], box) == wanted


@pytest.mark.parametrize("box", BOXES)
def test_images_that_differ_in_one_value_are_two(box):
    other = PHOTOS[:1].copy()
    other[0, 4, 4, 1] += 3 / 255
    assert first(np.concatenate([PHOTOS[:1], other]), box) == [0, 1]
    other[0, 4, 4, 1] -= 1 / 255
    assert first(np.concatenate([PHOTOS[:1], other]), box) == [0, 0]


def test_what_repeats_is_like_the_image_that_it_repeats():
    """Shades that differ by a level each: of three, the last is told from the first, and so on."""
    shades = np.ones((12, 5, 4, 1)) * (np.arange(12) / 255).reshape(-1, 1, 1, 1) + 0.2
    images = np.concatenate([shades, [np.ones((5, 4, 1))]])
    assert first(images) == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9, 12]


def test_it_agrees_with_comparing_all():
    images = np.repeat(RANDOM.random((40, 6, 6, 1)), 3, axis=0) + RANDOM.normal(0, 0.7 / 255, (120, 6, 6, 1))
    images = np.clip(images, 0, 1)[RANDOM.permutation(120)].astype(np.float32)
    found = first_alike(images, (0.0, 1.0)).tolist()
    assert found == by_hand(images, 2.5 / 255)
    assert 40 <= len(set(found)) < 120


def test_values_in_a_small_part_of_a_wide_box_are_measured_by_themselves():
    """Readings of 12 bits declared as 16: what differs by a hundredth of the box differs by a sixth of them."""
    readings = RANDOM.integers(0, 4096, (30, 6, 6, 1)) * 0.15
    assert len(set(first_alike(readings.astype(np.float32), (0.0, 65535.0)).tolist())) == 30


@pytest.mark.parametrize("shape", [(2, 2, 1), (1, 30, 1), (3, 2, 4), (8, 8, 13)])
def test_images_of_any_shape(shape):
    images = RANDOM.random((7, *shape))
    assert first(np.concatenate([images, images])) == [*range(7), *range(7)]


def test_many_images_take_little_time():
    images = RANDOM.random((10_000, 28, 28, 1), np.float32)
    images[5000:] = images[:5000]
    began = time.process_time()
    assert len(set(first_alike(images, (0.0, 1.0)).tolist())) == 5000
    assert time.process_time() - began < 5
