import io

import numpy as np
import pytest
from PIL import Image

from auditor.drawing.pixels import pixels, pngs
from auditor.values import Palette, Panel


def image(*values: float) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, -1, 1)


def drawn_alone(one: np.ndarray, palette: Palette, limits: tuple[float, float]) -> np.ndarray:
    return drawn(one[np.newaxis], palette, limits)[0]


def drawn(images: np.ndarray, palette: Palette, limits: tuple[float, float]) -> list[np.ndarray]:
    made = pngs(Panel(images, (), "", palette, limits))
    return [np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in made]


def test_grey_runs_from_black_to_white_and_clips() -> None:
    drawn = drawn_alone(image(-9, 0, 0.5, 1, 9), "grey", (0.0, 1.0))
    assert drawn[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert (drawn[..., 0] == drawn[..., 1]).all()
    assert drawn_alone(image(-1, 1), "grey", (-1.0, 1.0))[0, :, 0].tolist() == [0, 255]


def test_diverging_is_red_below_white_in_the_middle_and_blue_above() -> None:
    low, middle, high = drawn_alone(image(-0.5, 0.0, 0.5), "diverging", (-0.5, 0.5))[0].tolist()
    assert (low, middle, high) == ([255, 0, 0], [255, 255, 255], [0, 0, 255])
    slightly = drawn_alone(image(0.1, -0.1), "diverging", (-0.5, 0.5))[0].astype(int)
    assert slightly[0, 2] > slightly[0, 0]
    assert slightly[1, 0] > slightly[1, 2]


def test_colours_are_kept() -> None:
    colours = np.array([[[1.0, 0.0, 0.5]]])
    assert drawn_alone(colours, "grey", (0.0, 1.0))[0, 0].tolist() == [255, 0, 128]


@pytest.mark.parametrize("palette", ["grey", "diverging"])
def test_what_is_no_number_stands_out(palette: str) -> None:
    drawn = drawn_alone(image(np.nan, np.inf, -np.inf), palette, (-1.0, 1.0))
    assert drawn[0, 0].tolist() == [255, 200, 0]
    assert drawn[0, 1].tolist() != [255, 200, 0]
    assert drawn[0, 2].tolist() != drawn[0, 1].tolist()


def test_images_of_a_panel_are_drawn_one_by_one() -> None:
    images = np.stack([image(0.0, 1.0), image(np.nan, 1.0), image(1.0, 0.0)])
    first, second, third = (one[0].tolist() for one in drawn(images, "grey", (0.0, 1.0)))
    assert first == [[0, 0, 0], [255, 255, 255]]
    assert second == [[255, 200, 0], [255, 255, 255]]
    assert third == first[::-1]
    assert drawn(images[:0], "grey", (0.0, 1.0)) == []


@pytest.mark.parametrize("side", [3, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_browser_sees_what_was_drawn(side: int, channels: int) -> None:
    one = np.random.default_rng(0).random((side, side + 1, channels))
    seen = drawn_alone(one, "grey", (0.0, 1.0))
    assert (seen == (one * 255).round()).all()


def test_limits_of_no_width_and_empty_images_are_drawn() -> None:
    assert pixels(image(0.0, 1.0), "grey", (0.5, 0.5)).shape == (1, 2)
    assert drawn_alone(np.zeros((0, 4, 1)), "grey", (0.0, 1.0)).shape == (1, 1, 3)
