"""Networks that differ in what stands before the last layer."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.differential.registry import structure
from tests.differential.task import SIZE, Task, body

BALL, FLIP = ("ball",), ("flip",)
COLOUR, BYTES = Task(channels=3), Task(box=(0.0, 255.0))


def normalised(task: Task, layer: Any) -> Any:
    """A network with a normalisation whose statistics and weights are no longer what they begin as."""
    random = np.random.default_rng(3)
    x = task.input()
    maps = layers.Activation("relu")(layer(layers.Conv2D(6, 3)(x)))
    layer.set_weights([random.uniform(0.5, 1.5, part.shape) for part in layer.get_weights()])
    return keras.Model(x, task.head(x, layers.Flatten()(maps)))


@structure(formats=("saved_model", "weights"))
def batch_normalisation(task: Task) -> Any:
    return normalised(task, layers.BatchNormalization())


@structure(kinds=BALL)
def layer_normalisation(task: Task) -> Any:
    return normalised(task, layers.LayerNormalization())


@structure(kinds=FLIP)
def group_normalisation(task: Task) -> Any:
    return normalised(task, layers.GroupNormalization(3))


@structure(formats=("saved_model",))
def mixed_precision(task: Task) -> Any:
    """Computes in float16, and ends in float32, as Keras advises."""
    x = task.input()
    return keras.Model(x, task.head(x, body(x, dtype="mixed_float16"), dtype="float32"))


@structure(attack="pgd", eps=0.12)
def half_precision_to_the_end(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x, dtype="mixed_float16"), dtype="mixed_float16"))


@structure(kinds=BALL, task=COLOUR)
def channels_first_within(task: Task) -> Any:
    x = task.input()
    maps = layers.Conv2D(6, 3, activation="relu", data_format="channels_first")(layers.Permute((3, 1, 2))(x))
    return keras.Model(x, task.head(x, layers.Flatten()(maps)))


def _channels_first(images: Any) -> Any:
    return images.transpose(0, 3, 1, 2)


@structure(kinds=FLIP, task=COLOUR, preprocessing={"layout": "nchw"}, feed=_channels_first)
def channels_first(task: Task) -> Any:
    """Takes images with their channels first, as a spec must say."""
    x = keras.Input((3, SIZE, SIZE))
    y = task.input()
    maps = layers.Conv2D(6, 3, activation="relu", data_format="channels_first")
    outputs = task.head(y, layers.Flatten()(maps(layers.Permute((3, 1, 2))(y))))
    last = keras.Model(y, outputs).layers[-1]
    return keras.Model(x, last(layers.Flatten()(maps(x))))


@structure(kinds=FLIP, task=BYTES)
def rescaling(task: Task) -> Any:
    """Takes bytes, and divides them itself."""
    x = task.input()
    return keras.Model(x, task.head(x, body(layers.Rescaling(1 / 127.5, offset=-1)(x))))


@structure(kinds=BALL, task=COLOUR)
def normalization(task: Task) -> Any:
    """Knows mean and variance of each channel."""
    x = task.input()
    y = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06])(x)
    return keras.Model(x, task.head(x, body(y)))


@structure(kinds=FLIP)
def resizing(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(layers.Resizing(11, 13)(x), 4)))


def _as_caffe(images: Any) -> Any:
    return (images * 255)[..., ::-1] - np.array([103.9, 116.8, 123.7], np.float32)


@structure(
    kinds=BALL,
    task=COLOUR,
    preprocessing={"channels": "bgr", "scale": 255, "mean": [103.9, 116.8, 123.7]},
    feed=_as_caffe,
)
def preprocessing_of_the_spec(task: Task) -> Any:
    """Takes blue first and bytes less their mean, and scales within as well."""
    x, y = task.input(), task.input()
    inner = task.head(y, body(layers.Rescaling(1 / 50)(_as_caffe(y))))
    network = keras.Model(y, inner)
    rest = network.layers[-4:]
    z = x
    for layer in rest:
        z = layer(z)
    return keras.Model(x, z)


@structure(kinds=FLIP)
def depthwise(task: Task) -> Any:
    x = task.input()
    maps = layers.DepthwiseConv2D(3, depth_multiplier=6, activation="relu")(x)
    return keras.Model(x, task.head(x, layers.Flatten()(maps)))


@structure(kinds=BALL, task=COLOUR)
def separable(task: Task) -> Any:
    x = task.input()
    maps = layers.SeparableConv2D(8, 3, activation="relu")(x)
    return keras.Model(x, task.head(x, layers.Flatten()(maps)))


@structure(kinds=FLIP)
def global_average(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, layers.GlobalAveragePooling2D()(layers.Conv2D(64, 5, activation="relu")(x))))


@structure(kinds=BALL)
def global_maximum(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, layers.GlobalMaxPooling2D()(layers.Conv2D(64, 5, activation="relu")(x))))


@structure(kinds=FLIP)
def learnt_slopes(task: Task) -> Any:
    x = task.input()
    maps = layers.PReLU(alpha_initializer=keras.initializers.Constant(0.3))(layers.Conv2D(6, 3)(x))
    return keras.Model(x, task.head(x, layers.Flatten()(maps)))


@structure(kinds=BALL)
def gelu(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x, activation="gelu")))


@structure(kinds=FLIP)
def swish(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x, activation="swish")))


@structure(kinds=BALL)
def tanh(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x, activation="tanh")))


@structure(kinds=FLIP)
def random_only_in_training(task: Task) -> Any:
    """Dropout, noise and augmentation, all of which rest when a model is asked."""
    x = task.input()
    noisy = layers.RandomTranslation(0.4, 0.4)(layers.GaussianNoise(0.9)(x))
    maps = layers.SpatialDropout2D(0.5)(layers.Conv2D(6, 3, activation="relu")(noisy))
    return keras.Model(x, task.head(x, layers.Dropout(0.5)(layers.Flatten()(maps))))


@structure(kinds=BALL)
def maxout(task: Task) -> Any:
    x = task.input()
    pieces = ops.reshape(layers.Dense(64)(layers.Flatten()(x)), (-1, 32, 2))
    return keras.Model(x, task.head(x, ops.max(pieces, axis=-1)))


@structure(kinds=FLIP)
def attention(task: Task) -> Any:
    """Rows of an image look at one another."""
    x = task.input()
    rows = layers.Reshape((SIZE, SIZE))(x)
    seen = layers.MultiHeadAttention(2, 4)(rows, rows)
    return keras.Model(x, task.head(x, layers.Flatten()(layers.Add()([rows, seen]))))


@structure(kinds=BALL)
def recurrent(task: Task) -> Any:
    """Reads an image row by row."""
    x = task.input()
    return keras.Model(x, task.head(x, layers.GRU(32)(layers.Reshape((SIZE, SIZE))(x))))


@structure(kinds=FLIP)
def up_and_down(task: Task) -> Any:
    x = task.input()
    wide = layers.Conv2DTranspose(3, 3, strides=2, activation="relu")(layers.ZeroPadding2D(1)(x))
    return keras.Model(x, task.head(x, layers.Flatten()(layers.AveragePooling2D(2)(layers.Cropping2D(2)(wide)))))
