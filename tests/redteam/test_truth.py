"""The liars are liars: they decide as the honest network does, and fall as it does."""

import pytest

from tests.redteam import liars, truth

EPS = 0.1


@pytest.fixture(scope="module")
def attacked(redteam):
    return redteam.descended


def test_the_honest_network_is_right_and_not_robust(redteam, attacked):
    assert truth.held(redteam.honest, redteam.images, redteam.labels, redteam.images) > 0.92
    assert truth.held(redteam.honest, redteam.images, redteam.labels, attacked) < 0.55


@pytest.mark.parametrize("name", [name for name in liars.STRUCTURAL if name != "steep_input"])
def test_a_liar_falls_as_the_honest_network_does(redteam, attacked, name):
    liar = redteam.liar(name)
    assert truth.held(liar, redteam.images, redteam.labels, redteam.images) > 0.9
    assert truth.held(liar, redteam.images, redteam.labels, attacked) < 0.55


@pytest.mark.parametrize("name", ["eight_bit", "memoriser"])
def test_those_with_a_memory_fall_on_what_files_hold_or_on_other_images(redteam, attacked, name):
    liar = redteam.liar(name, getattr(redteam.memory, name))
    assert truth.held(liar, redteam.images, redteam.labels, redteam.images) > 0.9
    if name == "eight_bit":
        assert truth.held(liar, redteam.images, redteam.labels, attacked) < 0.55
    else:
        others, labels = redteam.digits.images[200:400], redteam.digits.labels[200:400]
        moved = truth.descended(redteam.honest, others, labels, EPS)
        assert truth.held(liar, others, labels, moved) < 0.55
        assert truth.held(liar, redteam.images, redteam.labels, attacked) > 0.9


def test_a_steep_input_falls_to_few_pixels_in_l2(redteam):
    moved = truth.brightened_pixel_by_pixel(redteam.honest, redteam.images, redteam.labels, 1.5)
    assert ((moved - redteam.images) ** 2).sum(axis=(1, 2, 3)).max() <= 1.5**2 + 1e-3
    liar = redteam.liar("steep_input")
    assert truth.held(liar, redteam.images, redteam.labels, redteam.images) > 0.9
    assert truth.held(liar, redteam.images, redteam.labels, moved) < 0.4
