"""Import TensorFlow once, with its threads set before it is imported, and without its start-up chatter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.capacity import cores


def threads_each(processes: int) -> int:
    """How many threads each of so many processes gets, of the cores that this one may keep busy; at least 1."""
    return max(1, cores() // processes)


def thread_settings(threads: int) -> dict[str, str]:
    """The environment in which TensorFlow, which reads it when it is imported, uses so many threads."""
    # At least two between operations: a model that Python functions stand for holds one while it waits for its answer.
    between = str(max(2, threads))
    return {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": between,
        "OMP_NUM_THREADS": str(threads),
    }


def tensorflow() -> Any:
    """Return the TensorFlow module.

    On first use the cores this process may keep busy are divided among the workers of pytest-xdist, if there are
    any; TensorFlow reads the environment only when it is imported. What the user has set is left alone.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    threads = threads_each(workers)
    if threads < (os.cpu_count() or 1):
        chosen = int(os.environ.get("TF_NUM_INTRAOP_THREADS", threads))
        for name, value in thread_settings(chosen).items():
            os.environ.setdefault(name, value)
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
