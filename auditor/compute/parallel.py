"""Independent pieces of work on this machine's cores, each on one of them.

TensorFlow's sums depend in their last digits on how many threads an operation is divided among. So operations aren't
divided (`compute.backend`), and cores are kept busy by several pieces at once: blocks of an attack, batches of a
prediction. What a piece gives depends neither on how many cores there are nor on what else they do.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Event
from typing import Any, TypeVar

from auditor.compute import progress
from auditor.compute.capacity import cores
from auditor.values import Classifier

Item = TypeVar("Item")
Result = TypeVar("Result")

_within: ContextVar[bool] = ContextVar("within", default=False)


def operation_threads() -> int:
    """How many threads TensorFlow divides an operation among: one, unless the user has said otherwise."""
    said = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return max(1, int(said)) if said.isdecimal() else 1


def at_once() -> int:
    """How many pieces this process works on at once: as many as it has cores for, but one where a GPU does the work.

    Workers of pytest-xdist share the cores.
    """
    tf = sys.modules.get("tensorflow")
    if tf is not None and tf.config.list_physical_devices("GPU"):
        return 1
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, cores() // workers // operation_threads())


@contextmanager
def alone() -> Iterator[None]:
    """Work off what `each` is given in this block one after the other: it is a piece among others itself."""
    token = _within.set(True)
    try:
        yield
    finally:
        _within.reset(token)


def each(
    function: Callable[[Item], Result], items: Sequence[Item], most: int | None = None
) -> Iterator[tuple[int, Result]]:
    """Give (position, function(item)) of every item as it is done, in any order, several at once.

    most: how many at once; `at_once()` if left out. The first error is raised, and what is under way then stops when
    it next tells of its progress.
    """
    count = min(len(items), most or at_once())
    if count <= 1 or _within.get():
        yield from ((position, function(item)) for position, item in enumerate(items))
        return
    stopped = Event()

    def work(position: int) -> tuple[int, Result]:
        with alone(), progress.unless(stopped):
            return position, function(items[position])

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(copy_context().run, work, position) for position in range(len(items))]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            stopped.set()
            for future in futures:
                future.cancel()


def in_order(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Give function(item) of every item, in their order; worked off as by `each`."""
    done = dict(each(function, items))
    return [done[position] for position in range(len(items))]


def both(one: Callable[[], Result], other: Callable[[], Item]) -> tuple[Result, Item]:
    """Give what two functions give, which don't need each other: at once where there are cores."""
    functions: tuple[Callable[[], Any], ...] = (one, other)
    first, second = in_order(lambda function: function(), functions)
    return first, second


def side_by_side(function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]) -> list[Any]:
    """Work off tasks here, as many at once as there are cores."""
    return in_order(lambda task: function(classifier, task), tasks)
