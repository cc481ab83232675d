"""Random numbers inside the compiled loop that belong to an image and a step, whatever stands beside them.

pcg4d of Jarzynski and Olano, Hash Functions for GPU Rendering, JCGT 2020: an image's key, the step and the
position are hashed together, so drawing takes a few integer operations and no state.
"""

import math

from auditor.compute import tensorflow
from auditor.values import Tensor


def uniform(keys: Tensor, t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Uniform numbers in [0, 1), (N, *shape), for keys (N, 2) and step t."""
    tf = tensorflow()
    count = math.prod(shape)
    blocks = -(-count // 4)
    place = tf.range(blocks, dtype=tf.int32)[None, :]
    here = tf.zeros_like(keys[:, :1])
    parts = [keys[:, :1] + 0 * place, keys[:, 1:] + 0 * place, here + t + 0 * place, here + place]
    x, y, z, w = (tf.bitcast(part, tf.uint32) * tf.constant(1664525, tf.uint32) + 1013904223 for part in parts)
    x, y, z, w = _mixed(x, y, z, w)
    x, y, z, w = (_folded(part) for part in (x, y, z, w))
    drawn = tf.stack(_mixed(x, y, z, w), axis=2)
    # float32 has 24 bits: the upper ones, since the lower ones of such hashes are the weaker.
    numbers = tf.cast(tf.bitwise.right_shift(drawn, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24
    return tf.reshape(tf.reshape(numbers, (-1, 4 * blocks))[:, :count], (-1, *shape))


def normal(keys: Tensor, t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers (N, *shape), by Box and Muller, 1958."""
    tf = tensorflow()
    drawn = uniform(keys, t, (2, *shape))
    return tf.sqrt(-2 * tf.math.log(1 - drawn[:, 0])) * tf.cos(2 * math.pi * drawn[:, 1])


def _mixed(x: Tensor, y: Tensor, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x = x + y * w
    y = y + z * x
    z = z + x * y
    w = w + y * z
    return x, y, z, w


def _folded(part: Tensor) -> Tensor:
    tf = tensorflow()
    return tf.bitwise.bitwise_xor(part, tf.bitwise.right_shift(part, tf.constant(16, tf.uint32)))
