"""Import TensorFlow once, with its threads and its log level set before it is imported."""

import os
from typing import Any


def tensorflow() -> Any:
    """Return the TensorFlow module.

    On first use in a pytest-xdist worker the cores are divided among the workers; TensorFlow reads the
    environment only when it is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("OMP_NUM_THREADS", threads)
    import tensorflow as tf

    # Its warnings are advice to whoever wrote the graph; they would drown what a user needs to read.
    tf.get_logger().setLevel("ERROR")
    return tf
