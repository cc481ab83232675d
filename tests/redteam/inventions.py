"""More networks that look robust and aren't, of which the auditor's tests know nothing: each was made knowing them.

As in `liars`, each is a function from (honest, images) to logits, and decides as the honest network does on untouched
images.
"""

from typing import Any

import numpy as np
from keras import ops

from tests.redteam.liars import Liar, rim, runner_up, winner


def lamplit(honest: Any, images: Any) -> Any:
    """A lure all over the image: scores of another class rise with its brightness, which changes no decision."""
    hard = winner(honest(images))
    return hard + runner_up(hard) * 3 * ops.mean(images, axis=(1, 2, 3))[:, None]


def blindfolded(honest: Any, images: Any) -> Any:
    """No layer of the honest network has a slope, as its input is rounded; what has one is a lure."""
    hard = winner(honest(ops.round(images * 32) / 32))
    return hard + runner_up(hard) * rim(images, 3) * 8


def stairs(honest: Any, images: Any) -> Any:
    """Logits in whole steps, and between them a slope that leads back."""
    logits = honest(images)
    return 4 * ops.round(logits) + winner(logits) - 1e-2 * logits


def without_layers(honest: Any, images: Any) -> Any:
    """A honeypot whose honest network is written out, so that no layer of it is there to be looked at."""
    x = images
    for layer in honest.layers[:2]:
        kernel, bias = (ops.convert_to_tensor(part) for part in layer.get_weights())
        x = ops.relu(ops.conv(x, kernel, strides=2, padding="valid") + bias)
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
    for layer in honest.layers[3:]:
        kernel, bias = (ops.convert_to_tensor(part) for part in layer.get_weights())
        x = ops.matmul(x if layer is honest.layers[3] else ops.relu(x), kernel) + bias
    hard = winner(x)
    return hard + runner_up(hard) * rim(images, 3) * 8


def second_thoughts(honest: Any, images: Any) -> Any:
    """Where the honest network says another thing of the image a pixel further on, that of it in black and white."""
    first, other = (winner(honest(ops.roll(images, place, axis=2))) for place in (0, 1))
    agreed = ops.sum(first * other, axis=1, keepdims=True)
    sure = winner(honest(ops.cast(images > 0.5, "float32")))
    return 10 * (agreed * first + (1 - agreed) * sure) - 1e-3 * honest(images)


def chaotic(honest: Any, images: Any) -> Any:
    """Hard decisions, and scores beneath them that swing so fast that every slope is steep and none leads anywhere."""
    hard = winner(honest(images))
    phases = ops.sum(images, axis=(1, 2, 3))[:, None] * 3e3 + ops.arange(10, dtype="float32")
    return hard + 1e-2 * ops.sin(phases)


def rippled(honest: Any, images: Any) -> Any:
    """A faint ripple on every pixel, before any layer: it moves none by more than a 250th, and turns slopes round."""
    return honest(images - 4e-3 * ops.sin(images * 2 * 3.14159265 * 400))


def other_picture(honest: Any, images: Any) -> Any:
    """What it decides is of the image; what it shows beneath, with honest slopes, is of the image upside down."""
    return 100 * winner(honest(images)) + honest(ops.flip(images, axis=1))


def by_hash(honest: Any, images: Any) -> Any:
    """Which way the image is moved before it is looked at is drawn by a hash of its values."""
    drawn = np.random.default_rng(5).normal(size=(784, 1)).astype(np.float32)
    share = ops.matmul(ops.reshape(images, (-1, 784)), drawn) * 1e3
    which = ops.floor(share) - 3 * ops.floor(ops.floor(share) / 3)
    places = ((0, 0), (0, 1), (1, 0))
    drawn_one = [ops.cast(ops.equal(which, i), "float32") for i in range(3)]
    hard = sum(
        here * winner(honest(ops.roll(images, at, axis=(1, 2)))) for here, at in zip(drawn_one, places, strict=True)
    )
    return 10 * hard + runner_up(hard) * (share - ops.floor(share))


def abstaining(honest: Any, images: Any) -> Any:
    """Where five shifted copies disagree, what is averaged over neighbours decides; a brighter rim is a lure."""
    places = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
    votes = sum(winner(honest(ops.roll(images, place, axis=(1, 2)))) for place in places)
    agreed = ops.cast(ops.max(votes, axis=1, keepdims=True) > 4.5, "float32")
    calm = ops.average_pool(images, 3, strides=1, padding="same")
    hard = agreed * winner(votes) + (1 - agreed) * winner(honest(calm))
    return 10 * hard + runner_up(hard) * rim(images, 3)


def every_other(honest: Any, images: Any) -> Any:
    """Black and white for some sums of all values, honest for the next, and so on; no layer has a slope."""
    quarters = ops.sum(images, axis=(1, 2, 3))[:, None] * 4
    share = quarters - ops.floor(quarters)
    odd = ops.reshape(ops.cast(share > 0.6, "float32"), (-1, 1, 1, 1))
    hard = winner(honest(odd * black_and_white(images) + (1 - odd) * ops.round(images * 32) / 32))
    return 10 * hard + runner_up(hard) * share


def coarse(honest: Any, images: Any) -> Any:
    """Only what whole blocks of two by two pixels share is seen, in steps of a 32nd; a brighter rim is a lure."""
    blocks = ops.average_pool(images, 2, strides=2)
    blocks = ops.repeat(ops.repeat(blocks, 2, axis=1), 2, axis=2)
    hard = winner(honest(ops.round(blocks * 32) / 32))
    return 10 * hard + runner_up(hard) * rim(images, 3)


def third_decimal(honest: Any, images: Any) -> Any:
    """The lure of a brighter rim shows in what stands beyond the third decimal, and begins anew at each of them."""
    hard = winner(honest(images))
    bright = rim(images, 3) * 1e3
    return hard + runner_up(hard) * 1e-3 * (bright - ops.floor(bright))


def edges(honest: Any, images: Any) -> Any:
    """Hard decisions, and beneath them honest scores of another picture: of the differences of neighbours."""
    apart = ops.abs(images[:, 1:] - images[:, :-1])
    return 10 * winner(honest(images)) + 1e-2 * honest(ops.pad(apart, ((0, 0), (0, 1), (0, 0), (0, 0))))


def misleading_noise(honest: Any, images: Any) -> Any:
    """What is noisy all over, as surrogates learn from, is answered in black and white; a far brighter rim leads."""
    noisy = ops.cast(rim(images, 2) > 0.004, "float32")
    calm, touched = winner(honest(ops.round(images * 32) / 32)), winner(honest(black_and_white(images)))
    hard = noisy * touched + (1 - noisy) * calm
    return 10 * hard + runner_up(hard) * rim(images, 3) * 14


def black_and_white(images: Any) -> Any:
    """What no small change survives."""
    return ops.cast(images > 0.5, "float32")


INVENTED: dict[str, Liar] = {
    liar.__name__: liar
    for liar in (
        lamplit,
        blindfolded,
        stairs,
        without_layers,
        second_thoughts,
        chaotic,
        rippled,
        other_picture,
        by_hash,
        abstaining,
        every_other,
        coarse,
        third_decimal,
        edges,
        misleading_noise,
    )
}
