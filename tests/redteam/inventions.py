"""More networks that look robust and aren't, of which the auditor's tests know nothing: each was made knowing them.

As in `liars`, each is a function from (honest, images) to logits, and decides as the honest network does on untouched
images.
"""

from typing import Any

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


INVENTED: dict[str, Liar] = {
    liar.__name__: liar
    for liar in (lamplit, blindfolded, stairs, without_layers, second_thoughts, chaotic, rippled, other_picture)
}
