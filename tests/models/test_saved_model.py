"""SavedModels: gradients that survive freezing, those that are dropped, and a softmax that can't be seen."""

import numpy as np

from auditor.compute.backend import tensorflow
from auditor.models.saved_model import Params, load
from tests.support import CLASSES, SIZE, exported, samples


def gradient(forward):
    tf, images = tensorflow(), tensorflow().constant(samples(5).images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = forward(images)[:, 0]
    return tape.gradient(value, images).numpy()


def test_activations_with_a_gradient_of_their_own_keep_the_true_one(tmp_path):
    """SiLU's hides in the SavedModel as a function that would be gone after freezing."""
    tensorflow()
    import keras

    layers = [keras.layers.Conv2D(4, 3, activation="silu"), keras.layers.BatchNormalization(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1)), *layers, keras.layers.Dense(CLASSES)])
    model.export(tmp_path / "silu", verbose=False)
    classifier = load(Params(path=str(tmp_path / "silu"), output="logits"))
    expected = gradient(lambda images: model(images, training=False))
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(gradient(classifier.forward), expected, atol=1e-5)


def test_a_gradient_that_the_checkpoint_brings_is_dropped(tmp_path):
    tf = tensorflow()

    @tf.custom_gradient
    def rounded(images):
        return tf.round(images), lambda upstream: 7 * upstream

    path = str(exported(tmp_path, lambda images: tf.reshape(rounded(images), (-1, SIZE * SIZE))[:, :CLASSES]))
    classifier = load(Params(path=path, output="logits"))
    assert gradient(tf.saved_model.load(path).call).max() == 7
    np.testing.assert_array_equal(gradient(classifier.forward), 0)


def test_a_softmax_that_cannot_be_seen_is_inverted(tmp_path):
    tf = tensorflow()

    def call(images):
        scores = tf.exp(3 * tf.reshape(images, (-1, SIZE * SIZE))[:, :CLASSES])
        return scores / tf.reduce_sum(scores, axis=1, keepdims=True)

    classifier = load(Params(path=str(exported(tmp_path, call)), output="probabilities"))
    assert classifier.logits_from == "the logarithm of the checkpoint's probabilities"
    logits, images = classifier.predict(samples().images), samples().images
    expected = 3 * images.reshape(len(images), -1)[:, :CLASSES]
    np.testing.assert_allclose(np.diff(logits), np.diff(expected), atol=1e-4)


def test_layers_end_where_their_activation_does(tmp_path):
    """A convolution without an activation is shown with its bias; what several operations read is shown as it is."""
    tf = tensorflow()
    kernel = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 1, 2)), tf.float32)

    def call(images):
        plain = tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "VALID"), [1.0, 2.0], name="plain")
        shared = tf.nn.conv2d(plain, tf.ones((3, 3, 2, 3)), 1, "VALID", name="shared")
        return tf.reduce_mean(tf.nn.relu(shared) + tf.nn.tanh(shared), axis=(1, 2))

    classifier = load(Params(path=str(exported(tmp_path, call)), output="logits"))
    assert [layer.name for layer in classifier.layers()] == ["plain:0", "shared:0"]
    np.testing.assert_array_equal(classifier.layers()[0].kernel, kernel)


def test_each_of_several_signatures_is_audited_with_the_preprocessing_inside_it(tmp_path):
    """One resizes and scales before the network, the other takes images as the network does."""
    import pytest

    tf = tensorflow()
    from auditor.values import ModelError

    random = np.random.default_rng(4)
    kernel, taken = random.normal(size=(SIZE * SIZE, CLASSES)).astype(np.float32), (None, SIZE, SIZE, 1)
    module = tf.Module()
    module.kernel = tf.Variable(kernel)

    def network(images):
        return {"scores": tf.matmul(tf.reshape(images, (-1, SIZE * SIZE)), module.kernel)}

    def whole(photos):
        return network(tf.image.resize(photos, (SIZE, SIZE)) / 127.5 - 1.0)

    large = tf.TensorSpec((None, 2 * SIZE, 2 * SIZE, 1), tf.float32)
    named = {"serving_default": tf.function(whole, input_signature=[large])}
    named["plain"] = tf.function(network, input_signature=[tf.TensorSpec(taken, tf.float32)])
    tf.saved_model.save(module, tmp_path / "m", signatures=named)
    images = samples().images
    plain = load(Params(path=str(tmp_path / "m"), output="logits", signature="plain"))
    np.testing.assert_allclose(plain.predict(images), images.reshape(len(images), -1) @ kernel, atol=1e-5)
    photos = 255 * np.repeat(np.repeat(images, 2, axis=1), 2, axis=2)  # halved, each pixel is the mean of four alike
    served = load(Params(path=str(tmp_path / "m"), output="logits"))
    assert served.input_shape == (2 * SIZE, 2 * SIZE, 1)
    right = (2 * images - 1).reshape(len(images), -1) @ kernel
    np.testing.assert_allclose(served.predict(photos), right, atol=1e-4)
    assert np.abs(gradient(lambda given: served.forward(tf.image.resize(given, (2 * SIZE, 2 * SIZE))))).max() > 1e-4
    with pytest.raises(ModelError, match="has no signature 'plian'; nearest: plain, serving_default"):
        load(Params(path=str(tmp_path / "m"), output="logits", signature="plian"))
