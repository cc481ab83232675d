"""Networks that differ in how they end."""

from typing import Any

import keras
from keras import layers, ops

from tests.differential.registry import structure
from tests.differential.task import Task, body


@structure(formats=("saved_model", "weights", "onnx", "tflite"))
def dense_softmax(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x)))


@structure()
def activation_layer(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Activation("softmax")(task.head(x, body(x), "linear")))


@structure(attack="pgd")
def softmax_layer(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Softmax()(task.head(x, body(x), "linear")))


@structure()
def softmax_of_ops(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, ops.softmax(task.head(x, body(x), "linear"), axis=-1))


@structure(attack="pgd")
def temperature(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Softmax()(task.head(x, body(x), "linear") / 4.0))


@structure(eps=0.12)
def sharpened_after_softmax(task: Task) -> Any:
    """Temperature as ensembles have it: probabilities to a power, shared out again."""
    x = task.input()
    powers = task.head(x, body(x)) ** 0.5
    return keras.Model(x, powers / ops.sum(powers, axis=-1, keepdims=True))


@structure(output="logits")
def log_softmax(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Activation("log_softmax")(task.head(x, body(x), "linear")))


@structure(output="logits", attack="pgd", formats=("saved_model",))
def linear_logits(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x), "linear"))


@structure(output="sigmoid", task=Task(classes=2))
def one_sigmoid(task: Task) -> Any:
    """One unit: the probability of class 1."""
    x = task.input()
    kernel, bias = task.solve(task.features(x, features := body(x)))
    layer = layers.Dense(1, activation="sigmoid")
    outputs = layer(features)
    layer.set_weights([kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]])
    return keras.Model(x, outputs)


@structure(output="sigmoid")
def independent_sigmoids(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, task.head(x, body(x), "sigmoid"))


@structure(attack="pgd", eps=0.12)
def classes_reversed(task: Task) -> Any:
    """Classes in another order than the layer has them: p[:, ::-1]."""
    x = task.input()
    layer = layers.Dense(task.classes, activation="softmax")
    features = body(x)
    outputs = layer(features)
    kernel, bias = task.solve(task.features(x, features))
    layer.set_weights([kernel[:, ::-1], bias[::-1]])
    return keras.Model(x, outputs[:, ::-1])


@structure(formats=("saved_model", "weights"))
def smoothed_after_softmax(task: Task) -> Any:
    """A little of everything, so that no class is impossible."""
    x = task.input()
    return keras.Model(x, 0.9 * task.head(x, body(x)) + 0.1 / task.classes)


@structure()
def rescaled_after_softmax(task: Task) -> Any:
    x = task.input()
    return keras.Model(x, layers.Rescaling(0.8, offset=0.2 / task.classes)(task.head(x, body(x))))


@structure(attack="pgd")
def prior_after_softmax(task: Task) -> Any:
    """Other shares of the classes than in training: times their ratio, shared out again."""
    x = task.input()
    odds = task.head(x, body(x)) * ops.convert_to_tensor([1.0, 0.2, 3.0, 1.0])
    return keras.Model(x, odds / ops.sum(odds, axis=-1, keepdims=True))


@structure()
def softmax_then_dense_softmax(task: Task) -> Any:
    """A second layer that puts classes right which the first one confuses."""
    x = task.input()
    first = task.head(x, body(x), few=40, scale=4.0)
    return keras.Model(x, task.head(x, first))


@structure()
def cosine_head(task: Task) -> Any:
    """Directions compared: features and kernel of length 1."""
    x = task.input()
    features = layers.UnitNormalization()(body(x, activation="tanh"))
    return keras.Model(x, ops.softmax(10.0 * task.head(x, features, "linear", scale=2.0)))


@structure(output="logits", attack="pgd")
def prototype_head(task: Task) -> Any:
    """Squared distances from the mean of each class, negated."""
    x = task.input()
    features = layers.Dense(8)(body(x))
    rows, labels = task.features(x, features), task.training[1]
    means = ops.convert_to_tensor([rows[labels == c].mean(axis=0) for c in range(task.classes)])
    return keras.Model(x, -ops.sum((ops.expand_dims(features, 1) - means) ** 2, axis=-1))


@structure()
def two_levels(task: Task) -> Any:
    """Which half of the classes, times which of that half."""
    x = task.input()
    logits = ops.reshape(task.head(x, body(x), "linear"), (-1, 2, task.classes // 2))
    half = ops.softmax(ops.logsumexp(logits, axis=-1), axis=-1)
    within = ops.softmax(logits, axis=-1)
    return keras.Model(x, ops.reshape(ops.expand_dims(half, -1) * within, (-1, task.classes)))
