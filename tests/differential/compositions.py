"""Networks made of networks: nested, shared, side by side, averaged."""

from typing import Any

import keras
from keras import layers, ops

from tests.differential.registry import structure
from tests.differential.task import Task, body


def network(task: Task, few: int | None = None, activation: str = "softmax") -> Any:
    """A small network, as others are made of."""
    x = task.input()
    return keras.Model(x, task.head(x, body(x), activation, few))


def sequential(task: Task) -> Any:
    """The same from a list of layers."""
    inner = network(task)
    return keras.Sequential([task.input(), *inner.layers[1:]])


@structure(attack="pgd")
def a_list_of_layers(task: Task) -> Any:
    return sequential(task)


@structure()
def nested_functional(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, network(task)(x))


@structure(attack="pgd", formats=("saved_model", "weights"))
def nested_sequential(task: Task) -> Any:
    return keras.Sequential([task.input(), layers.GaussianNoise(0.1), sequential(task)])


@structure()
def nested_body(task: Task) -> Any:
    """A backbone as one layer, and a head."""
    x = task.input()
    y = task.input()
    features = keras.Model(y, body(y))(x)
    return keras.Model(x, task.head(x, features))


@structure()
def nested_twice_with_operation(task: Task) -> Any:
    x, y = task.input(), task.input()
    middle = keras.Model(y, 0.7 * network(task)(y) + 0.3 * network(task, few=30)(y))
    return keras.Model(x, middle(x))


@structure(attack="pgd")
def shared_layer(task: Task) -> Any:
    """One convolution that sees the image and its mirror image."""
    x = task.input()
    look = layers.Conv2D(4, 3, activation="relu")
    both = layers.Concatenate()([layers.Flatten()(look(x)), layers.Flatten()(look(ops.flip(x, axis=1)))])
    return keras.Model(x, task.head(x, both))


@structure(eps=0.12)
def shared_softmax_head(task: Task) -> Any:
    """One dense softmax used on two sets of features, of which the last one isn't the output."""
    x = task.input()
    inner = network(task, few=60)
    features = keras.Model(inner.inputs, inner.layers[-2].output)
    head = inner.layers[-1]
    return keras.Model(x, ops.maximum(head(features(x)), 0) * 0.5 + head(features(ops.roll(x, 1, axis=1))) * 0.5)


@structure(formats=("saved_model", "weights", "tflite"), eps=0.12)
def two_heads(task: Task) -> Any:
    """Two softmax heads on one body, weighed; the second is often wrong."""
    x = task.input()
    features = body(x)
    pa, pb = task.head(x, features), task.head(x, features, few=24)
    return keras.Model(x, 0.8 * pa + 0.2 * pb)


@structure(attack="pgd", eps=0.12)
def mirrored_at_test_time(task: Task) -> Any:
    """Test-time augmentation: the mean over the image and its mirror images."""
    x = task.input()
    one = network(task)
    seen = [one(x), one(ops.flip(x, axis=2)), one(ops.flip(ops.flip(x, axis=2), axis=1))]
    return keras.Model(x, sum(seen) / 3.0)


@structure(formats=("saved_model",))
def ensemble(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Average()([network(task)(x), network(task, few=60)(x), network(task, few=30)(x)]))


@structure(attack="pgd")
def ensemble_of_logits(task: Task) -> Any:
    x = task.input()
    members = [network(task, few, "linear")(x) for few in (None, 40)]
    return keras.Model(x, layers.Softmax()(layers.Average()(members)))


@structure()
def geometric_ensemble(task: Task) -> Any:
    """The product of two networks' probabilities, shared out again."""
    x = task.input()
    product = layers.Multiply()([network(task)(x), network(task, few=40)(x)])
    return keras.Model(x, product / ops.sum(product, axis=-1, keepdims=True))


@structure(attack="pgd")
def mixture_of_experts(task: Task) -> Any:
    """Two networks and a gate that weighs them image by image."""
    x = task.input()
    gate = layers.Dense(2, activation="softmax")(body(x, 2))
    experts = ops.stack([network(task)(x), network(task, few=40)(x)], axis=1)
    return keras.Model(x, ops.sum(ops.expand_dims(gate, -1) * experts, axis=1))


@structure()
def gated_features(task: Task) -> Any:
    """Channels weighed by what the whole image shows (squeeze and excite)."""
    x = task.input()
    maps = layers.Conv2D(6, 3, activation="relu")(x)
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(maps))
    return keras.Model(x, task.head(x, layers.Flatten()(layers.Multiply()([maps, gate]))))


@structure()
def residual(task: Task) -> Any:
    x = task.input()
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    second = layers.Conv2D(4, 3, padding="same")(first)
    return keras.Model(x, task.head(x, layers.Flatten()(layers.ReLU()(layers.Add()([first, second])))))


@structure(attack="pgd")
def branches(task: Task) -> Any:
    x = task.input()
    parts = [body(x, 3), layers.Flatten()(layers.AveragePooling2D(2)(x)), body(layers.MaxPooling2D(2)(x), 3)]
    return keras.Model(x, task.head(x, layers.Concatenate()(parts)))
