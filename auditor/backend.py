"""Import TensorFlow once, with its threads set before it is imported, and without its start-up chatter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.capacity import cores


def tensorflow() -> Any:
    """Return the TensorFlow module.

    On first use the cores this process may keep busy are divided among the workers of pytest-xdist, if there are
    any; TensorFlow reads the environment only when it is imported. What the user has set is left alone.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = max(1, cores() // workers)
    if threads < (os.cpu_count() or 1):
        chosen = os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
        # At least two: a model that Python functions stand for holds one while it waits for its answer.
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(max(2, int(chosen))))
        os.environ.setdefault("OMP_NUM_THREADS", chosen)
    with silenced():
        import tensorflow as tf

        tf.constant(0)  # the first tensor looks for devices, and says so
    # Its warnings are advice to whoever wrote the graph; they would drown what a user needs to read.
    tf.get_logger().setLevel("ERROR")
    return tf


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
