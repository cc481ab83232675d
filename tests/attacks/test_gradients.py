"""Gradients by blocks of pixels are TensorFlow's own, for every shape of filter and image."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.compute.backend import tensorflow
from auditor.compute.randomness import normal_row
from auditor.search import differentiation


def normal(*shape: int) -> Any:
    """A tensor of the same normal numbers at every call."""
    return tensorflow().constant(normal_row(0, "gradients", 0, shape).astype(np.float32))


def both_ways(function: Any, images: Any) -> tuple[Any, Any, set[str]]:
    """TensorFlow's gradient of a function's random weighted sum, ours, and the operations that ours takes."""
    tf = tensorflow()
    weights = normal(*function(images).shape)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(function(images) * weights)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *images.shape[1:]))])
    def ours(x: Any) -> Any:
        with differentiation.traced():
            found = tf.reduce_sum(function(x) * weights)
        return differentiation.gradient(found, x)

    operations = {op.type for op in ours.get_concrete_function().graph.get_operations()}
    return tape.gradient(value, images).numpy(), ours(images).numpy(), operations


def assert_same(theirs: Any, ours: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
    st.sampled_from(["SAME", "VALID"]),
    st.integers(1, 3),
)
def test_a_convolutions_gradient_is_tensorflows(shape, kernel, padding, stride):
    height, width, channels = shape
    rows, columns, outputs = kernel
    shape = (max(height, rows), max(width, columns), channels)
    filters = normal(rows, columns, channels, outputs)
    theirs, ours, _ = both_ways(lambda x: tensorflow().nn.conv2d(x, filters, stride, padding), normal(2, *shape))
    assert_same(theirs, ours)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_few_channels_are_computed_by_blocks(channels):
    filters = normal(3, 3, channels, 8)
    theirs, ours, operations = both_ways(
        lambda x: tensorflow().nn.conv2d(x, filters, 1, "SAME"), normal(2, 6, 7, channels)
    )
    assert "DepthToSpace" in operations
    assert "Conv2DBackpropInput" not in operations
    assert_same(theirs, ours)


@pytest.mark.parametrize(
    "convolution",
    [
        lambda x, w: tensorflow().nn.conv2d(x, w, 1, "SAME", dilations=2),
        lambda x, w: tensorflow().nn.conv2d(x, w, 1, [[0, 0], [3, 0], [0, 1], [0, 0]]),
        lambda x, w: tensorflow().nn.conv2d(x, w[:, :, :1], 1, "SAME"),
        lambda x, w: tensorflow().nn.conv2d(x, w[:1, :1], 1, "SAME"),
    ],
    ids=["dilated", "padded by hand", "in groups", "one pixel"],
)
def test_other_convolutions_are_differentiated_the_plain_way(convolution):
    filters = normal(3, 3, 2, 8)
    theirs, ours, operations = both_ways(lambda x: convolution(x, filters), normal(2, 8, 7, 2))
    assert "Conv2DBackpropInput" in operations
    assert_same(theirs, ours)


def test_filters_that_depend_on_the_image_pass_their_gradient_on():
    tf = tensorflow()

    def own_filters(x: Any) -> Any:
        return tf.nn.conv2d(x, tf.reshape(tf.reduce_mean(x[:, :3, :3], axis=0), (3, 3, 1, 1)), 1, "SAME")

    theirs, ours, _ = both_ways(own_filters, normal(2, 6, 6, 1))
    assert_same(theirs, ours)


def test_what_images_have_no_part_in_has_no_gradient():
    tf = tensorflow()

    @tf.function(autograph=False)
    def ours(x: Any) -> None:
        with differentiation.traced():
            found = tf.reduce_sum(normal(3))
        assert differentiation.gradient(found, x) is None

    ours(normal(1, 2, 2, 1))
