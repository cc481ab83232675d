"""On how many cores NumPy multiplies matrices.

Its sums are rounded otherwise on other numbers of cores, and small matrices take longer on several than on one.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController

_lock, _limit, _within = Lock(), ExitStack(), list[None]()


@contextmanager
def on_one_core() -> Iterator[None]:
    """NumPy multiplies on one core, in whatever thread, until the last of those who want it has left."""
    with _lock:
        if not _within:
            _limit.enter_context(_multiplying().limit(limits=1, user_api="blas"))
        _within.append(None)
    try:
        yield
    finally:
        with _lock:
            _within.pop()
            if not _within:
                # Only the thread that set a limit may take it back, and that was whoever came first.
                OpenBLASController.clear_controlling_thread(force=True)
                _limit.close()


@cache
def _multiplying() -> Any:
    """Looked for once, which takes a while."""
    return ThreadpoolController()
