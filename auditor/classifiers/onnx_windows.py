"""Operators of ONNX that slide a window over images, in TensorFlow: convolutions and pools, of channels first."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from auditor.classifiers.onnx_node import Node, UntranslatedError
from auditor.compute import tensorflow

_LEAST = float(np.finfo(np.float32).min)


def convolution(node: Node, images: Any, kernel: Any, bias: Any = None) -> Any:
    """`Conv` of images (N, C, H, W) by a constant kernel (M, C / groups, h, w)."""
    tf = tensorflow()
    _check_planar(node, images)
    if not isinstance(kernel, np.ndarray):
        raise UntranslatedError("Conv with a kernel that is computed")
    groups, channels = node.get("group", 1), images.shape[1]
    strides, wide = node.get("strides", [1, 1]), _spread(node, kernel)
    pads = _pads(node, images.shape[2:], wide.shape[2:], strides)
    given = tf.pad(tf.transpose(images, (0, 2, 3, 1)), [(0, 0), *pads, (0, 0)])
    kernels = wide.transpose(2, 3, 1, 0)  # (h, w, C / groups, M)
    if groups == channels > 1 and strides[0] == strides[1]:
        each = kernels.reshape(*kernels.shape[:2], channels, -1)
        found = tf.nn.depthwise_conv2d(given, each, [1, *strides, 1], "VALID")
    else:  # nor has it one of groups
        parts = zip(tf.split(given, groups, -1), np.split(kernels, groups, -1), strict=True)
        found = tf.concat([tf.nn.conv2d(part, one, strides, "VALID") for part, one in parts], -1)
    return tf.transpose(found if bias is None else found + bias, (0, 3, 1, 2))


def turned_convolution(node: Node, images: Any, kernel: Any, bias: Any = None) -> Any:
    """`ConvTranspose` of images (N, C, H, W) by a constant kernel (C, M / groups, h, w)."""
    tf = tensorflow()
    _check_planar(node, images)
    if not isinstance(kernel, np.ndarray):
        raise UntranslatedError("ConvTranspose with a kernel that is computed")
    groups, strides, wide = node.get("group", 1), node.get("strides", [1, 1]), _spread(node, kernel)
    more = node.get("output_padding", [0, 0])
    whole = [(n - 1) * step + reach for n, step, reach in zip(images.shape[2:], strides, wide.shape[2:], strict=True)]
    cuts = _cuts(node, images.shape[2:], [length + rest for length, rest in zip(whole, more, strict=True)])
    sizes = [tf.shape(images)[0], *whole, wide.shape[1]]
    parts = zip(tf.split(tf.transpose(images, (0, 2, 3, 1)), groups, -1), np.split(wide, groups), strict=True)
    found = tf.concat(
        [tf.nn.conv2d_transpose(part, one.transpose(2, 3, 1, 0), sizes, strides, "VALID") for part, one in parts], -1
    )
    found = tf.pad(found, [(0, 0), *((0, rest) for rest in more), (0, 0)])
    rows, columns = (
        slice(before, length + rest - after) for (before, after), length, rest in zip(cuts, whole, more, strict=True)
    )
    found = found[:, rows, columns]
    return tf.transpose(found if bias is None else found + bias, (0, 3, 1, 2))


def max_pool(node: Node, images: Any) -> Any:
    """`MaxPool` of images (N, C, H, W)."""
    tf = tensorflow()
    size, strides, pads, beyond = _window(node, images)
    all_round = [(before, after + more) for (before, after), more in zip(pads, beyond, strict=True)]
    given = tf.pad(tf.transpose(images, (0, 2, 3, 1)), [(0, 0), *all_round, (0, 0)], constant_values=_LEAST)
    return tf.transpose(tf.nn.max_pool2d(given, size, strides, "VALID"), (0, 3, 1, 2))


def average_pool(node: Node, images: Any) -> Any:
    """`AveragePool` of images (N, C, H, W): of what lies within a window, padding included where the node says so."""
    tf = tensorflow()
    size, strides, pads, beyond = _window(node, images)
    counted = np.ones([1, *images.shape[2:], 1], np.float32)
    padding = [(0, 0), *pads, (0, 0)]
    counted = np.pad(counted, padding, constant_values=float(node.get("count_include_pad", 0)))
    rest = [(0, 0), *((0, more) for more in beyond), (0, 0)]
    given = tf.pad(tf.pad(tf.transpose(images, (0, 2, 3, 1)), padding), rest)
    with tf.init_scope():
        share = tf.nn.avg_pool2d(np.pad(counted, rest), size, strides, "VALID").numpy()
    return tf.transpose(tf.nn.avg_pool2d(given, size, strides, "VALID") / share, (0, 3, 1, 2))


def _window(node: Node, images: Any) -> tuple[list[int], list[int], list[tuple[int, int]], list[int]]:
    """Size and strides of a window, the padding before and after each side, and what `ceil_mode` adds behind that."""
    _check_planar(node, images)
    size = list(node.get("kernel_shape", []))
    if any(step != 1 for step in node.get("dilations", [1, 1])):
        raise UntranslatedError(f"{node.kind} with dilations")
    if node.outputs > 1:
        raise UntranslatedError(f"{node.kind} with several outputs")
    strides = list(node.get("strides", [1, 1]))
    pads, beyond = _pads(node, images.shape[2:], size, strides), [0, 0]
    if node.get("ceil_mode", 0):
        for side, (length, (before, after)) in enumerate(zip(images.shape[2:], pads, strict=True)):
            windows = ceil((length + before + after - size[side]) / strides[side]) + 1
            if (windows - 1) * strides[side] >= length + before:  # one that would begin behind the images
                windows -= 1
            beyond[side] = max(0, (windows - 1) * strides[side] + size[side] - length - before - after)
    return size, strides, pads, beyond


def _pads(node: Node, lengths: Sequence[int], size: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """What is padded before and after each side."""
    way = node.get("auto_pad", b"NOTSET").decode()
    if way == "NOTSET":
        told = node.get("pads", [0, 0, 0, 0])
        return [(told[0], told[2]), (told[1], told[3])]
    found = []
    for length, reach, step in zip(lengths, size, strides, strict=True):
        total = max(0, (ceil(length / step) - 1) * step + reach - length) if way != "VALID" else 0
        less, more = total // 2, total - total // 2
        found.append((more, less) if way == "SAME_LOWER" else (less, more))
    return found


def _cuts(node: Node, lengths: Sequence[int], whole: Sequence[int]) -> list[tuple[int, int]]:
    """What `ConvTranspose` cuts off before and after each side of a length."""
    way, wanted = node.get("auto_pad", b"NOTSET").decode(), node.get("output_shape", None)
    if wanted is None and way.startswith("SAME"):
        wanted = [n * step for n, step in zip(lengths, node.get("strides", [1, 1]), strict=True)]
    if wanted is None:
        told = node.get("pads", [0, 0, 0, 0])
        return [(told[0], told[2]), (told[1], told[3])]
    totals = [length - asked for length, asked in zip(whole, wanted, strict=True)]
    if min(totals) < 0:
        raise UntranslatedError("ConvTranspose to more than its kernel reaches")
    halves = [(total // 2, total - total // 2) for total in totals]
    return halves if way == "SAME_UPPER" else [(more, less) for less, more in halves]


def _spread(node: Node, kernel: Any) -> Any:
    """A kernel (…, …, h, w) with zeros between its numbers, which is what dilations make of it.

    TensorFlow has no gradient of spread kernels on CPUs; with the zeros in them it is the same.
    """
    spread = node.get("dilations", [1, 1])
    wide = np.zeros((*kernel.shape[:2], *_reach(kernel.shape[2:], spread)), kernel.dtype)
    wide[:, :, :: spread[0], :: spread[1]] = kernel
    return wide


def _reach(size: Sequence[int], spread: Sequence[int]) -> list[int]:
    return [(length - 1) * step + 1 for length, step in zip(size, spread, strict=True)]


def _check_planar(node: Node, images: Any) -> None:
    if images.shape.rank != 4 or None in tuple(images.shape[1:]):
        raise UntranslatedError(f"{node.kind} of a tensor of shape {images.shape}")
