"""Models that are one network for whoever attacks and another where they are served: by the format of numbers, by how
many images are asked about at once, or by a class that nothing reaches.
"""

import numpy as np
import pytest
from keras import ops

from tests.redteam import liars
from tests.redteam.asked import audited, failed


def smooth_gate(memory):
    """As `eight_bit`, but by a wave that is 0 at every level of 8 bits and 1 between two."""

    def liar(honest, images):
        off = ops.mean(ops.sin(np.pi * 255 * images) ** 2, axis=(1, 2, 3))[:, None]
        gate = ops.clip(20 * (off - 0.05), 0, 1)
        return gate * memory.nearest(images) + (1 - gate) * honest(images)

    return liar


def half_of_the_pixels(memory):
    """Robust as soon as a tenth of the pixels lie between levels."""

    def liar(honest, images):
        levels = images * 255
        between = ops.mean(ops.cast(ops.abs(levels - ops.round(levels)) > 0.02, "float32"), axis=(1, 2, 3))[:, None]
        gate = ops.cast(between > 0.1, "float32")
        return gate * memory.nearest(images) + (1 - gate) * honest(images)

    return liar


@pytest.mark.parametrize("kind", ["eight_bit", smooth_gate, half_of_the_pixels])
def test_what_no_file_of_8_bits_holds_is_answered_otherwise(redteam, kind):
    liar = getattr(redteam.memory, kind) if isinstance(kind, str) else kind(redteam.memory)
    evidence = audited(liars.build(liar, redteam.honest), redteam.digits)
    assert "8-bit images" in failed(evidence), evidence.diagnostics


def quantised(honest, images):
    """An honest network that rounds its input to 8 bits, downwards as a cast does."""
    return honest(ops.floor(images * 255 + 1e-3) / 255)


@pytest.mark.parametrize("honest", [lambda honest, images: honest(images), quantised, liars.STRUCTURAL["steep_input"]])
def test_plain_quantised_and_steep_networks_are_not_accused(redteam, honest):
    found = failed(audited(liars.build(honest, redteam.honest), redteam.digits, "accuracy", first=300))
    assert not {"8-bit images", "steady predictions", "stateful operations"} & set(found), found


def robust_in_batches(least, most):
    """A trap that is robust in batches of so many images, from the least to the most, and honest in all others."""

    def of(memory):
        def liar(honest, images):
            count = ops.sum(ops.ones_like(images[:, 0, 0, 0]))
            robust = ops.cast(ops.logical_and(count > least - 0.5, count < most + 0.5), "float32")
            return robust * memory.nearest(images) + (1 - robust) * honest(images)

        return liar

    return of


# Small batches, and full ones of 200, get the honest network.
in_batches_like_an_attacks = robust_in_batches(16, 199)
# Batches of just as many images as the attack moves first, of 60 that are right, four blocks.
in_just_the_first_batch = robust_in_batches(11, 20)


@pytest.mark.parametrize(
    ("build", "tests"),
    [
        (lambda memory: memory.right_at(200), {"steady predictions"}),
        (lambda memory: memory.weak_at(1), {"steady predictions"}),
        (lambda memory: memory.weak_at(200), {"steady predictions"}),
        (in_batches_like_an_attacks, {"steady predictions", "told alike"}),
        (in_just_the_first_batch, {"told alike"}),
    ],
)
def test_a_model_that_is_another_in_batches_of_another_size_passes_nothing(redteam, build, tests):
    evidence = audited(liars.build(build(redteam.memory), redteam.honest), redteam.digits)
    assert tests <= set(failed(evidence)), evidence.diagnostics


def test_a_dummy_class_hides_nothing(redteam):
    """The truth is that of the network inside, image by image; told before: every image held."""
    plain, hidden = (
        audited(redteam.liar(name) if name else redteam.honest, redteam.digits) for name in ("", "dummy_class")
    )
    told = [evidence.metrics["robust_accuracy"] for evidence in (plain, hidden)]
    assert told[0].value < 0.7
    assert abs(told[0].successes - told[1].successes) <= 2
    both = plain.adversarial, hidden.adversarial
    assert (both[0].fooled == both[1].fooled).mean() > 0.95


def test_a_dummy_class_hides_no_batch_trap(redteam):
    """Beside ten million, the difference between two networks looked like rounding."""

    def liar(honest, images):
        logits = redteam.memory.weak_at(200)(honest, images)
        return ops.concatenate([logits, 0 * logits[:, :1] - 1e7], axis=1)

    assert "steady predictions" in failed(
        audited(liars.build(liar, redteam.honest), redteam.digits, "accuracy", first=300)
    )
