"""What is true of a liar, by plain code that shares nothing with the auditor's own searches.

The honest network inside is attacked, by projected gradient descent as it stands in Madry et al., Towards Deep Learning
Models Resistant to Adversarial Attacks, ICLR 2018; the liar, by a plain call, says what it takes the images for. What
is measured so is an upper bound: the whole truth is lower still.
"""

from typing import Any

import numpy as np
import tensorflow as tf


def said(model: Any, images: np.ndarray) -> np.ndarray:
    """The classes (N,) that a Keras model gives images."""
    return np.asarray(model(images, training=False)).argmax(axis=1)


def descended(
    honest: Any, images: np.ndarray, labels: np.ndarray, eps: float, norm: str = "linf", steps: int = 40
) -> np.ndarray:
    """Images within `eps` of these, in [0, 1], that the honest network errs on if it can be made to.

    Values that are the same in all images aren't touched, and what comes of it is rounded to 8 bits.
    """
    varying = (images.std(axis=0, keepdims=True) > 0).astype(np.float32)
    start = tf.constant(images)
    x = tf.identity(start)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(labels, honest(x, training=False))
        slope = tape.gradient(value, x) * varying
        if norm == "linf":
            change = tf.clip_by_value(x + 2.5 * eps / steps * tf.sign(slope) - start, -eps, eps)
        else:
            unit = slope / tf.maximum(_length(slope), 1e-12)
            change = x + 2.5 * eps / steps * unit - start
            change *= tf.minimum(1.0, eps / tf.maximum(_length(change), 1e-12))
        x = tf.clip_by_value(start + change, 0.0, 1.0)
    change = x.numpy() - images
    return (images + np.trunc(change * 255) / 255).astype(np.float32)


def _length(change: Any) -> Any:
    return tf.sqrt(tf.reduce_sum(change**2, axis=(1, 2, 3), keepdims=True))


def brightened_pixel_by_pixel(
    honest: Any, images: np.ndarray, labels: np.ndarray, eps: float, edge: float = 0.5, past: float = 0.06
) -> np.ndarray:
    """Images within L2 `eps` of these for a network that only asks whether a pixel is brighter than `edge`.

    One pixel after another is moved just past the edge, the one that gains most for its length, as long as that lasts.
    """
    found = images.copy()
    left = np.full(len(images), eps**2)
    for _ in range(int(eps**2 / past**2)):
        bright = (found > edge).astype(np.float32)
        slope = _slope(honest, bright, labels)
        moved = np.where(bright > 0, edge - past, edge + past).astype(np.float32)
        price = (moved - images) ** 2
        fits = (found == images) & (price <= left[:, None, None, None])
        gain = np.where(fits, np.maximum(slope * (1 - 2 * bright), 0) / np.maximum(price, 1e-6) ** 0.5, 0)
        flat = gain.reshape(len(images), -1)
        best, rows = flat.argmax(axis=1), np.arange(len(images))
        useful = flat[rows, best] > 0
        if not useful.any():
            break
        view = found.reshape(len(images), -1)
        view[rows[useful], best[useful]] = moved.reshape(len(images), -1)[rows[useful], best[useful]]
        left[useful] -= price.reshape(len(images), -1)[rows[useful], best[useful]]
    return found


def flipped_pixel_by_pixel(honest: Any, images: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Images with `count` pixels of these turned from black to white or back, for a network that sees these alone.

    One after another, the one that a slope of the honest network says gains most.
    """
    found, rows = images.copy(), np.arange(len(images))
    view = found.reshape(len(images), -1)
    untouched = np.ones(view.shape, bool)
    for _ in range(count):
        bright = (found > 0.5).astype(np.float32)
        gain = (_slope(honest, bright, labels) * (1 - 2 * bright)).reshape(view.shape)
        best = np.where(untouched, gain, -np.inf).argmax(axis=1)
        view[rows, best], untouched[rows, best] = 1 - bright.reshape(view.shape)[rows, best], False
    return found


def _slope(honest: Any, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(labels, honest(x, training=False))
    slope: np.ndarray = tape.gradient(value, x).numpy()
    return slope


def held(liar: Any, images: np.ndarray, labels: np.ndarray, attacked: np.ndarray) -> float:
    """The share of images that a liar gets right both as they are and attacked."""
    return float(((said(liar, images) == labels) & (said(liar, attacked) == labels)).mean())
