"""Gradients with regard to images, the same as TensorFlow's and faster where images have few channels.

A convolution's gradient with regard to its input is a convolution too, with as many outputs as the input has channels.
For the first layer these are one or three, which leaves most of a processor's vector lanes idle: a quarter of the time
of a small network's gradient goes there. Here several neighbouring pixels are computed as channels of one place, by a
convolution that strides over them, and are put in their places afterwards: the same sums of the same products.

References
    Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel CNN, CVPR 2016 (the
    rearrangement); Is the deconvolution layer the same as a convolutional layer?, 2016 (why it is the same).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from auditor.compute import tensorflow
from auditor.values import Tensor

_LANES = 16  # of a vector register, in float32
_NAME = "AuditedConv2D"


@contextmanager
def traced() -> Iterator[None]:
    """What is traced here into a graph can be differentiated by `gradient`."""
    _register()
    with tensorflow().compat.v1.get_default_graph().gradient_override_map({"Conv2D": _NAME}):
        yield


def gradient(value: Tensor, images: Tensor) -> Tensor | None:
    """Differentiate the sum of `value`, traced within `traced`, by images (N, H, W, C); None if it can't be."""
    (found,) = tensorflow().gradients(value, images)
    return found


@cache
def _register() -> None:
    tensorflow().RegisterGradient(_NAME)(_of_convolution)


def _of_convolution(op: Any, above: Tensor) -> tuple[Tensor, Tensor]:
    """What a Conv2D passes down to its input and its filters; what nobody needs of it isn't computed."""
    raw = tensorflow().raw_ops
    images, filters = op.inputs
    how = {
        name: op.get_attr(name)
        for name in ("strides", "padding", "explicit_paddings", "use_cudnn_on_gpu", "data_format", "dilations")
    }
    sizes = tensorflow().shape(filters)
    to_filters = raw.Conv2DBackpropFilter(input=images, filter_sizes=sizes, out_backprop=above, **how)
    block = _block(op)
    if block > 1:
        return _by_blocks(op, above, block), to_filters
    shape = tensorflow().shape(images)
    return raw.Conv2DBackpropInput(input_sizes=shape, filter=filters, out_backprop=above, **how), to_filters


def _block(op: Any) -> int:
    """The side of the squares of pixels that fill a vector, at most 1 where that doesn't pay or isn't possible."""
    images, filters = (part.shape for part in op.inputs)
    plain = (
        op.get_attr("data_format") == b"NHWC"
        and list(op.get_attr("strides")) == [1, 1, 1, 1]
        and list(op.get_attr("dilations")) == [1, 1, 1, 1]
        and op.get_attr("padding") in (b"SAME", b"VALID")
        and images[1:].is_fully_defined()
        and filters.is_fully_defined()
        and filters[2] == images[3]
        and filters[:2].num_elements() > 1
        and not tensorflow().config.list_physical_devices("GPU")
    )
    return int((_LANES // images[3]) ** 0.5) if plain else 1


def _by_blocks(op: Any, above: Tensor, block: int) -> Tensor:
    """The gradient by the input: squares of `block` × `block` pixels at once."""
    tf = tensorflow()
    images, filters = op.inputs
    # Turned round, and with inputs and outputs exchanged, filters convolve what comes from above.
    height, width, channels, outputs = filters.shape
    turned = tf.reshape(tf.transpose(tf.reverse(filters, [0, 1]), (0, 1, 3, 2)), (-1, outputs, channels))
    ended = tf.pad(turned, ((0, 1), (0, 0), (0, 0)))  # one place more, for what lies outside
    places = np.full((height + block - 1, width + block - 1, block, block), height * width)
    for row, column in np.ndindex(block, block):
        within = np.arange(height * width).reshape(height, width)
        places[row : row + height, column : column + width, row, column] = within
    shifted = tf.transpose(tf.gather(ended, places), (0, 1, 4, 2, 3, 5))
    wide = tf.reshape(shifted, (*places.shape[:2], outputs, block * block * channels))
    margins = []
    for axis in (1, 2):
        reach, size = filters.shape[axis - 1] - 1, images.shape[axis]
        before = reach - reach // 2 if op.get_attr("padding") == b"SAME" else reach
        after = -(-size // block) * block + reach - before - above.shape[axis]
        margins.append((before, after))
    framed = tf.pad(above, ((0, 0), *margins, (0, 0)))
    found = tf.nn.depth_to_space(tf.nn.conv2d(framed, wide, block, "VALID"), block)
    return found[:, : images.shape[1], : images.shape[2]]
