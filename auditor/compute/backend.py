"""Import TensorFlow once, with its threads set before it is imported, and without its start-up chatter."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.compute.parallel import at_once, operation_threads


def tensorflow() -> Any:
    """Return the TensorFlow module, imported on first use with its threads settled."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    settle_threads()
    with silenced(), _kept_for_good():
        import tensorflow as tf

        tf.constant(0)  # the first tensor looks for devices, and says so
    # Its warnings are advice to whoever wrote the graph; they would drown what a user needs to read.
    tf.get_logger().setLevel("ERROR")
    return tf


def settle_threads() -> None:
    """Say in the environment, where TensorFlow reads it when it is imported, how many threads it has and what it logs:
    one for each operation (see `auditor.compute.parallel`). What the user has set is left alone.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", str(operation_threads()))
    # One more than there are pieces of work at once: a model that Python functions stand for holds one while it waits.
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(at_once() + 1))


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Let the garbage collector pass by what is imported, now and from then on.

    TensorFlow's modules are a million objects that stay as long as the process, and were looked through again and
    again for garbage: a fifth of the import, and a tenth of what a small audit takes after it.
    """
    looks = gc.isenabled()
    gc.collect()  # what is garbage already would be kept as well
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if looks:
            gc.enable()


@contextmanager
def silenced() -> Iterator[None]:
    """Keep native libraries off standard error; what goes wrong in Python is raised as ever.

    Some of their messages come before they have read the log level.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
