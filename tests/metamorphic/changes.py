"""The changes, each from a world to one that differs in nothing that matters."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.metamorphic.world import Array, World, with_heads

# Blocks of seven in place of two hundred, and attacks that move eight images at a time.
_SMALL_BATCHES = """\
from auditor.search import blocks
from auditor.classifiers import common

common.BATCH, common._FEWEST, common._VALUES = 7, 7, 0
blocks._FEWEST, blocks._BATCH_PIXELS = 8, 1
"""
_ODD = {
    "release": "model.2",
    "other": "release",
    "conv": "0mega-net",
    "data": "bilder mit leerzeichen",
    "spec": "ganz-anders",
    "right": "accuracy",
    "worst": "0",
    "flip": "clean",
    "onto": "model",
    "ball": "right",
}


def relabelled(world: World) -> World:
    """Classes numbered in another order, in model and data."""
    new = np.array([2, 0, 3, 1])  # of class c
    old = np.argsort(new)

    def moved(kernel: Array, bias: Array) -> tuple[Array, Array]:
        return kernel[:, old], bias[old]

    names = tuple(world.classes[c] for c in old)
    return with_heads(world, moved, labels=new[world.labels], classes=names, target=int(new[world.target]))


def shuffled(world: World) -> World:
    """Images in another order."""
    order = np.random.default_rng(4).permutation(len(world.labels))
    return replace(world, images=world.images[order], labels=world.labels[order])


def doubled(world: World) -> World:
    """Every image twice."""
    return replace(world, images=np.tile(world.images, (2, 1, 1, 1)), labels=np.tile(world.labels, 2))


def in_bytes(world: World) -> World:
    """Images from 0 to 255, and models that take them so."""
    return replace(world, box=(0.0, 255.0))


def around_zero(world: World) -> World:
    """Images from -1 to 1, and models that take them so."""
    return replace(world, box=(-1.0, 1.0))


def with_nobody(world: World) -> World:
    """A class more, of which there is no image, and that no small change leads to: a fine chequerboard."""
    board = np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0).ravel() / 32

    def wider(kernel: Array, bias: Array) -> tuple[Array, Array]:
        grown = kernel.shape[0] == board.size  # of a convolution's features, nothing speaks for it
        column = 40.0 * board if grown else np.zeros(len(kernel))
        return np.column_stack([kernel, column]), np.append(bias, -20.0)

    return with_heads(world, wider, classes=(*world.classes, "nobody"))


def renamed(world: World) -> World:
    """Other names for classes, cases, models and files, some of which are odd, or mean something else elsewhere."""
    return replace(world, classes=("3", "a.b", "crane (bird)", "Größe <b>"), names=_ODD)


def in_small_batches(world: World) -> World:
    """Few images at a time."""
    return replace(world, conftest=_SMALL_BATCHES)


CHANGES: tuple[Callable[[World], World], ...] = (
    relabelled,
    shuffled,
    doubled,
    in_bytes,
    around_zero,
    with_nobody,
    renamed,
    in_small_batches,
)
