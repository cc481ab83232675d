"""What the structures learn, and how they are made to: noisy patterns, and last layers fitted in closed form."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.compute.backend import tensorflow

SIZE = 8


def patterns(classes: int, channels: int) -> NDArray[np.float64]:
    """One picture of 8 × 8 blots for every class, the same seen in a mirror: (classes, 8, 8, channels)."""
    random = np.random.default_rng(5)
    half = random.choice([0.25, 0.75], (classes, SIZE // 2, SIZE // 4, channels)).repeat(2, 1).repeat(2, 2)
    return np.concatenate([half, half[:, :, ::-1]], axis=2)


@dataclass(frozen=True)
class Task:
    """Which images there are: grey or in colour, of how many classes, within which box."""

    channels: int = 1
    classes: int = 4
    box: tuple[float, float] = (0.0, 1.0)
    noise: float = 0.45

    def draw(self, count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Noisy patterns (count, 8, 8, channels) within the box, and their classes (count,) in turn."""
        random = np.random.default_rng(seed)
        labels = np.arange(count) % self.classes
        images = patterns(self.classes, self.channels)[labels]
        images = np.clip(images + random.normal(0, self.noise, images.shape), 0, 1)
        low, high = self.box
        return (low + (high - low) * images).astype(np.float32), labels

    @cached_property
    def training(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What layers are fitted on."""
        return self.draw(300, seed=1)

    @cached_property
    def audited(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What models are measured on."""
        return self.draw(72, seed=2)

    def input(self) -> Any:
        """A Keras input for one image."""
        tensorflow()
        import keras

        return keras.Input((SIZE, SIZE, self.channels))

    def solve(self, rows: NDArray[Any], few: int | None = None, scale: float = 8.0) -> list[NDArray[Any]]:
        """Kernel and bias that make classes of features (300, n), by least squares with a ridge.

        few: of how many of the images only, for a head that is often wrong.
        """
        wanted = scale * (np.eye(self.classes)[self.training[1]] - 1 / self.classes)
        design = np.column_stack([np.asarray(rows, np.float64), np.ones(len(rows))])[:few]
        ridge = 0.3 * np.eye(design.shape[1])
        solved = np.linalg.solve(design.T @ design + ridge, design.T @ wanted[:few])
        return [solved[:-1], solved[-1]]

    def features(self, inputs: Any, features: Any) -> NDArray[Any]:
        """What a part of a network makes of the images that layers are fitted on: (300, n)."""
        import keras

        return np.asarray(keras.Model(inputs, features)(self.training[0], training=False))

    def head(self, inputs: Any, features: Any, activation: Any = "softmax", few: int | None = None, **how: Any) -> Any:
        """A dense layer on features, fitted."""
        import keras

        scale = how.pop("scale", 8.0)
        layer = keras.layers.Dense(self.classes, activation=activation, **how)
        outputs = layer(features)
        layer.set_weights(self.solve(self.features(inputs, features), few, scale))
        return outputs


def body(x: Any, filters: int = 6, **how: Any) -> Any:
    """A random convolution, flattened."""
    from keras import layers

    return layers.Flatten()(layers.Conv2D(filters, 3, activation=how.pop("activation", "relu"), **how)(x))
